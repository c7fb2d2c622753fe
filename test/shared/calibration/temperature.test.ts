import { softmax } from "@spillway/shared/calibration/softmax";
import { fitTemperature, negativeLogLikelihood, TEMPERATURE_RANGE } from "@spillway/shared/calibration/temperature";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import golden from "../../vectors/calibration.json" with { type: "json" };
import { expectClose } from "../close.ts";

const SEED = { seed: 3, numRuns: 60 };
const CLASSES = 3;
/** Some rows of three logits, each with a label. */
const labelled = fc
  .array(fc.tuple(fc.array(fc.double({ min: -8, max: 8, noNaN: true }), { minLength: 3, maxLength: 3 }), fc.nat(2)), {
    minLength: 1,
    maxLength: 12,
  })
  .map((rows) => ({
    logits: Float64Array.from(rows.flatMap(([row]) => row)),
    labels: rows.map(([, label]) => label),
  }));

describe("fitTemperature", () => {
  it.each(golden.temperature)("agrees with SciPy's minimiser: $name", (vector) => {
    const logits = Float64Array.from(vector.logits);
    expectClose([fitTemperature(logits, vector.labels, vector.classes)], [vector.temperature], 1e-6);
  });

  it("is at least as likely as any other temperature in its range", () => {
    const others = [0.01, 0.05, 0.3, 0.9, 1, 1.1, 3, 20, 100];
    fc.assert(
      fc.property(labelled, ({ logits, labels }) => {
        const best = fitTemperature(logits, labels, CLASSES);
        const nll = negativeLogLikelihood(logits, labels, CLASSES, best);
        for (const other of [...others, best * 1.01, best / 1.01]) {
          if (other < TEMPERATURE_RANGE.smallest || other > TEMPERATURE_RANGE.largest) continue;
          expect(nll).toBeLessThanOrEqual(negativeLogLikelihood(logits, labels, CLASSES, other) + 1e-12);
        }
      }),
      SEED,
    );
  });

  it("does not change when a row's logits are moved by as much", () => {
    const logits = Float64Array.of(2, 0.5, 1, 0, 0.25, 1.5, 0.5, 1, 3, 2, 1, 0);
    const labels = [0, 2, 1, 0];
    const moved = logits.map((z, index) => z + 4096 * Math.floor(index / CLASSES));
    expect(fitTemperature(moved, labels, CLASSES)).toBe(fitTemperature(logits, labels, CLASSES));
  });

  it("takes log-probabilities for logits", () => {
    const logits = Float64Array.of(2, 0.5, 1, 0, 0.25, 1.5, 0.5, 1, 3);
    const rows = [0, 1, 2].flatMap((row) => [...softmax(logits.subarray(row * 3, row * 3 + 3))]);
    const labels = [0, 2, 1];
    const fromProbabilities = fitTemperature(Float64Array.from(rows, Math.log), labels, CLASSES);
    expectClose([fromProbabilities], [fitTemperature(logits, labels, CLASSES)]);
  });

  it("takes float32 logits", () => {
    const logits = [1, 0, 3, 0, 2, 0, 1, 0];
    const labels = [0, 1, 0, 0];
    expect(fitTemperature(Float32Array.from(logits), labels, 2)).toBe(
      fitTemperature(Float64Array.from(logits), labels, 2),
    );
  });

  it("takes the nearer end of its range where the best lies outside", () => {
    const confident = Float64Array.of(1, 0, 0, 1);
    expect(fitTemperature(confident, [0, 1], 2)).toBe(TEMPERATURE_RANGE.smallest);
    expect(fitTemperature(confident, [1, 0], 2)).toBe(TEMPERATURE_RANGE.largest);
  });

  it("is 1 where no temperature changes anything", () => {
    expect(fitTemperature(Float64Array.of(1, 1, 0.1, 0.1), [0, 1], 2)).toBe(1);
    expect(fitTemperature(Float64Array.of(7), [0], 1)).toBe(1);
    // A slope of 0 at the end alone is that of the best.
    expect(fitTemperature(Float64Array.of(1, 0, 1, 0, 1, 1), [0, 1, 0], 2)).toBe(TEMPERATURE_RANGE.largest);
  });

  it("takes the end that the slope at it decides where the slope underflows", () => {
    expect(fitTemperature(Float64Array.of(5000, 0, 0, 5000), [0, 1], 2)).toBe(TEMPERATURE_RANGE.smallest);
  });

  it.each([0.0100001, 0.02, 0.5, 1, 7, 99.999])("finds %d to nine digits, however far from where it starts", (best) => {
    // Three of four labels go to the larger logit: best where its probability is 3/4.
    const gap = best * Math.log(3);
    const logits = Float64Array.of(gap, 0, gap, 0, gap, 0, gap, 0);
    expect(Math.abs(fitTemperature(logits, [0, 0, 0, 1], 2) / best - 1)).toBeLessThan(1e-9);
  });

  it("allows classes that are impossible and not the label", () => {
    const logits = Float64Array.of(1, 0, -Infinity, 2, 0, -Infinity, 1, 0, -Infinity);
    const withoutThird = Float64Array.of(1, 0, 2, 0, 1, 0);
    expectClose([fitTemperature(logits, [0, 1, 0], 3)], [fitTemperature(withoutThird, [0, 1, 0], 2)]);
  });

  it.each([
    ["a label that its row calls impossible", [-Infinity, 1, 0, 1], [0, 1]],
    ["an infinite logit", [0, Infinity, 0, 1], [1, 1]],
    ["a row without a possible class", [-Infinity, -Infinity, 0, 1], [0, 1]],
  ])("refuses %s", (_, logits, labels) => {
    expect(() => fitTemperature(Float64Array.from(logits), labels, 2)).toThrow(
      new RangeError("logits: expected a finite maximum in every row and a finite logit for its label"),
    );
  });
});

