// The multi-exit network at work: stage by stage until an exit is confident, else the exits vote.
// Early exits and the vote follow EdgeKE; calibrators make the confidences comparable.
import { applyCalibrator } from "@spillway/shared/calibration/calibrator";
import { confidenceOf } from "@spillway/shared/calibration/confidence";
import { poolProbabilities } from "@spillway/shared/calibration/opinion-pool";
import type { Calibration } from "@spillway/shared/schema/calibration";
import type { Config } from "@spillway/shared/schema/config";
import type { EdgeModel } from "./edge-model.ts";

export interface EdgeAnswer {
  /** Number of the confident exit, from 1; null when none was and the exits voted. */
  exit: number | null;
  /** Calibrated, [classes]. */
  probabilities: Float64Array;
  /** Of these probabilities, by the configured rule. */
  confidence: number;
  /** The first stage's, [C,H,W] in a row, which the tail goes on from; null for a model of one stage. */
  features: Float32Array | null;
}

export async function runExits(
  image: Float32Array | Uint8Array,
  config: Config["edge"],
  calibration: Calibration,
  model: EdgeModel,
): Promise<EdgeAnswer> {
  const opinions: Float64Array[] = [];
  let input = model.imageInput(image);
  let stem: Float32Array | null = null;
  for (const [index, { threshold }] of config.exits.entries()) {
    const { logits, features } = await model.runStage(index, input);
    if (index === 0 && features?.data instanceof Float32Array) stem = features.data;
    const probabilities = applyCalibrator(logits, calibration.exits[index]);
    const confidence = confidenceOf(probabilities, config.confidence);
    if (confidence >= threshold) return { exit: index + 1, probabilities, confidence, features: stem };
    opinions.push(probabilities);
    if (features !== null) input = features;
  }
  const vote = poolProbabilities(opinions, config.vote);
  return { exit: null, probabilities: vote, confidence: confidenceOf(vote, config.confidence), features: stem };
}
