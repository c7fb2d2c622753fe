import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { DEFAULT_SPLIT_SEED, splitInHalves } from "../../../models/src/images/split.ts";

// Computed by models/training/spillway_training/split.py, and checked there against the same hash.
const CALIBRATION_FIRST = [0, 1, 3, 4, 5, 7, 8, 10, 11, 14];
const REPORT_FIRST = [2, 6, 9, 12, 13, 15, 18, 20, 21, 23];
const CALIBRATION_SHA256 = "6ba110a283593ec8c76267303f4f3c87d4fbe109ab45666cca1e3631e20a5fe5";
const REPORT_SHA256 = "a437039030468ac62095086668d83050be8003d2c88d1b03b0e52d83f14fa8f7";

const sha256 = (indices: readonly number[]) => createHash("sha256").update(indices.join(",")).digest("hex");

describe("splitInHalves", () => {
  it("splits the 5,000 validation images as the trainer does", () => {
    const { calibration, report } = splitInHalves(5000, 1);
    expect(calibration.slice(0, 10)).toEqual(CALIBRATION_FIRST);
    expect(report.slice(0, 10)).toEqual(REPORT_FIRST);
    expect(sha256(calibration)).toBe(CALIBRATION_SHA256);
    expect(sha256(report)).toBe(REPORT_SHA256);
  });

  it("shuffles to the last pair", () => {
    const firstOf = (count: number) =>
      [1, 2, 3, 4, 5, 6, 7, 8].map((seed) => splitInHalves(count, seed).calibration[0]);
    expect(firstOf(2)).toEqual([0, 0, 0, 0, 0, 0, 1, 1]);
    expect(firstOf(3)).toEqual([2, 1, 1, 1, 0, 2, 1, 2]);
  });

  it.each([2, 3, 4, 7, 100, 5001])("puts each of %d images into one of two halves, in rising order", (count) => {
    const { calibration, report } = splitInHalves(count, 5);
    expect(calibration).toHaveLength(Math.floor(count / 2));
    expect(report).toHaveLength(Math.ceil(count / 2));
    const rising = (a: number, b: number) => a - b;
    expect(calibration).toEqual(calibration.toSorted(rising));
    expect(report).toEqual(report.toSorted(rising));
    expect([...calibration, ...report].sort(rising)).toEqual(Array.from({ length: count }, (_, index) => index));
  });

  it("takes seed 1 unless told, and splits otherwise for another seed", () => {
    expect(DEFAULT_SPLIT_SEED).toBe(1);
    expect(splitInHalves(100)).toEqual(splitInHalves(100, 1));
    expect(splitInHalves(100, 2)).not.toEqual(splitInHalves(100, 1));
  });

  it.each([1, 0, -1, 2.5, Number.NaN, Number.POSITIVE_INFINITY])("refuses to split %d images", (count) => {
    expect(() => splitInHalves(count)).toThrow(new RangeError(`count: expected at least 2, got ${count}`));
  });
});
