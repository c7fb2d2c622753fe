import { confidenceOf } from "@spillway/shared/calibration/confidence";
import { poolProbabilities } from "@spillway/shared/calibration/opinion-pool";
import { softmax } from "@spillway/shared/calibration/softmax";
import { confidenceRuleSchema } from "@spillway/shared/schema/calibration";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import golden from "../../vectors/calibration.json" with { type: "json" };

const SEED = { seed: 2 };
const RULES = confidenceRuleSchema.options;
const probabilities = fc
  .array(fc.double({ min: -800, max: 800, noNaN: true }), { minLength: 1, maxLength: 120 })
  .map((logits) => softmax(logits));

describe.each(RULES)("confidence by %s", (rule) => {
  it("agrees with NumPy and SciPy", () => {
    for (const vector of golden.confidence) {
      expect(confidenceOf(vector.probabilities, rule)).toBeCloseTo(vector[rule], 9);
    }
  });

  it("lies in [0, 1]", () => {
    fc.assert(
      fc.property(probabilities, (row) => {
        const confidence = confidenceOf(row, rule);
        expect(confidence).toBeGreaterThanOrEqual(0);
        expect(confidence).toBeLessThanOrEqual(1);
      }),
      SEED,
    );
  });

  it("lies in [0, 1] for uniform rows of every length, where rounding would leave it", () => {
    for (let classes = 2; classes <= 1000; classes++) {
      const row = new Float64Array(classes).fill(1 / classes);
      const confidence = confidenceOf(row, rule);
      expect(confidence).toBeGreaterThanOrEqual(0);
      expect(confidence).toBeLessThan(0.5 + 1e-12);
    }
  });

  it("is 1 for certain members whose weights add up to a little more than 1", () => {
    const pooled = poolProbabilities([Float64Array.of(1, 0), Float64Array.of(1, 0)], [0.5, 0.5 + Number.EPSILON]);
    expect(pooled[0]).toBeGreaterThan(1);
    expect(confidenceOf(pooled, rule)).toBe(1);
  });

  it("is 1 for a certain row and for a single class", () => {
    expect(confidenceOf([0, 1, 0], rule)).toBe(1);
    expect(confidenceOf([1], rule)).toBe(1);
  });

  it("does not depend on the order of the classes", () => {
    fc.assert(
      fc.property(probabilities, (row) => {
        expect(confidenceOf(row.toReversed(), rule)).toBeCloseTo(confidenceOf(row, rule), 12);
      }),
      SEED,
    );
  });

  it("rises with certainty", () => {
    const rows = [
      [0.25, 0.25, 0.25, 0.25],
      [0.4, 0.2, 0.2, 0.2],
      [0.7, 0.1, 0.1, 0.1],
      [0.97, 0.01, 0.01, 0.01],
    ];
    const confidences = rows.map((row) => confidenceOf(row, rule));
    expect(confidences).toEqual(confidences.toSorted((a, b) => a - b));
    expect(new Set(confidences).size).toBe(rows.length);
  });

  it("refuses an empty row", () => {
    expect(() => confidenceOf([], rule)).toThrow(
      new RangeError("probabilities: expected at least one class, got none"),
    );
  });

  it("refuses NaN rather than calling it certain", () => {
    const message = "probabilities: expected numbers, got NaN at class 1";
    expect(() => confidenceOf([0.5, Number.NaN, 0.5], rule)).toThrow(new RangeError(message));
  });
});

it("has a margin of 0 between equals", () => {
  expect(confidenceOf([0.1, 0.45, 0.45], "margin")).toBe(0);
});
