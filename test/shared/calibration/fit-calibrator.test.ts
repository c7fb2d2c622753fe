import { applyCalibrator } from "@spillway/shared/calibration/calibrator";
import {
  CALIBRATION_METHODS,
  chooseCalibrationMethod,
  crossValidateCalibrator,
  fitCalibrator,
  meanNegativeLogLikelihood,
} from "@spillway/shared/calibration/fit-calibrator";
import { fitIsotonicScaling } from "@spillway/shared/calibration/isotonic-scaling";
import { rowOf, takeRows } from "@spillway/shared/calibration/row-major";
import { softmax } from "@spillway/shared/calibration/softmax";
import { fitTemperature } from "@spillway/shared/calibration/temperature";
import { fitVectorScaling } from "@spillway/shared/calibration/vector-scaling";
import { foldsOf } from "@spillway/shared/random/folds";
import { mulberry32 } from "@spillway/shared/random/mulberry32";
import { describe, expect, it } from "vitest";
import { expectClose } from "../close.ts";

const CLASSES = 3;

/** Logits of a network, and labels drawn from the probabilities that `truth` makes of them. */
function drawn(rows: number, seed: number, truth: (logits: Float64Array) => Float64Array) {
  const random = mulberry32(seed);
  const logits = Float64Array.from({ length: rows * CLASSES }, () => 6 * (random() - 0.5));
  const labels = Array.from({ length: rows }, (_, row) => {
    const probabilities = truth(rowOf(logits, row, CLASSES));
    let left = random();
    let label = 0;
    while (label < CLASSES - 1 && left >= probabilities[label]) left -= probabilities[label++];
    return label;
  });
  return { logits, labels };
}

const cooled = (logits: Float64Array) => softmax(logits, 2);
const biased = (logits: Float64Array) => softmax(logits.map((z, k) => 0.6 * z + [1.5, 0, -1.5][k]));
/** All but certain beyond 0.6, else all but ignorant: a step that no scale makes. */
function stepped(logits: Float64Array): Float64Array {
  const probabilities = softmax(logits);
  const isSure = probabilities.some((p) => p > 0.6);
  return probabilities.map((p) => (isSure ? (p > 0.6 ? 0.96 : 0.02) : 1 / CLASSES));
}

describe("fitCalibrator", () => {
  const { logits, labels } = drawn(60, 1, cooled);

  it("is the fit of the method", () => {
    const temperature = fitTemperature(logits, labels, CLASSES);
    expect(fitCalibrator("temperature", logits, labels, CLASSES)).toEqual({ temperature });
    expect(fitCalibrator("vector", logits, labels, CLASSES)).toEqual(fitVectorScaling(logits, labels, CLASSES));
    expect(fitCalibrator("isotonic", logits, labels, CLASSES)).toEqual(fitIsotonicScaling(logits, labels, CLASSES));
  });
});

describe("crossValidateCalibrator", () => {
  const { logits, labels } = drawn(60, 2, biased);

  it.each(CALIBRATION_METHODS)("calibrates every row by a fit on the other folds: %s", (method) => {
    const { probabilities, nll } = crossValidateCalibrator(method, logits, labels, CLASSES);
    for (const { fitted, judged } of foldsOf(60)) {
      const others = fitted.map((row) => labels[row]);
      const calibrator = fitCalibrator(method, takeRows(logits, fitted, CLASSES), others, CLASSES);
      for (const row of judged) {
        expectClose(rowOf(probabilities, row, CLASSES), applyCalibrator(rowOf(logits, row, CLASSES), calibrator));
      }
    }
    expect(nll).toBe(meanNegativeLogLikelihood(probabilities, labels, CLASSES));
  });

  it.each(CALIBRATION_METHODS)("keeps a row's own label out of its probabilities: %s", (method) => {
    const { probabilities } = crossValidateCalibrator(method, logits, labels, CLASSES);
    const relabelled = labels.with(7, (labels[7] + 1) % CLASSES);
    const after = crossValidateCalibrator(method, logits, relabelled, CLASSES).probabilities;
    const fold = foldsOf(60).find(({ judged }) => judged.includes(7))?.judged ?? [];
    for (const row of fold) expect(rowOf(after, row, CLASSES)).toEqual(rowOf(probabilities, row, CLASSES));
    expect(after).not.toEqual(probabilities);
  });

  it("takes five rows, one for each fold, and no fewer", () => {
    const five = drawn(5, 3, cooled);
    expect(crossValidateCalibrator("temperature", five.logits, five.labels, CLASSES).nll).toBeGreaterThan(0);
    const four = drawn(4, 3, cooled);
    const message = "folds: expected 2 to 4 (one row each), got 5";
    expect(() => crossValidateCalibrator("temperature", four.logits, four.labels, CLASSES)).toThrow(
      new RangeError(message),
    );
  });

  it.each([
    ["too few logits", logits.slice(3), labels, "logits: expected 60 x 3 numbers, got 177"],
    ["too many logits", logits, labels.slice(1), "logits: expected 59 x 3 numbers, got 180"],
    ["a label out of range", logits, labels.with(3, 3), "labels: expected an integer in [0, 3) in row 3, got 3"],
  ])("refuses %s", (_, values, truths, message) => {
    expect(() => crossValidateCalibrator("isotonic", values, truths, CLASSES)).toThrow(new RangeError(message));
  });
});

