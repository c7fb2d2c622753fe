// The one threshold of a pair: samples whose confidence is below it are offloaded. On demand, or certified.

import { ascendingOrder } from "../calibration/ascending-order.ts";
import { type Comparison, certifyInOrder, type RiskLimit } from "./risk-control.ts";
import { type AccuracyCurve, checkPairRows, OFFLOAD_ALL, pointOf } from "./sweep.ts";
import type { Wishes } from "./threshold-choice.ts";

/** Milliseconds. */
export interface PairCosts {
  edgeMs: number;
  /** What an offload adds. */
  cloudMs: number;
}

/**
 * Candidates of a guarantee, fixed before any row is seen, the safest first: everything, then thresholds that lie
 * dense where confidences crowd.
 */
const CANDIDATES = [OFFLOAD_ALL, ...Array.from({ length: 201 }, (_, j) => Number((1 - (j / 200) ** 3).toFixed(7)))];

/**
 * The threshold that fulfils all wishes on the rows of the curve: the least offloading where an accuracy is
 * wished for, else the most accurate (of equals the least offloading). Null where none fulfils them.
 */
export function choosePairThreshold(curve: AccuracyCurve, costs: PairCosts, wishes: Wishes): number | null {
  const { maxOffload = 1, minAccuracy = 0, maxMeanLatencyMs = Number.POSITIVE_INFINITY } = wishes;
  let best: { threshold: number; accuracy: number } | null = null;
  for (let point = 0; point < curve.thresholds.length; point++) {
    const { threshold, accuracy, offloadRate } = pointOf(curve, point);
    const latencyMs = costs.edgeMs + offloadRate * costs.cloudMs;
    if (offloadRate > maxOffload || latencyMs > maxMeanLatencyMs) break;
    if (accuracy < minAccuracy) continue;
    if (wishes.minAccuracy !== undefined) return threshold;
    if (best === null || accuracy > best.accuracy) best = { threshold, accuracy };
  }
  return best?.threshold ?? null;
}

/**
 * All thresholds certified to lose at most the limit of accuracy against offloading everything, the highest first:
 * with the limit's probability every one of them does, so any may be chosen by whatever else is wished for. None
 * where the rows are too few to certify anything. Each array is [rows]; cost: one sort, and a test for each of some
 * two hundred candidates.
 *
 * @throws RangeError for a limit or level outside (0, 1), and for rows as {@link sweepThresholds} does
 */
export function certifiedPairThresholds(
  confidence: Float64Array,
  edgeCorrect: Uint8Array,
  cloudCorrect: Uint8Array,
  limit: RiskLimit,
): number[] {
  checkPairRows(confidence, edgeCorrect, cloudCorrect);
  const comparisons = comparisonsAt(CANDIDATES, confidence, edgeCorrect, cloudCorrect);
  return CANDIDATES.slice(0, certifyInOrder(comparisons, confidence.length, limit));
}

/** Lost and won among the samples kept at each threshold; thresholds fall, so more and more are kept. */
function* comparisonsAt(
  thresholds: readonly number[],
  confidence: Float64Array,
  edgeCorrect: Uint8Array,
  cloudCorrect: Uint8Array,
): Generator<Comparison> {
  const order = ascendingOrder(confidence);
  let rank = order.length - 1;
  let worse = 0;
  let better = 0;
  for (const threshold of thresholds) {
    for (; rank >= 0 && confidence[order[rank]] >= threshold; rank--) {
      const row = order[rank];
      if (cloudCorrect[row] > edgeCorrect[row]) worse++;
      else if (cloudCorrect[row] < edgeCorrect[row]) better++;
    }
    yield { worse, better };
  }
}
