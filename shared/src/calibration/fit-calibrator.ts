// Which way of calibrating serves a network best, found without looking at the rows that are reported:
// every row is calibrated by what was fitted without it.
import { DEFAULT_FOLDS, foldsOf } from "../random/folds.ts";
import type { Calibrator } from "../schema/calibration.ts";
import { applyCalibrator } from "./calibrator.ts";
import { fitIsotonicScaling } from "./isotonic-scaling.ts";
import { checkLabelledRows } from "./labelled-rows.ts";
import { rowOf, takeRows, type Values } from "./row-major.ts";
import { fitTemperature } from "./temperature.ts";
import { fitVectorScaling } from "./vector-scaling.ts";

export const CALIBRATION_METHODS = ["temperature", "vector", "isotonic"] as const;
export type CalibrationMethod = (typeof CALIBRATION_METHODS)[number];

/** Folds within a fold: what chooses there sees about half of all rows, and costs less than five more folds would. */
const INNER_FOLDS = 3;

/** Probabilities below this count as this in a likelihood: one table's zero must not outweigh all other rows. */
const SMALLEST_LIKELIHOOD = 1e-12;

export interface CrossValidation {
  /** Calibrated probabilities [rows, classes], each row's by a fit without it. */
  probabilities: Float64Array;
  /** Mean negative log-likelihood of the labels under them, in nats. */
  nll: number;
}

/** @throws RangeError as {@link fitTemperature} does */
export function fitCalibrator(
  method: CalibrationMethod,
  logits: Values,
  labels: ArrayLike<number>,
  classes: number,
): Calibrator {
  switch (method) {
    case "temperature":
      return { temperature: fitTemperature(logits, labels, classes) };
    case "vector":
      return fitVectorScaling(logits, labels, classes);
    case "isotonic":
      return fitIsotonicScaling(logits, labels, classes);
  }
}

/**
 * What a method is worth on rows that it was not fitted on; one fit a fold. For `auto` the method is chosen again in
 * each fold, among its own rows only: 50 fits instead of 5, as the folds that chose a method flatter it.
 *
 * @throws RangeError for under 5 rows too
 */
export function crossValidateCalibrator(
  choice: CalibrationMethod | "auto",
  logits: Values,
  labels: ArrayLike<number>,
  classes: number,
  folds = DEFAULT_FOLDS,
): CrossValidation {
  // Folds take their rows from both: what does not fit would be cut off or filled up unseen.
  checkLabelledRows(logits, labels, classes);
  const probabilities = new Float64Array(labels.length * classes);
  for (const { fitted, judged } of foldsOf(labels.length, folds)) {
    const known = takeRows(logits, fitted, classes);
    const truths = fitted.map((row) => labels[row]);
    const method = choice === "auto" ? chooseCalibrationMethod(known, truths, classes, INNER_FOLDS).method : choice;
    const calibrator = fitCalibrator(method, known, truths, classes);
    for (const row of judged)
      probabilities.set(applyCalibrator(rowOf(logits, row, classes), calibrator), row * classes);
  }
  return { probabilities, nll: meanNegativeLogLikelihood(probabilities, labels, classes) };
}

/**
 * The method whose cross-validated likelihood is best; the simpler of equals. Its own `nll` flatters it a little:
 * what the choice is worth is {@link crossValidateCalibrator} of `auto`.
 */
export function chooseCalibrationMethod(
  logits: Values,
  labels: ArrayLike<number>,
  classes: number,
  folds = DEFAULT_FOLDS,
): { method: CalibrationMethod; nll: Record<CalibrationMethod, number> } {
  const nll = Object.fromEntries(
    CALIBRATION_METHODS.map((method) => [method, crossValidateCalibrator(method, logits, labels, classes, folds).nll]),
  ) as Record<CalibrationMethod, number>;
  const method = CALIBRATION_METHODS.reduce((best, other) => (nll[other] < nll[best] ? other : best));
  return { method, nll };
}

/** mean_n -ln max(p_n[y_n], 1e-12), in nats. */
export function meanNegativeLogLikelihood(probabilities: Values, labels: ArrayLike<number>, classes: number): number {
  let sum = 0;
  for (let row = 0; row < labels.length; row++) {
    sum -= Math.log(Math.max(probabilities[row * classes + labels[row]], SMALLEST_LIKELIHOOD));
  }
  return sum / labels.length;
}
