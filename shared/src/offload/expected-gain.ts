// The offload metric of one image, by whichever way the calibration found best.
import type { Calibration, ConfidenceRule } from "../schema/calibration.ts";
import { predictGain } from "./gain-model.ts";
import { applyMetric } from "./metric.ts";

/**
 * Expected gain of asking the cloud, E[edge loss - cloud loss | edge output], in [-1, 1].
 *
 * @param probabilities the vote's, [classes]
 * @param confidence of them, by `rule`
 */
export function expectedGain(
  calibration: Pick<Calibration, "metric" | "gainModel">,
  rule: ConfidenceRule,
  probabilities: ArrayLike<number>,
  confidence: number,
): number {
  const { metric, gainModel } = calibration;
  return gainModel === null ? applyMetric(metric[rule], confidence) : predictGain(gainModel, probabilities);
}
