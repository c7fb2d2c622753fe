// The threshold of a pair, with what it may be expected to do on rows that did not choose it.
import { certifiedPairThresholds, choosePairThreshold, type PairCosts } from "@spillway/shared/offload/pair-threshold";
import { OFFLOAD_ALL, rowAt, type SweepRow, sweepThresholds } from "@spillway/shared/offload/sweep";
import { fulfils, type Wishes } from "@spillway/shared/offload/threshold-choice";
import { foldsOf } from "@spillway/shared/random/folds";
import type { Demand } from "./demand.ts";
import type { ThresholdResult } from "./threshold-result.ts";

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
  const { correct, offloaded } = crossValidate(pair, costs, demand, threshold);
  const rows = pair.confidence.length;
  const offloadRate = offloaded / rows;
  return {
    exits: [threshold],
    offload: threshold,
    offloadOn: "confidence",
    guarantee: demand.limit,
    expected: {
      accuracy: correct / rows,
      offloadRate,
      meanLatencyMs: costs.edgeMs + offloadRate * costs.cloudMs,
    },
    expectedOn: { rows, how: "cross-validated on the rows that chose" },
  };
}

function thresholdFor(pair: PairRows, costs: PairCosts, { wishes, limit }: Demand): number | null {
  const { confidence, edgeCorrect, cloudCorrect } = pair;
  const curve = sweepThresholds(confidence, edgeCorrect, cloudCorrect);
  if (limit === null) {
    const threshold = choosePairThreshold(curve, costs, wishes);
    // The least sure of these rows is not the least sure there will be: who offloads none offloads none of others.
    return threshold === curve.thresholds[0] ? 0 : threshold;
  }
  const certified = certifiedPairThresholds(confidence, edgeCorrect, cloudCorrect, limit);
  return certified.findLast((threshold) => isWithin(rowAt(curve, threshold), costs, wishes)) ?? null;
}

function isWithin({ accuracy, offloadRate }: SweepRow, costs: PairCosts, wishes: Wishes): boolean {
  return fulfils({ accuracy, offloadRate, meanLatencyMs: costs.edgeMs + offloadRate * costs.cloudMs }, wishes);
}

function crossValidate(pair: PairRows, costs: PairCosts, demand: Demand, threshold: number) {
  const total = { correct: 0, offloaded: 0 };
  // Too few rows to leave some out: what was chosen is all there is to judge by.
  const folds = pair.confidence.length < 10 ? [] : foldsOf(pair.confidence.length);
  // Wishes only take or leave what a guarantee certifies: a fold that just misses one must not offload everything.
  const asked = demand.limit === null ? demand : { ...demand, wishes: {} };
  const fallback = demand.limit === null ? threshold : OFFLOAD_ALL;
  for (const { fitted, judged } of folds) {
    const chosen = thresholdFor(selectPair(pair, fitted), costs, asked) ?? fallback;
    const counts = countAt(pair, judged, chosen);
    total.correct += counts.correct;
    total.offloaded += counts.offloaded;
  }
  return folds.length === 0 ? countAt(pair, Array.from(pair.confidence.keys()), threshold) : total;
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
