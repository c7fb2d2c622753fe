// A model's logits as the outcomes of the whole system: what the exits, the vote and the cloud would say
// under a calibration, as the Worker computes it.
import { applyCalibrator } from "@spillway/shared/calibration/calibrator";
import { confidenceOf } from "@spillway/shared/calibration/confidence";
import { poolProbabilities } from "@spillway/shared/calibration/opinion-pool";
import { rowOf } from "@spillway/shared/calibration/row-major";
import { argmax } from "@spillway/shared/calibration/softmax";
import { expectedGain } from "@spillway/shared/offload/expected-gain";
import { fuse } from "@spillway/shared/offload/fusion";
import type { SystemCosts, SystemOutcomes } from "@spillway/shared/offload/system-outcomes";
import type { Calibration, ConfidenceRule } from "@spillway/shared/schema/calibration";
import type { Manifest } from "@spillway/shared/schema/manifest";
import { UsageError } from "../usage.ts";
import type { ModelLogits } from "./run-models.ts";

/** Multiply-adds a millisecond of the shipped stages in workerd on the machine of the README's tables, rounded. */
export const MULTIPLY_ADDS_PER_MS = 1e7;
/** What an offload adds when nobody says: network, gate and large model of a GPU some 20 ms away. */
export const DEFAULT_CLOUD_MS = 50;

/** @param labels [rows] */
export function systemOutcomes(
  logits: ModelLogits,
  labels: ArrayLike<number>,
  calibration: Calibration,
  rule: ConfidenceRule,
): SystemOutcomes {
  const { rows, classes } = logits;
  const exits = logits.exits.map(() => ({ confidence: new Float64Array(rows), correct: new Uint8Array(rows) }));
  const vote = { metric: new Float64Array(rows), correct: new Uint8Array(rows) };
  const cloud = { correct: new Uint8Array(rows) };
  for (let row = 0; row < rows; row++) {
    const isRight = (probabilities: Float64Array) => (argmax(probabilities) === labels[row] ? 1 : 0);
    const opinions = logits.exits.map((values, exit) =>
      applyCalibrator(rowOf(values, row, classes), calibration.exits[exit]),
    );
    opinions.forEach((probabilities, exit) => {
      exits[exit].confidence[row] = confidenceOf(probabilities, rule);
      exits[exit].correct[row] = isRight(probabilities);
    });
    const pooled = poolProbabilities(opinions, calibration.vote);
    vote.metric[row] = expectedGain(calibration, rule, pooled, confidenceOf(pooled, rule));
    vote.correct[row] = isRight(pooled);
    const large = applyCalibrator(rowOf(logits.large, row, classes), calibration.cloud);
    cloud.correct[row] = isRight(calibration.fusion === null ? large : fuse(pooled, large, calibration.fusion));
  }
  return { rows, exits, vote, cloud };
}

/** The latencies given, or estimates from the multiply-adds. @throws UsageError for a wrong number of stages */
export function systemCosts(manifest: Manifest, stageMs?: readonly number[], cloudMs = DEFAULT_CLOUD_MS): SystemCosts {
  const { stages } = manifest.edge;
  if (stageMs !== undefined && stageMs.length !== stages.length) {
    throw new UsageError(`--stage-ms: expected ${stages.length} numbers, one a stage, got ${stageMs.length}`);
  }
  return { stageMs: stageMs ?? stages.map(({ multiplyAdds }) => multiplyAdds / MULTIPLY_ADDS_PER_MS), cloudMs };
}