describe("crossValidateCalibrator of auto", () => {
  it("chooses again in each fold, among the fold's own rows", () => {
    const { logits, labels } = drawn(60, 1, cooled);
    const { probabilities } = crossValidateCalibrator("auto", logits, labels, CLASSES);
    const methods = foldsOf(60).map(({ fitted, judged }) => {
      const known = [takeRows(logits, fitted, CLASSES), fitted.map((row) => labels[row]), CLASSES] as const;
      const { method } = chooseCalibrationMethod(...known, 3);
      const calibrator = fitCalibrator(method, ...known);
      for (const row of judged) {
        expectClose(rowOf(probabilities, row, CLASSES), applyCalibrator(rowOf(logits, row, CLASSES), calibrator));
      }
      return method;
    });
    expect(new Set(methods).size).toBeGreaterThan(1);
  });

  it("does not report the luck of the choice", () => {
    const draws = Array.from({ length: 12 }, (_, seed) => drawn(40, 100 + seed, cooled));
    const [reported, flattered] = [0, 1].map((which) =>
      draws.reduce((sum, { logits, labels }) => {
        if (which === 0) return sum + crossValidateCalibrator("auto", logits, labels, CLASSES).nll;
        return sum + Math.min(...Object.values(chooseCalibrationMethod(logits, labels, CLASSES).nll));
      }, 0),
    );
    expect(reported).toBeGreaterThan(flattered + 0.01 * draws.length);
  });

  it("takes five rows and not four", () => {
    const five = drawn(5, 6, cooled);
    expect(crossValidateCalibrator("auto", five.logits, five.labels, CLASSES).nll).toBeGreaterThan(0);
    const four = drawn(4, 6, cooled);
    expect(() => crossValidateCalibrator("auto", four.logits, four.labels, CLASSES)).toThrow(RangeError);
  });
});

describe("chooseCalibrationMethod", () => {
  it.each([
    ["one temperature", cooled, "temperature"],
    ["a bias for each class", biased, "vector"],
    ["a step that no scale makes", stepped, "isotonic"],
  ] as const)("finds what the labels were drawn by: %s", (_, truth, expected) => {
    const { logits, labels } = drawn(2000, 4, truth);
    const { method, nll } = chooseCalibrationMethod(logits, labels, CLASSES);
    expect(method).toBe(expected);
    for (const other of CALIBRATION_METHODS) {
      expect(nll[other]).toBe(crossValidateCalibrator(other, logits, labels, CLASSES).nll);
      expect(nll[other]).toBeGreaterThanOrEqual(nll[method]);
    }
  });
});

describe("meanNegativeLogLikelihood", () => {
  it("is the mean of -ln p of the labels, at least as if p were 1e-12", () => {
    const rows = Float64Array.of(0.25, 0.75, 1, 0, 1e-13, 1);
    expectClose([meanNegativeLogLikelihood(rows, [1, 0, 1], 2)], [-Math.log(0.75) / 3]);
    expectClose([meanNegativeLogLikelihood(rows, [1, 1, 0], 2)], [(-Math.log(0.75) - 2 * Math.log(1e-12)) / 3]);
    expect(meanNegativeLogLikelihood(Float64Array.of(2e-12, 1), [0], 2)).toBe(-Math.log(2e-12));
  });
});
