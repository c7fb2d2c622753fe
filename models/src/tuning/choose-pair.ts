// The threshold of a pair, with what it may be expected to do on rows that did not choose it.
import { cutBetween } from "@spillway/shared/offload/joint-thresholds";
import { certifiedPairThresholds, choosePairThreshold, type PairCosts } from "@spillway/shared/offload/pair-threshold";
import { OFFLOAD_ALL, rowAt, type SweepRow, sweepThresholds } from "@spillway/shared/offload/sweep";
import { fulfils, type Wishes } from "@spillway/shared/offload/threshold-choice";
import { foldsOf } from "@spillway/shared/random/folds";
import { type Demand, missedWishes } from "./demand.ts";
import type { ThresholdResult } from "./threshold-result.ts";

/** Fewer rows than this leave nothing to judge by when some are left out. */
const FEWEST_CROSS_VALIDATED = 10;

/** What a threshold is chosen on; each array is [rows]. */
export interface PairRows {
  confidence: Float64Array;
  edgeCorrect: Uint8Array;
  cloudCorrect: Uint8Array;
}

/**
 * Chosen on all rows; `expected` is cross-validated: every row is judged at the threshold chosen without it.
 * Null where the demand is not attainable.
 */
export function choosePair(pair: PairRows, costs: PairCosts, demand: Demand): ThresholdResult | null {
  const threshold = thresholdFor(pair, costs, demand);
  if (threshold === null) return null;
  const rows = pair.confidence.length;
  const isEnough = rows >= FEWEST_CROSS_VALIDATED;
  const { correct, offloaded } = isEnough
    ? crossValidate(pair, costs, demand, threshold)
    : countAt(pair, Array.from(pair.confidence.keys()), threshold);
  const offloadRate = offloaded / rows;
  const meanLatencyMs = costs.edgeMs + offloadRate * costs.cloudMs;
  const expected = { accuracy: correct / rows, offloadRate, meanLatencyMs };
  return {
    exits: [threshold],
    offload: threshold,
    offloadOn: "confidence",
    guarantee: demand.limit,
    expected,
    baselines: baselinesOf(pair, costs),
    missed: missedWishes(expected, demand.wishes),
    expectedOn: {
      rows,
      how: isEnough ? "cross-validated on the rows that chose" : "the rows that chose, too few to leave some out",
    },
  };
}

function thresholdFor(pair: PairRows, costs: PairCosts, { wishes, limit }: Demand): number | null {
  const { confidence, edgeCorrect, cloudCorrect } = pair;
  const curve = sweepThresholds(confidence, edgeCorrect, cloudCorrect);
  if (limit === null) {
    const threshold = choosePairThreshold(curve, costs, wishes);
    if (threshold === null || threshold === OFFLOAD_ALL) return threshold;
    // The least sure of these rows is not the least sure there will be: who offloads none offloads none of others.
    const point = curve.thresholds.indexOf(threshold);
    return point === 0 ? 0 : cutBetween(curve.thresholds[point - 1], threshold);
  }
  const certified = certifiedPairThresholds(confidence, edgeCorrect, cloudCorrect, limit);
  return certified.findLast((threshold) => isWithin(rowAt(curve, threshold), costs, wishes)) ?? null;
}

function isWithin({ accuracy, offloadRate }: SweepRow, costs: PairCosts, wishes: Wishes): boolean {
  return fulfils({ accuracy, offloadRate, meanLatencyMs: costs.edgeMs + offloadRate * costs.cloudMs }, wishes);
}

function baselinesOf({ edgeCorrect, cloudCorrect }: PairRows, { edgeMs, cloudMs }: PairCosts) {
  const accuracyOf = (correct: Uint8Array) => correct.reduce((sum, right) => sum + right, 0) / correct.length;
  return {
    edgeOnly: { accuracy: accuracyOf(edgeCorrect), offloadRate: 0, meanLatencyMs: edgeMs },
    everythingOffloaded: { accuracy: accuracyOf(cloudCorrect), offloadRate: 1, meanLatencyMs: edgeMs + cloudMs },
  };
}

/** Every row at the threshold that the other folds choose; where they cannot have what is asked, at the one chosen. */
function crossValidate(pair: PairRows, costs: PairCosts, demand: Demand, threshold: number) {
  const total = { correct: 0, offloaded: 0 };
  for (const { fitted, judged } of foldsOf(pair.confidence.length)) {
    const chosen = thresholdFor(selectPair(pair, fitted), costs, demand) ?? threshold;
    const counts = countAt(pair, judged, chosen);
    total.correct += counts.correct;
    total.offloaded += counts.offloaded;
  }
  return total;
}

function countAt(pair: PairRows, rows: readonly number[], threshold: number) {
  let correct = 0;
  let offloaded = 0;
  for (const row of rows) {
    const isOffloaded = pair.confidence[row] < threshold;
    if (isOffloaded) offloaded++;
    correct += isOffloaded ? pair.cloudCorrect[row] : pair.edgeCorrect[row];
  }
  return { correct, offloaded };
}

function selectPair(pair: PairRows, rows: readonly number[]): PairRows {
  return {
    confidence: Float64Array.from(rows, (row) => pair.confidence[row]),
    edgeCorrect: Uint8Array.from(rows, (row) => pair.edgeCorrect[row]),
    cloudCorrect: Uint8Array.from(rows, (row) => pair.cloudCorrect[row]),
  };
}
