// Percentiles against those of the sorted values.
import fc from "fast-check";
import { expect, test } from "vitest";
import { createLatencyHistogram } from "../../../models/src/stream/latency-histogram.ts";

test("has no percentile before the first latency", () => {
  expect(createLatencyHistogram().percentile(0.5)).toBeNull();
});

test("is right to half a percent, by the nearest rank", () => {
  const latency = fc.double({ min: 0.1, max: 600_000, noNaN: true });
  fc.assert(
    fc.property(fc.array(latency, { minLength: 1 }), fc.double({ min: 0, max: 1, noNaN: true }), (values, share) => {
      const histogram = createLatencyHistogram();
      for (const value of values) histogram.add(value);
      const exact = values.toSorted((a, b) => a - b)[Math.max(1, Math.ceil(share * values.length)) - 1];
      const told = histogram.percentile(share) as number;
      expect(Math.abs(told / exact - 1)).toBeLessThan(0.0051);
    }),
  );
});

test("takes what is shorter or longer than it can tell for the shortest or longest", () => {
  const histogram = createLatencyHistogram();
  for (const value of [0, 0.01, 1e9]) histogram.add(value);
  expect(histogram.count).toBe(3);
  expect(histogram.percentile(0.5)).toBeCloseTo(0.1, 2);
  expect((histogram.percentile(1) as number) / 600_000).toBeCloseTo(1, 1);
});
