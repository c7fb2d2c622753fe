import {
  adaptiveCalibrationError,
  brierScore,
  DEFAULT_BINS,
  expectedCalibrationError,
  reliabilityBins,
} from "@spillway/shared/calibration/reliability";
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
});

describe("reliabilityBins", () => {
  it.each(golden.calibrationError)("hold what the error adds up: $name", ({ confidence, correct, bins, error }) => {
    const held = reliabilityBins(confidence, correct, bins);
    expect(held).toHaveLength(bins);
    expect(held.reduce((sum, bin) => sum + bin.count, 0)).toBe(confidence.length);
    const gaps = held.map(({ count, accuracy, confidence: c }) => count * Math.abs((accuracy ?? 0) - (c ?? 0)));
    expect(gaps.reduce((sum, gap) => sum + gap) / confidence.length).toBeCloseTo(error, 10);
  });

  it("are closed on the right, the first one on both sides, and null where empty", () => {
    expect(reliabilityBins([0, 0.25, 0.5, 0.26, 1], [1, 0, 1, 1, 0], 4)).toEqual([
      { lower: 0, upper: 0.25, count: 2, confidence: 0.125, accuracy: 0.5 },
      { lower: 0.25, upper: 0.5, count: 2, confidence: 0.38, accuracy: 1 },
      { lower: 0.5, upper: 0.75, count: 0, confidence: null, accuracy: null },
      { lower: 0.75, upper: 1, count: 1, confidence: 1, accuracy: 0 },
    ]);
  });

  it("are 15 unless told", () => {
    expect(reliabilityBins([0.5], [true])).toHaveLength(DEFAULT_BINS);
  });
});

describe("adaptiveCalibrationError", () => {
  it.each(golden.adaptiveCalibrationError)("agrees with NumPy: $name", ({ confidence, correct, bins, error }) => {
    expect(adaptiveCalibrationError(confidence, correct, bins)).toBeCloseTo(error, 10);
  });

  it("orders equal confidences by row", () => {
    // Two bins of two rows each: right and wrong side by side cancel, or do not.
    const confidence = [0.5, 0.5, 0.5, 0.5];
    expect(adaptiveCalibrationError(confidence, [1, 0, 1, 0], 2)).toBe(0);
    expect(adaptiveCalibrationError(confidence, [1, 1, 0, 0], 2)).toBe(0.5);
  });

  it("makes the first bins the longer ones", () => {
    // {0.1, 0.2}, {0.9}: the first two rows cancel, the last is off by 0.1.
    expect(adaptiveCalibrationError([0.9, 0.2, 0.8], [1, 1, 0], 2)).toBeCloseTo((0 + 0.1) / 3, 12);
  });

  it("equals the error of one bin for one bin, and takes 15 unless told", () => {
    const { confidence, correct, error } = golden.adaptiveCalibrationError[0];
    const one = expectedCalibrationError(confidence, correct, 1);
    expect(adaptiveCalibrationError(confidence, correct, 1)).toBeCloseTo(one, 12);
    expect(adaptiveCalibrationError(confidence, correct)).toBeCloseTo(error, 10);
  });
});

describe("brierScore", () => {
  it.each(golden.brier)("agrees with NumPy", ({ probabilities, labels, classes, score }) => {
    expect(brierScore(probabilities, labels, classes)).toBeCloseTo(score, 12);
  });

  it("is 0 for certainty that is right, and 2 for certainty that is wrong", () => {
    expect(brierScore([1, 0, 0, 1], [0, 1], 2)).toBe(0);
    expect(brierScore([1, 0, 0, 1], [1, 0], 2)).toBe(2);
  });

  it.each([
    ["no rows", [], [], "labels: expected at least one row, got none"],
    ["another count", [0.5, 0.5, 1], [0], "probabilities: expected 1 x 2 numbers, got 3"],
    ["a label one past the last", [0.5, 0.5], [2], "labels: expected an integer in [0, 2) in row 0, got 2"],
    ["NaN", [0.5, Number.NaN], [0], "probabilities: expected numbers, got NaN in row 0"],
  ])("refuses %s", (_, probabilities, labels, message) => {
    expect(() => brierScore(probabilities, labels, 2)).toThrow(new RangeError(message));
  });
});

describe.each([
  ["expectedCalibrationError", expectedCalibrationError],
  ["adaptiveCalibrationError", adaptiveCalibrationError],
  ["reliabilityBins", reliabilityBins],
])("%s", (_, measure) => {
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
  ])("refuses %s", (_case, confidence, correct, bins, message) => {
    const compute = () => measure(confidence, correct, bins);
    expect(compute).toThrow(RangeError);
    expect(compute).toThrow(message);
  });
});
