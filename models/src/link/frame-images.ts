// The images of a camera's frames: what asking the cloud about each is expected to gain and, where labels are known,
// who is right about it.
import { applyCalibrator } from "@spillway/shared/calibration/calibrator";
import { poolProbabilities } from "@spillway/shared/calibration/opinion-pool";
import { rowOf } from "@spillway/shared/calibration/row-major";
import { argmax } from "@spillway/shared/calibration/softmax";
import { fuse } from "@spillway/shared/offload/fusion";
import { mulberry32 } from "@spillway/shared/random/mulberry32";
import type { Calibration, ConfidenceRule } from "@spillway/shared/schema/calibration";
import type { Evaluation } from "../evaluation/evaluation-file.ts";
import { systemOutcomes } from "../evaluation/system.ts";
import { optionName } from "./send-options.ts";

export interface FrameImages {
  /** Expected gain of asking the large model, [images]. */
  metrics: Float64Array;
  /** 1 where right, [images]: the edge, and each option by its name, as far as they were evaluated. Null without labels. */
  correct: { edge: Uint8Array; options: ReadonlyMap<string, Uint8Array> } | null;
  /** Share of images that the edge alone is right about, or what is taken for it. */
  edgeAccuracy: number;
}

/** Mean .0625 and most near 0, as with the shipped model's vote; the edge is right about 70 of 100. */
export const ASSUMED_GAIN = 0.25;
const ASSUMED_IMAGES = 10_000;
const ASSUMED_ACCURACY = 0.7;

/** Metrics 0.25 u^3 for even u: a stand-in where no evaluation is given. */
export function assumedImages(seed: number): FrameImages {
  const random = mulberry32(seed);
  const metrics = Float64Array.from({ length: ASSUMED_IMAGES }, () => ASSUMED_GAIN * random() ** 3);
  return { metrics, correct: null, edgeAccuracy: ASSUMED_ACCURACY };
}

export function evaluatedImages(
  evaluation: Evaluation,
  calibration: Calibration,
  confidence: ConfidenceRule,
): FrameImages {
  const { labels, rows, classes } = evaluation;
  const { vote, cloud } = systemOutcomes(evaluation, labels, calibration, confidence);
  const options = new Map([[optionName({ route: "large", setting: null }), cloud.correct]]);
  for (const { setting, logits } of evaluation.tail) {
    const fitted = calibration.tail?.find((known) => known.setting === setting);
    if (fitted === undefined) continue;
    const correct = Uint8Array.from({ length: rows }, (_, row) => {
      const answer = applyCalibrator(rowOf(logits, row, classes), fitted.calibrator);
      const fused = fitted.fusion === null ? answer : fuse(edgeOf(row), answer, fitted.fusion);
      return argmax(fused) === labels[row] ? 1 : 0;
    });
    options.set(setting, correct);
  }
  function edgeOf(row: number): Float64Array {
    const opinions = evaluation.exits.map((exit, index) =>
      applyCalibrator(rowOf(exit, row, classes), calibration.exits[index]),
    );
    return poolProbabilities(opinions, calibration.vote);
  }
  const edgeAccuracy = vote.correct.reduce((sum, correct) => sum + correct, 0) / rows;
  return { metrics: vote.metric, correct: { edge: vote.correct, options }, edgeAccuracy };
}
