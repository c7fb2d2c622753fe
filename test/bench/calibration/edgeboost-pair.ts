// EdgeBoost's published probabilities as the benchmarks of this folder use them: the margin of the calibrated edge,
// and who is right.
import type { ConfidenceRule } from "@spillway/shared/schema/calibration";
import { readLabels, readProbabilities } from "../../../models/src/arrays/inputs.ts";
import { type PairOutcomes, readPair } from "../../../models/src/evaluation/pair.ts";

export const EDGEBOOST = "../shared/data/edgeboost";

export interface EdgeBoostPair extends PairOutcomes {
  labels: Int32Array;
  /** Row-major [rows, classes], calibrated. */
  edge: Float64Array;
  /** Row-major [rows, classes], as published. */
  cloud: Float64Array;
}

/** One rule's confidences and who is right, each [rows]. */
export interface JudgedRows {
  confidence: Float64Array;
  edgeCorrect: Uint8Array;
  cloudCorrect: Uint8Array;
}

export async function readEdgeBoost(): Promise<EdgeBoostPair> {
  const edge = `${EDGEBOOST}/edge-calibrated.npy`;
  const cloud = `${EDGEBOOST}/cloud.npy`;
  const labels = `${EDGEBOOST}/labels.npy`;
  const pair = await readPair({ edge, cloud, labels }, ["margin", "max-probability", "entropy"]);
  return {
    ...pair,
    labels: await readLabels(labels, pair.classes),
    edge: Float64Array.from((await readProbabilities(edge)).values),
    cloud: Float64Array.from((await readProbabilities(cloud)).values),
  };
}

export function confidenceBy(pair: PairOutcomes, rule: ConfidenceRule): Float64Array {
  return pair.confidence.get(rule) as Float64Array;
}

export function takeJudged({ confidence, edgeCorrect, cloudCorrect }: JudgedRows, rows: ArrayLike<number>): JudgedRows {
  return {
    confidence: Float64Array.from(rows, (row) => confidence[row]),
    edgeCorrect: Uint8Array.from(rows, (row) => edgeCorrect[row]),
    cloudCorrect: Uint8Array.from(rows, (row) => cloudCorrect[row]),
  };
}
