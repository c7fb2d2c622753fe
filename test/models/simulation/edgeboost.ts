// EdgeBoost's published outputs as a simulation sees them, and the reference simulated on them; both lie outside.
import { existsSync, readFileSync } from "node:fs";
import type { TokenGrid } from "@spillway/shared/bucket/token-grid";
import { rowOf } from "@spillway/shared/calibration/row-major";
import { argmax } from "@spillway/shared/calibration/softmax";
import { readNpy } from "../../shared/calibration/npy.ts";

const SHARED = new URL("../../../../shared/", import.meta.url);
const REFERENCE = new URL("reference/token-bucket-mdp.json", SHARED);
const OUTPUTS = new URL("data/edgeboost/", SHARED);

export const isThere = existsSync(REFERENCE) && existsSync(new URL("labels.npy", OUTPUTS));
export const skipNote = isThere
  ? ""
  : " (skipped: ../shared, which holds the reference and EdgeBoost's probabilities, is missing)";

export interface ReferenceCase {
  rate: number;
  depth: number;
  arrival: { kind: "periodic" } | { kind: "geometric"; p: number } | { kind: "sampled"; n1: number; n3: number };
  meanInterArrival: number;
  scaled: TokenGrid;
  mdpThresholds: number[];
  baselineThreshold: number;
  edgeLoss: number;
  cloudLoss: number;
  lowerBoundLoss: number;
  baselineLoss: number;
  baselineOffload: number;
  mdpLoss: number;
  mdpOffload: number;
}

export function referenceCases(): ReferenceCase[] {
  return isThere ? JSON.parse(readFileSync(REFERENCE, "utf8")).cases : [];
}

/** Metric 1 - largest edge probability, reward edge error - cloud error, in the order of the files. */
export function readEdgeBoost(): { metrics: Float64Array; rewards: Float64Array; edgeLosses: Float64Array } {
  const labels = readNpy(new URL("labels.npy", OUTPUTS)).data;
  const [edge, cloud] = ["edge-calibrated", "cloud"].map((model) => readNpy(new URL(`${model}.npy`, OUTPUTS)));
  const rows = (table: typeof edge) => Array.from(labels, (_, row) => rowOf(table.data, row, table.shape[1]));
  const errors = (table: typeof edge) => rows(table).map((row, at) => (argmax(row) === labels[at] ? 0 : 1));
  const [edgeErrors, cloudErrors] = [errors(edge), errors(cloud)];
  return {
    metrics: Float64Array.from(rows(edge), (row) => 1 - Math.max(...row)),
    rewards: Float64Array.from(edgeErrors, (error, row) => error - cloudErrors[row]),
    edgeLosses: Float64Array.from(edgeErrors),
  };
}
