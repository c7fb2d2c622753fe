import { DEFAULT_BINS, expectedCalibrationError } from "@spillway/shared/calibration/reliability";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import golden from "../../vectors/calibration.json" with { type: "json" };

const SEED = { seed: 4 };

describe("expectedCalibrationError", () => {
  it.each(golden.calibrationError)("agrees with NumPy: $name", ({ confidence, correct, bins, error }) => {
    expect(expectedCalibrationError(confidence, correct, bins)).toBeCloseTo(error, 10);
  });

  it("takes 15 bins unless told", () => {
    const { confidence, correct, error } = golden.calibrationError[0];
    expect(DEFAULT_BINS).toBe(15);
    expect(expectedCalibrationError(confidence, correct)).toBeCloseTo(error, 10);
  });

  it("puts an edge into the bin below it, and 0 into the first", () => {
    // Bins (0, 0.5] and (0.5, 1]: with 0.5 in the upper one the two errors would add up, not cancel.
    expect(expectedCalibrationError([0.25, 0.5], [true, false], 2)).toBeCloseTo((0.75 - 0.5) / 2, 12);
    expect(expectedCalibrationError([0, 0.5], [true, false], 2)).toBeCloseTo((1 - 0.5) / 2, 12);
  });

  it("is 0 where every confidence is kept", () => {
    const confidence = [0.25, 0.25, 0.25, 0.25, 0.75, 0.75, 0.75, 0.75];
    expect(expectedCalibrationError(confidence, [1, 0, 0, 0, 1, 1, 1, 0])).toBe(0);
  });

  it("lies in [0, 1] and does not depend on the order of the rows", () => {
    const rows = fc.array(fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.boolean()), { minLength: 1 });
    fc.assert(
      fc.property(rows, fc.integer({ min: 1, max: 40 }), (pairs, bins) => {
        const error = (list: typeof pairs) =>
          expectedCalibrationError(
            list.map(([c]) => c),
            list.map(([, isCorrect]) => isCorrect),
            bins,
          );
        expect(error(pairs)).toBeGreaterThanOrEqual(0);
        expect(error(pairs)).toBeLessThanOrEqual(1);
        expect(error(pairs.toReversed())).toBeCloseTo(error(pairs), 12);
      }),
      SEED,
    );
  });

  it("is never less than the gap between mean confidence and accuracy, and equals it for one bin", () => {
    const rows = fc.array(fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.boolean()), { minLength: 1 });
    fc.assert(
      fc.property(rows, (pairs) => {
        const confidence = pairs.map(([c]) => c);
        const correct = pairs.map(([, isCorrect]) => isCorrect);
        const gap = pairs.reduce((sum, [c, isCorrect]) => sum + c - Number(isCorrect), 0) / pairs.length;
        expect(expectedCalibrationError(confidence, correct, 1)).toBeCloseTo(Math.abs(gap), 12);
        expect(expectedCalibrationError(confidence, correct)).toBeGreaterThanOrEqual(Math.abs(gap) - 1e-12);
      }),
      SEED,
    );
  });

  it.each([
    ["no rows", [], [], 15, "correct: expected one for each of 0 rows, at least one, got 0"],
    ["different lengths", [0.5, 0.5], [1], 15, "correct: expected one for each of 2 rows, at least one, got 1"],
    [
      "a confidence above 1",
      [0.5, 1 + Number.EPSILON],
      [1, 1],
      15,
      /^confidence: expected \[0, 1\] in row 1, got 1\.0/,
    ],
    ["a negative confidence", [-Number.MIN_VALUE], [1], 15, "confidence: expected [0, 1] in row 0, got -5e-324"],
    ["NaN", [Number.NaN], [1], 15, "confidence: expected [0, 1] in row 0, got NaN"],
    ["no bins", [0.5], [1], 0, "bins: expected at least 1, got 0"],
    ["part of a bin", [0.5], [1], 2.5, "bins: expected at least 1, got 2.5"],
  ])("refuses %s", (_, confidence, correct, bins, message) => {
    const compute = () => expectedCalibrationError(confidence, correct, bins);
    expect(compute).toThrow(RangeError);
    expect(compute).toThrow(message);
  });
});
