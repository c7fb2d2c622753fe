import { forecastMetrics, REMEMBERED_METRICS, rememberMetric } from "@spillway/shared/split/metric-forecast";
import { expect, it } from "vitest";

it("knows nothing without metrics, and one metric for what it is", () => {
  expect(forecastMetrics([])).toEqual([]);
  expect(forecastMetrics([0.3])).toEqual([0.3]);
});

it("expects the mean", () => {
  expect(forecastMetrics([4, 1, -3, 2])).toEqual([1]);
});

it("remembers the latest ones only", () => {
  let recent: number[] = [];
  for (let index = 0; index <= REMEMBERED_METRICS; index++) recent = rememberMetric(recent, index);
  expect(recent).toHaveLength(REMEMBERED_METRICS);
  expect([recent[0], recent[recent.length - 1]]).toEqual([1, REMEMBERED_METRICS]);
});