describe("negativeLogLikelihood", () => {
  it.each(golden.temperature)(
    "agrees with SciPy: $name",
    ({ logits, labels, classes, temperature, smallestNll, nll }) => {
      const rows = Float64Array.from(logits);
      for (const { temperature: t, value } of nll) {
        expectClose([negativeLogLikelihood(rows, labels, classes, t)], [value]);
      }
      expectClose([negativeLogLikelihood(rows, labels, classes, temperature)], [smallestNll]);
    },
  );

  it("is the mean of -ln p of the labels, at temperature 1 when none is given", () => {
    const logits = Float64Array.of(0, Math.log(3), 0, 0);
    expect(negativeLogLikelihood(logits, [1, 0], 2)).toBeCloseTo((Math.log(4 / 3) + Math.log(2)) / 2, 12);
  });

  it("keeps its digits where logits are as large as float64 allows", () => {
    expect(negativeLogLikelihood(Float64Array.of(1e308, -1e308), [0], 2, 0.01)).toBe(0);
    const loss = negativeLogLikelihood(Float64Array.of(2 ** 53, 2 ** 53 - 2), [0], 2);
    expect(loss).toBeCloseTo(Math.log1p(Math.exp(-2)), 12);
  });

  it("is infinite where a label was called impossible", () => {
    expect(negativeLogLikelihood(Float64Array.of(-Infinity, 0), [0], 2)).toBe(Infinity);
  });

  it("refuses a row without a finite maximum, and a temperature of 0", () => {
    expect(() => negativeLogLikelihood(Float64Array.of(-Infinity, -Infinity), [0], 2)).toThrow(RangeError);
    expect(() => negativeLogLikelihood(Float64Array.of(0, Infinity), [0], 2)).toThrow(RangeError);
    expect(() => negativeLogLikelihood(Float64Array.of(0, 1), [0], 2, 0)).toThrow(
      new RangeError("temperature: expected a number above 0, got 0"),
    );
  });
});

describe.each([
  ["fitTemperature", fitTemperature],
  ["negativeLogLikelihood", negativeLogLikelihood],
])("%s", (_, compute) => {
  it.each([
    ["no rows", [], [], 2, "labels: expected at least one row, got none"],
    ["too few logits", [1, 2, 3], [0, 1], 2, "logits: expected 2 x 2 numbers, got 3"],
    ["too many logits", [1, 2, 3, 4, 5], [0, 1], 2, "logits: expected 2 x 2 numbers, got 5"],
    [
      "a label one past the last class",
      [1, 2, 3, 4],
      [1, 2],
      2,
      "labels: expected an integer in [0, 2) in row 1, got 2",
    ],
    ["a negative label", [1, 2], [-1], 2, "labels: expected an integer in [0, 2) in row 0, got -1"],
    ["a label between classes", [1, 2], [0.5], 2, "labels: expected an integer in [0, 2) in row 0, got 0.5"],
    ["NaN", [1, 2, 3, Number.NaN], [0, 1], 2, "logits: expected numbers, got NaN in row 1"],
  ])("refuses %s", (_, logits, labels, classes, message) => {
    expect(() => compute(Float64Array.from(logits), labels, classes)).toThrow(new RangeError(message));
  });
});
