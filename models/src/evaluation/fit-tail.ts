// Fits what calibration.json holds of the tail: how far its answers can be believed at each setting, and what asking
// it gains.
import { crossValidateCalibrator, fitCalibrator } from "@spillway/shared/calibration/fit-calibrator";
import { rowOf } from "@spillway/shared/calibration/row-major";
import { argmax } from "@spillway/shared/calibration/softmax";
import { compareFusions, type FusionMethod, fitFusion } from "@spillway/shared/offload/fit-fusion";
import { fitGainShare } from "@spillway/shared/offload/gain-share";
import type { TailCalibration } from "@spillway/shared/schema/calibration";
import { type CalibrationQuality, calibrationQuality } from "./calibration-report.ts";
import type { TailLogits } from "./run-models.ts";

/**
 * Of the tail always: there is one calibrator a setting, and the Worker carries them all. A vector calibrator of a
 * hundred classes takes 4 KB, a temperature 30 bytes.
 */
const METHOD = "temperature";

/** What is known of the edge once it is calibrated; all of it cross-validated. */
export interface EdgeAnswers {
  /** The vote's, row-major [rows, classes]. */
  probabilities: Float64Array;
  /** Expected gain of asking the large model, [rows]. */
  metric: Float64Array;
  /** What asking it gained, [rows]: 1, 0 or -1. */
  largeGain: Float64Array;
}

export interface TailFit {
  calibration: TailCalibration;
  /** Of the tail's answers alone, calibrated; cross-validated. */
  alone: CalibrationQuality;
  /** Of what is answered: fused with the vote, where that is better. Cross-validated. */
  answered: CalibrationQuality;
  fusion: FusionMethod;
}

/**
 * @param labels [rows]
 * @throws RangeError without frame lengths
 */
export function fitTail(
  { setting, logits, frameBytes }: TailLogits,
  edge: EdgeAnswers,
  labels: ArrayLike<number>,
  classes: number,
): TailFit {
  if (frameBytes === null) throw new RangeError(`${setting}: expected frame lengths, got none`);
  const { probabilities } = crossValidateCalibrator(METHOD, logits, labels, classes);
  const [fused] = compareFusions(edge.probabilities, probabilities, labels, classes);
  const gain = Float64Array.from({ length: labels.length }, (_, row) => {
    const isRight = (values: Float64Array) => (argmax(rowOf(values, row, classes)) === labels[row] ? 1 : 0);
    return isRight(fused.probabilities) - isRight(edge.probabilities);
  });
  return {
    calibration: {
      setting,
      calibrator: fitCalibrator(METHOD, logits, labels, classes),
      fusion: fitFusion(fused.method, edge.probabilities, probabilities, labels, classes),
      gainShare: rounded(fitGainShare(edge.metric, edge.largeGain, gain), 1e4),
      frameBytes: rounded(frameBytes.reduce((sum, length) => sum + length, 0) / frameBytes.length, 10),
    },
    alone: calibrationQuality(probabilities, labels, classes),
    answered: calibrationQuality(fused.probabilities, labels, classes),
    fusion: fused.method,
  };
}

/** More digits say nothing, and every answer of the Worker's build carries them. */
function rounded(value: number, parts: number): number {
  return Math.round(value * parts) / parts;
}
