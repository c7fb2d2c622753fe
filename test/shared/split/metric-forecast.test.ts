import { forecastMetrics, REMEMBERED_METRICS, rememberMetric } from "@spillway/shared/split/metric-forecast";
import fc from "fast-check";
import { expect, it } from "vitest";

const metric = fc.double({ min: -1, max: 1, noNaN: true });

it("knows nothing without metrics, and one metric for what it is", () => {
  expect(forecastMetrics([], 3)).toEqual([]);
  expect(forecastMetrics([0.3], 4)).toEqual([0.3]);
});

it("sums up equal parts by their means, the smallest first", () => {
  expect(forecastMetrics([4, 1, 3, 2], 2)).toEqual([1.5, 3.5]);
  expect(forecastMetrics([4, 1, 3, 2], 1)).toEqual([2.5]);
});

it("keeps the mean where parts are equally large, and rises", () => {
  fc.assert(
    fc.property(fc.array(metric, { minLength: 8, maxLength: 8 }), fc.constantFrom(1, 2, 4, 8), (recent, values) => {
      const forecast = forecastMetrics(recent, values);
      const mean = (numbers: readonly number[]) => numbers.reduce((sum, value) => sum + value, 0) / numbers.length;
      expect(mean(forecast)).toBeCloseTo(mean(recent), 9);
      for (let index = 1; index < values; index++) expect(forecast[index]).toBeGreaterThanOrEqual(forecast[index - 1]);
    }),
  );
});

it("remembers the latest ones only", () => {
  let recent: number[] = [];
  for (let index = 0; index <= REMEMBERED_METRICS; index++) recent = rememberMetric(recent, index);
  expect(recent).toHaveLength(REMEMBERED_METRICS);
  expect([recent[0], recent[recent.length - 1]]).toEqual([1, REMEMBERED_METRICS]);
});
