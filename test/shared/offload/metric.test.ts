import { applyMetric, fitMetric } from "@spillway/shared/offload/metric";
import { metricTableSchema } from "@spillway/shared/schema/calibration";
import fc from "fast-check";
import { describe, expect, it } from "vitest";

const SEED = { seed: 7 };

/** Confidences with their gains of -1, 0 or 1; half of the confidences from a few values, 1 among them. */
const rows = fc.array(
  fc.tuple(
    fc.oneof(fc.double({ min: 0, max: 1, noNaN: true }), fc.constantFrom(0, 0.5, 1 - Number.EPSILON / 2, 1)),
    fc.constantFrom(-1, 0, 1),
  ),
  { minLength: 1, maxLength: 300 },
);

const table = rows.map((pairs) => fitMetric(...columns(pairs)));

describe("fitMetric", () => {
  it("gives a table that the calibration schema accepts", () => {
    fc.assert(
      fc.property(table, (fitted) => {
        expect(metricTableSchema.safeParse(fitted).error).toBeUndefined();
      }),
      SEED,
    );
  });

  it("keeps each block of the monotone fit that has enough rows", () => {
    const confidence = [0.25, 0.5, 0.75].flatMap((c) => new Array<number>(25).fill(c));
    const gain = [1, 0, -1].flatMap((g) => new Array<number>(25).fill(g));
    expect(fitMetric(confidence, gain)).toEqual({ confidence: [0.25, 0.5, 0.75], gain: [1, 0, -1] });
  });

  it("joins a block of 24 rows with its right neighbour, and the last with its left", () => {
    const counts = [24, 26, 25, 24];
    const confidence = counts.flatMap((count, k) => new Array<number>(count).fill(k / 4));
    const gain = counts.flatMap((count, k) => new Array<number>(count).fill(0.75 - k / 4));
    const fitted = fitMetric(confidence, gain);
    expect(fitted.confidence).toHaveLength(2);
    expect(fitted.confidence[0]).toBeCloseTo((26 * 0.25) / 50, 12);
    expect(fitted.gain[0]).toBeCloseTo((24 * 0.75 + 26 * 0.5) / 50, 12);
    expect(fitted.confidence[1]).toBeCloseTo((25 * 0.5 + 24 * 0.75) / 49, 12);
    expect(fitted.gain[1]).toBeCloseTo((25 * 0.25) / 49, 12);
  });

  it("makes one knot of too few rows: the mean", () => {
    expect(fitMetric([0.25, 0.5, 0.75], [1, 1, -0.5])).toEqual({ confidence: [0.5], gain: [0.5] });
  });

  it("makes one knot of gains that rise with confidence", () => {
    const confidence = Array.from({ length: 100 }, (_, row) => row / 100);
    const fitted = fitMetric(confidence, confidence);
    expect(fitted.gain).toHaveLength(1);
    expect(fitted.gain[0]).toBeCloseTo(0.495, 12);
  });

  it("refuses no rows and NaN", () => {
    expect(() => fitMetric([], [])).toThrow(RangeError);
    expect(() => fitMetric([0.5, Number.NaN], [0, 1])).toThrow(new RangeError("row 1: got NaN"));
  });
});

describe("applyMetric", () => {
  const steps = { confidence: [0.2, 0.4, 0.8], gain: [0.5, 0.1, -0.1] };

  it.each([
    ["below the first knot", 0.1, 0.5],
    ["at the first knot", 0.2, 0.5],
    ["between the first two", 0.3, 0.3],
    ["at an inner knot", 0.4, 0.1],
    ["between the last two", 0.5, 0.05],
    ["at the last knot", 0.8, -0.1],
    ["beyond the last knot", 1, -0.1],
    ["far below", -Infinity, 0.5],
    ["far beyond", Infinity, -0.1],
  ])("is linear between knots and constant beyond: %s", (_, confidence, gain) => {
    expect(applyMetric(steps, confidence)).toBeCloseTo(gain, 12);
  });

  it("never rises with confidence and stays between the ends of the table", () => {
    const confidence = fc.double({ min: -0.5, max: 1.5, noNaN: true });
    fc.assert(
      fc.property(table, confidence, confidence, (fitted, a, b) => {
        const gains = [Math.min(a, b), Math.max(a, b)].map((c) => applyMetric(fitted, c));
        expect(gains[0]).toBeGreaterThanOrEqual(gains[1]);
        expect(gains[0]).toBeLessThanOrEqual(fitted.gain[0]);
        expect(gains[1]).toBeGreaterThanOrEqual(fitted.gain[fitted.gain.length - 1]);
      }),
      { ...SEED, numRuns: 300 },
    );
  });

  it("gives each knot its own gain, however many there are", () => {
    for (let knots = 1; knots <= 40; knots++) {
      const confidence = Array.from({ length: knots }, (_, k) => k / knots);
      const gain = confidence.map((c) => 0.5 - c ** 2);
      expect(confidence.map((c) => applyMetric({ confidence, gain }, c))).toEqual(gain);
    }
  });

  it("is constant for a table of one knot", () => {
    const lone = { confidence: [0.5], gain: [0.25] };
    expect([0, 0.5, 1].map((c) => applyMetric(lone, c))).toEqual([0.25, 0.25, 0.25]);
  });

  it("refuses NaN", () => {
    expect(() => applyMetric(steps, Number.NaN)).toThrow(new RangeError("confidence: expected a number, got NaN"));
  });
});

function columns(pairs: readonly (readonly [number, number])[]): [number[], number[]] {
  return [pairs.map(([confidence]) => confidence), pairs.map(([, gain]) => gain)];
}
