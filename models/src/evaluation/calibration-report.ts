// How well probabilities mean what they say.
import { confidenceOf } from "@spillway/shared/calibration/confidence";
import { meanNegativeLogLikelihood } from "@spillway/shared/calibration/fit-calibrator";
import {
  adaptiveCalibrationError,
  brierScore,
  expectedCalibrationError,
} from "@spillway/shared/calibration/reliability";
import { rowOf, type Values } from "@spillway/shared/calibration/row-major";
import { argmax } from "@spillway/shared/calibration/softmax";
import { TEMPERATURE_RANGE } from "@spillway/shared/calibration/temperature";

export interface CalibrationQuality {
  accuracy: number;
  /** Mean negative log-likelihood, in nats. */
  nll: number;
  /** Expected calibration error of the top label, 15 bins of equal width. */
  ece: number;
  /** The same with bins of equal count. */
  adaptiveEce: number;
  brier: number;
}

/** Confidence of the top label, and whether it is right; each [rows]. */
export interface TopLabels {
  confidence: Float64Array;
  correct: Uint8Array;
}

/** @param probabilities row-major [rows, classes] */
export function topLabels(probabilities: Values, labels: ArrayLike<number>, classes: number): TopLabels {
  const top = { confidence: new Float64Array(labels.length), correct: new Uint8Array(labels.length) };
  for (let row = 0; row < labels.length; row++) {
    const values = rowOf(probabilities, row, classes);
    top.confidence[row] = confidenceOf(values, "max-probability");
    top.correct[row] = argmax(values) === labels[row] ? 1 : 0;
  }
  return top;
}

export function calibrationQuality(
  probabilities: Values,
  labels: ArrayLike<number>,
  classes: number,
): CalibrationQuality {
  const { confidence, correct } = topLabels(probabilities, labels, classes);
  return {
    accuracy: correct.reduce((sum, right) => sum + right, 0) / labels.length,
    nll: meanNegativeLogLikelihood(probabilities, labels, classes),
    ece: expectedCalibrationError(confidence, correct),
    adaptiveEce: adaptiveCalibrationError(confidence, correct),
    brier: brierScore(probabilities, labels, classes),
  };
}

/** A line for people where the best temperature lies beyond what is searched; empty otherwise. */
export function temperatureNote(name: string, temperature: number): string {
  switch (temperature) {
    case TEMPERATURE_RANGE.smallest:
      return `note: ${name}: the temperature is at its lower end, ${temperature}: the largest logit is always right\n`;
    case TEMPERATURE_RANGE.largest:
      return `note: ${name}: the temperature is at its upper end, ${temperature}: the logits say nothing of the label\n`;
    default:
      return "";
  }
}
