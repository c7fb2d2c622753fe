// How edge and cloud answer an offloaded image together: not at all, as a weighted mean, or as a weighted
// product, whichever gives the labels the best cross-validated likelihood.

import { meanNegativeLogLikelihood } from "../calibration/fit-calibrator.ts";
import { checkLabelledRows } from "../calibration/labelled-rows.ts";
import { fitLogLinearPool } from "../calibration/log-linear-pool.ts";
import { fitPoolWeights } from "../calibration/opinion-pool.ts";
import { ofTruth, rowOf, takeRows } from "../calibration/row-major.ts";
import { DEFAULT_FOLDS, foldsOf } from "../random/folds.ts";
import type { Fusion } from "../schema/calibration.ts";
import { fuse } from "./fusion.ts";

export const FUSION_METHODS = ["none", "linear", "log-linear"] as const;
export type FusionMethod = (typeof FUSION_METHODS)[number];

/** Folds within a fold. */
const INNER_FOLDS = 3;

export interface FusionComparison {
  method: FusionMethod;
  /** Fused probabilities [rows, classes], each row's by weights fitted without it. */
  probabilities: Float64Array;
  /** Mean negative log-likelihood under them, in nats. */
  nll: number;
}

/**
 * @param edge the edge's calibrated probabilities, row-major [rows, classes]; `cloud` likewise
 * @returns null for `none`
 * @throws RangeError for no rows, lengths that do not fit, labels out of range, or NaN
 */
export function fitFusion(
  method: FusionMethod,
  edge: Float64Array,
  cloud: Float64Array,
  labels: ArrayLike<number>,
  classes: number,
): Fusion | null {
  checkTables(edge, cloud, labels, classes);
  switch (method) {
    case "none":
      return null;
    case "linear": {
      const [edgeWeight] = fitPoolWeights([edge, cloud].map((values) => ofTruth(values, labels, classes)));
      return { edgeWeight };
    }
    case "log-linear": {
      const [edgePower, cloudPower] = fitLogLinearPool([edge, cloud], labels, classes);
      return { edgePower, cloudPower };
    }
  }
}

/** All ways, the most likely first; of equals the simpler. @throws RangeError as {@link fitFusion}, and for under 5 rows */
export function compareFusions(
  edge: Float64Array,
  cloud: Float64Array,
  labels: ArrayLike<number>,
  classes: number,
  folds = DEFAULT_FOLDS,
): FusionComparison[] {
  checkTables(edge, cloud, labels, classes);
  return FUSION_METHODS.map((method) => ({
    method,
    ...crossValidate(() => method, edge, cloud, labels, classes, folds),
  })).sort((a, b) => a.nll - b.nll);
}

/**
 * What choosing among all ways is worth: as {@link compareFusions} chooses, but in each fold again and among its own
 * rows only, as the folds that chose a way flatter it. Costs about twice as much.
 */
export function crossValidateChosenFusion(
  edge: Float64Array,
  cloud: Float64Array,
  labels: ArrayLike<number>,
  classes: number,
): Omit<FusionComparison, "method"> {
  checkTables(edge, cloud, labels, classes);
  const choose: Choose = (...known) => compareFusions(...known, classes, INNER_FOLDS)[0].method;
  return crossValidate(choose, edge, cloud, labels, classes, DEFAULT_FOLDS);
}

type Choose = (edge: Float64Array, cloud: Float64Array, labels: number[]) => FusionMethod;

function crossValidate(
  choose: Choose,
  edge: Float64Array,
  cloud: Float64Array,
  labels: ArrayLike<number>,
  classes: number,
  folds: number,
): Omit<FusionComparison, "method"> {
  const probabilities = new Float64Array(edge.length);
  for (const { fitted, judged } of foldsOf(labels.length, folds)) {
    const truths = fitted.map((row) => labels[row]);
    const [a, b] = [edge, cloud].map((values) => takeRows(values, fitted, classes));
    const fusion = fitFusion(choose(a, b, truths), a, b, truths, classes);
    for (const row of judged) {
      probabilities.set(answer(rowOf(edge, row, classes), rowOf(cloud, row, classes), fusion), row * classes);
    }
  }
  return { probabilities, nll: meanNegativeLogLikelihood(probabilities, labels, classes) };
}

function checkTables(edge: Float64Array, cloud: Float64Array, labels: ArrayLike<number>, classes: number): void {
  checkLabelledRows(edge, labels, classes, "edge");
  checkLabelledRows(cloud, labels, classes, "cloud");
}

function answer(edge: Float64Array, cloud: Float64Array, fusion: Fusion | null): Float64Array {
  return fusion === null ? cloud : fuse(edge, cloud, fusion);
}
