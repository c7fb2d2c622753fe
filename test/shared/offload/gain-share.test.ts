// A share that is known is found again; what counts is where the metric promises something.
import { fitGainShare, MAX_GAIN_SHARE } from "@spillway/shared/offload/gain-share";
import { mulberry32 } from "@spillway/shared/random/mulberry32";
import fc from "fast-check";
import { expect, test } from "vitest";

test("is what the other gains of what the metric's cloud gains, image by image weighted by the metric", () => {
  const metric = Float64Array.of(0.5, 0.25);
  expect(fitGainShare(metric, Float64Array.of(1, 1), Float64Array.of(1, 0))).toBeCloseTo(2 / 3, 12);
  expect(fitGainShare(metric, Float64Array.of(1, 1), Float64Array.of(0, 1))).toBeCloseTo(1 / 3, 12);
});

test("finds the share of answers that are right or wrong by chance, whatever the metric promises too much", () => {
  const random = mulberry32(1);
  const chance = Float64Array.from({ length: 40_000 }, () => random() ** 3);
  const metricGain = chance.map((p) => (random() < p ? 1 : 0));
  // The other is right in some of the images in which the metric's cloud is, and in others.
  const gain = metricGain.map((right, row) => (random() < (right === 1 ? 0.5 : 0.1 * chance[row]) ? 1 : 0));
  const expected = chance.map((p) => 0.5 * p + 0.1 * p * (1 - p));
  const sum = (values: Float64Array) => values.reduce((total, p, row) => total + p * chance[row], 0);
  for (const factor of [0.5, 1]) {
    const metric = chance.map((p) => factor * p);
    expect(Math.abs(fitGainShare(metric, metricGain, gain) - sum(expected) / sum(chance))).toBeLessThan(0.02);
  }
});

test("a mixture of the metric's cloud and of the edge gains its part", () => {
  // No losses, and no metric that is next to nothing: where all but cancels, what is left is rounding.
  const row = fc.record({ m: fc.constantFrom(0, 0.001, 0.02, 0.3, 1), gain: fc.constantFrom(0, 1) });
  fc.assert(
    fc.property(fc.array(row, { minLength: 1 }), fc.double({ min: 0, max: 2, noNaN: true }), (rows, part) => {
      const metric = Float64Array.from(rows, ({ m }) => m);
      const metricGain = Float64Array.from(rows, ({ gain }) => gain);
      const own = metric.reduce((sum, m, index) => sum + m * metricGain[index], 0);
      const share = fitGainShare(
        metric,
        metricGain,
        metricGain.map((gain) => part * gain),
      );
      if (own > 0) expect(share).toBeCloseTo(part, 9);
      else expect(share).toBe(0);
    }),
  );
});

test("images that promise nothing say nothing", () => {
  const few = fitGainShare(Float64Array.of(0.4, 0.2), Float64Array.of(1, 1), Float64Array.of(1, 0));
  const more = fitGainShare(
    Float64Array.of(0.4, 0, 0.2, 0),
    Float64Array.of(1, 1, 1, -1),
    Float64Array.of(1, -1, 0, -1),
  );
  expect(more).toBe(few);
});

test("is kept within 2, and 0 where the metric's cloud gains nothing", () => {
  const share = (metricGain: number, gain: number) =>
    fitGainShare(Float64Array.of(0.5), Float64Array.of(metricGain), Float64Array.of(gain));
  expect(share(0.5, 1)).toBe(MAX_GAIN_SHARE);
  expect(share(0.4, 1)).toBe(MAX_GAIN_SHARE);
  expect(share(0.4, -1)).toBe(-MAX_GAIN_SHARE);
  expect(share(0, 1)).toBe(0);
  expect(share(-1, 1)).toBe(0);
});

test.each([
  [[], [], [], "metric: expected at least one row, got none"],
  [[0.1, 0.2], [1], [1, 1], "gains: expected 2 rows each, got 1 and 2"],
  [[0.1, 0.2], [1, 1], [1], "gains: expected 2 rows each, got 2 and 1"],
  [[Number.NaN], [1], [1], "metric and gains: expected finite numbers"],
  [[0.1], [1], [Number.POSITIVE_INFINITY], "metric and gains: expected finite numbers"],
])("refuses %j, %j and %j", (metric, metricGain, gain, message) => {
  const [m, own, other] = [metric, metricGain, gain].map((values) => Float64Array.from(values));
  expect(() => fitGainShare(m, own, other)).toThrow(new RangeError(message));
});
