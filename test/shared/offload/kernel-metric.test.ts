import { fitKernelMetric } from "@spillway/shared/offload/kernel-metric";
import { applyMetric } from "@spillway/shared/offload/metric";
import { metricTableSchema } from "@spillway/shared/schema/calibration";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import golden from "../../vectors/offload.json" with { type: "json" };
import { expectClose } from "../close.ts";

const SEED = { seed: 24, numRuns: 150 };
const rows = fc.array(
  fc.tuple(
    fc.oneof(fc.double({ min: 0, max: 1, noNaN: true }), fc.constantFrom(0, 0.5, 1 - 2 ** -53, 1)),
    fc.constantFrom(-1, 0, 1),
  ),
  { minLength: 1, maxLength: 300 },
);
const bandwidth = fc.constantFrom(1e-300, 0.001, 0.05, 0.3, 10, Number.POSITIVE_INFINITY);

function tableOf(pairs: readonly (readonly [number, number])[], h: number) {
  return fitKernelMetric(
    Float64Array.from(pairs, ([confidence]) => confidence),
    pairs.map(([, gain]) => gain),
    h,
  );
}

describe("fitKernelMetric", () => {
  it.each(golden.kernelMetric)("is NumPy's kernel regression where that falls by itself: $name", (vector) => {
    const confidence = Float64Array.from(vector.confidence);
    const table = fitKernelMetric(confidence, vector.gain, vector.bandwidth);
    expectClose(table.confidence, vector.knots, 1e-12);
    expectClose(table.gain, vector.smoothed, 1e-9);
    // What is cut off beyond four bandwidths is little.
    expectClose(table.gain, vector.untruncated, 1e-3);
  });

  it("gives a falling table that the calibration schema accepts, within the gains it was fitted on", () => {
    fc.assert(
      fc.property(rows, bandwidth, (pairs, h) => {
        const table = tableOf(pairs, h);
        expect(metricTableSchema.safeParse(table).error).toBeUndefined();
        for (let k = 1; k < table.gain.length; k++) expect(table.gain[k]).toBeLessThan(table.gain[k - 1]);
        const gains = pairs.map(([, gain]) => gain);
        expect(table.gain[0]).toBeLessThanOrEqual(Math.max(...gains));
        expect(table.gain[table.gain.length - 1]).toBeGreaterThanOrEqual(Math.min(...gains));
        expect(table.confidence.length).toBeLessThanOrEqual(128);
      }),
      SEED,
    );
  });

  it("does not depend on the order of the rows, and leaves its arguments as they were", () => {
    fc.assert(
      fc.property(rows, (pairs) => {
        const table = tableOf(pairs, 0.1);
        const reversed = tableOf(pairs.toReversed(), 0.1);
        expectClose(reversed.confidence, table.confidence);
        expectClose(reversed.gain, table.gain);
      }),
      SEED,
    );
    const confidence = Float64Array.of(0.9, 0.1);
    fitKernelMetric(confidence, [0, 1], 0.1);
    expect([...confidence]).toEqual([0.9, 0.1]);
  });

  it("is the one gain of one row", () => {
    expect(tableOf([[0.3, -1]], 0.1)).toEqual({ confidence: [0.3], gain: [-1] });
  });

  it("is the mean gain where all confidences are equal", () => {
    const table = tableOf(
      [1, 0, 0, 1, 1].map((gain): [number, number] => [0.5, gain]),
      0.1,
    );
    expect(table).toEqual({ confidence: [0.5], gain: [0.6] });
  });

  it("is the mean gain under an endless bandwidth", () => {
    const table = tableOf(
      [
        [0, 1],
        [0.5, 0],
        [1, 0.5],
      ],
      Number.POSITIVE_INFINITY,
    );
    expect(table.gain).toEqual([0.5]);
  });

  it("is each row's own gain under a bandwidth in which it stands alone", () => {
    expect(
      tableOf(
        [
          [0.2, 0.5],
          [0.4, 0.25],
          [0.8, -1],
        ],
        0.01,
      ),
    ).toEqual({ confidence: [0.2, 0.4, 0.8], gain: [0.5, 0.25, -1] });
  });

  it("reaches four bandwidths and no further", () => {
    // Powers of two, so that the distance is exact.
    const gainAt = (distance: number) =>
      applyMetric(
        tableOf(
          [
            [0, 0],
            [distance, -1],
          ],
          0.125,
        ),
        0,
      );
    expect(gainAt(0.5)).toBeLessThan(0);
    expect(gainAt(0.5 + 2 ** -52)).toBe(0);
  });

  it("pools what would rise", () => {
    const table = tableOf(
      [
        [0.2, 0],
        [0.8, 1],
      ],
      0.01,
    );
    expect(table).toEqual({ confidence: [0.5], gain: [0.5] });
  });

  it.each([
    ["no rows", [], [], 0.1, "gain: expected one for each of 0 rows, at least one, got 0"],
    ["different lengths", [0.5], [1, 0], 0.1, "gain: expected one for each of 1 rows, at least one, got 2"],
    ["a confidence that is NaN", [0.5, Number.NaN], [1, 0], 0.1, "row 1: got NaN"],
    ["a gain that is NaN", [0.5, 0.6], [Number.NaN, 0], 0.1, "row 0: got NaN"],
    ["no bandwidth", [0.5], [1], 0, "bandwidth: expected a number above 0, got 0"],
    ["a negative bandwidth", [0.5], [1], -1, "bandwidth: expected a number above 0, got -1"],
    ["a bandwidth that is NaN", [0.5], [1], Number.NaN, "bandwidth: expected a number above 0, got NaN"],
  ])("refuses %s", (_, confidence, gain, h, message) => {
    expect(() => fitKernelMetric(Float64Array.from(confidence), gain, h)).toThrow(new RangeError(message));
  });

  it("refuses NaN out of every knot's reach too", () => {
    const confidence = Float64Array.from({ length: 1000 }, (_, row) => row);
    const gain = new Array<number>(1000).fill(0);
    gain[3] = Number.NaN;
    expect(() => fitKernelMetric(confidence, gain, 0.01)).toThrow(new RangeError("row 3: got NaN"));
  });
});
