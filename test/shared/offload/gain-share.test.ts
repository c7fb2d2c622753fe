// A share that is known is found again; what counts is where the metric promises something.
import { fitGainShare, MAX_GAIN_SHARE } from "@spillway/shared/offload/gain-share";
import { mulberry32 } from "@spillway/shared/random/mulberry32";
import fc from "fast-check";
import { expect, test } from "vitest";

const numbers = (min: number, max: number, length: number) =>
  fc.float64Array({ min, max, noNaN: true, minLength: length, maxLength: length });

test("is the slope through the origin: 0.3 where every image gains 0.3 of its metric", () => {
  const metric = Float64Array.of(0, 0.1, 0.5, -0.2);
  expect(
    fitGainShare(
      metric,
      metric.map((m) => 0.3 * m),
    ),
  ).toBeCloseTo(0.3, 12);
  expect(fitGainShare(Float64Array.of(0.5, 0.25), Float64Array.of(1, 0))).toBe(1.6);
});

test("finds the share of answers that are right or wrong by chance", () => {
  const random = mulberry32(1);
  const metric = Float64Array.from({ length: 40_000 }, () => random() ** 3);
  const gain = metric.map((m) => (random() < 0.6 * m ? 1 : 0));
  expect(Math.abs(fitGainShare(metric, gain) - 0.6)).toBeLessThan(0.02);
});

test("no other share predicts the gain with a smaller squared error", () => {
  const rows = fc
    .integer({ min: 1, max: 20 })
    .chain((length) => fc.tuple(numbers(-1, 1, length), numbers(-1, 1, length)));
  fc.assert(
    fc.property(
      rows,
      fc.double({ min: -MAX_GAIN_SHARE, max: MAX_GAIN_SHARE, noNaN: true }),
      ([metric, gain], other) => {
        const errorOf = (share: number) => metric.reduce((sum, m, row) => sum + (gain[row] - share * m) ** 2, 0);
        expect(errorOf(fitGainShare(metric, gain))).toBeLessThanOrEqual(errorOf(other) + 1e-9);
      },
    ),
  );
});

test("images that promise nothing say nothing", () => {
  const [metric, gain] = [Float64Array.of(0.4, 0.2), Float64Array.of(1, 0)];
  const more = [Float64Array.of(0.4, 0, 0.2, 0), Float64Array.of(1, -1, 0, -1)] as const;
  expect(fitGainShare(...more)).toBe(fitGainShare(metric, gain));
  expect(fitGainShare(Float64Array.of(0, 0), Float64Array.of(1, -1))).toBe(0);
});

test("is kept within 2", () => {
  expect(fitGainShare(Float64Array.of(0.5), Float64Array.of(1))).toBe(MAX_GAIN_SHARE);
  expect(fitGainShare(Float64Array.of(0.1), Float64Array.of(1))).toBe(MAX_GAIN_SHARE);
  expect(fitGainShare(Float64Array.of(0.1), Float64Array.of(-1))).toBe(-MAX_GAIN_SHARE);
});

test.each([
  [[], [], "metric: expected at least one row, got none"],
  [[0.1, 0.2], [1], "gain: expected 2 rows, got 1"],
  [[Number.NaN], [1], "metric and gain: expected finite numbers"],
  [[0.1], [Number.POSITIVE_INFINITY], "metric and gain: expected finite numbers"],
])("refuses %j and %j", (metric, gain, message) => {
  expect(() => fitGainShare(Float64Array.from(metric), Float64Array.from(gain))).toThrow(new RangeError(message));
});
