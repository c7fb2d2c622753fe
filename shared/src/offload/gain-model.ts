// The class-aware offload metric: a linear model of the expected gain of asking the cloud, on a few
// numbers that say how sure the edge is and on which class it names. Some classes the cloud knows much
// better than the edge does, and the confidence alone does not say which.
//
// Ridge regression; the classes' offsets are shrunk towards zero, so that a class with few rows says
// little. They touch one row each, so they are eliminated exactly and only a small system is solved.
import { solvePositiveDefinite } from "../calibration/cholesky.ts";
import { confidenceOf } from "../calibration/confidence.ts";
import { argmax } from "../calibration/softmax.ts";
import type { GainModel } from "../schema/calibration.ts";

/** Probabilities below this are as good as none; keeps the logarithms finite. */
const SMALLEST_PROBABILITY = 1e-9;
/** How many of the largest probabilities the model looks at. */
const LARGEST = 5;
/** A feature that varies by less, relative to its size, is as good as constant: rounding alone can do that. */
const SMALLEST_SPREAD = 1e-9;
/** Features are standardised; this much ridge only keeps the system solvable. */
const FEATURE_RIDGE = 1;

/**
 * Fits gain ~ intercept + sum_j weight_j f_j(p) + offset[argmax p] by least squares with penalty
 * `ridge` * sum offset^2 (and a small one on the standardised weights).
 *
 * @param probabilities [rows] of [classes], the edge's calibrated final answer
 * @param gain [rows], edge loss minus cloud loss
 * @param ridge rows' worth of doubt about a class's offset, at least 0; Infinity for no offsets
 * @throws RangeError for no rows, different lengths, NaN, or a negative ridge
 */
export function fitGainModel(
  probabilities: readonly ArrayLike<number>[],
  gain: ArrayLike<number>,
  ridge: number,
): GainModel {
  checkRows(probabilities, gain);
  if (!(ridge >= 0)) throw new RangeError(`ridge: expected at least 0, got ${ridge}`);
  const features = probabilities.map(featuresOf);
  const { mean, scale } = standardisation(features);
  const standard = features.map((row) => [1, ...row.map((value, j) => (value - mean[j]) / scale[j])]);
  const classOf = probabilities.map(argmax);
  const groups = groupSums(standard, gain, classOf, probabilities[0].length);
  const solution = solveEliminated(standard, gain, groups, ridge);
  const weights = solution.slice(1).map((weight, j) => weight / scale[j]);
  const intercept = solution[0] - weights.reduce((sum, weight, j) => sum + weight * mean[j], 0);
  return { intercept, weights, offsets: groups.map((group) => offsetOf(group, solution, ridge)) };
}

/** Expected gain of asking the cloud about one image, within [-1, 1]. O(classes). @throws RangeError for other classes than fitted */
export function predictGain(model: GainModel, probabilities: ArrayLike<number>): number {
  if (probabilities.length !== model.offsets.length) {
    throw new RangeError(`probabilities: expected ${model.offsets.length} classes, got ${probabilities.length}`);
  }
  const features = featuresOf(probabilities);
  let gain = model.intercept + model.offsets[argmax(probabilities)];
  for (let j = 0; j < features.length; j++) gain += model.weights[j] * features[j];
  return Math.min(1, Math.max(-1, gain));
}

/** How many features a row of so many probabilities has, and a model weights. */
export function gainFeatures(classes: number): number {
  return 5 + Math.min(LARGEST, classes);
}

function checkRows(probabilities: readonly ArrayLike<number>[], gain: ArrayLike<number>): void {
  const rows = probabilities.length;
  if (rows === 0 || gain.length !== rows) {
    throw new RangeError(`gain: expected one for each of ${rows} rows, at least one, got ${gain.length}`);
  }
  const classes = probabilities[0].length;
  for (let row = 0; row < rows; row++) {
    const got = probabilities[row].length;
    if (got !== classes) throw new RangeError(`probabilities: expected ${classes} classes in row ${row}, got ${got}`);
    if (Number.isNaN(gain[row])) throw new RangeError(`gain: expected numbers, got NaN in row ${row}`);
  }
}

/** The three confidences, two squares, and the logarithms of the largest probabilities. */
function featuresOf(probabilities: ArrayLike<number>): number[] {
  const largest = largestOf(probabilities, Math.min(LARGEST, probabilities.length));
  const margin = confidenceOf(probabilities, "margin");
  const logarithms = largest.map((p) => Math.log(Math.max(p, SMALLEST_PROBABILITY)));
  return [margin, margin ** 2, largest[0], largest[0] ** 2, confidenceOf(probabilities, "entropy"), ...logarithms];
}

/** The `count` largest values, the largest first. */
function largestOf(values: ArrayLike<number>, count: number): number[] {
  const largest: number[] = [];
  for (let k = 0; k < values.length; k++) {
    const value = values[k];
    if (largest.length === count && value <= largest[count - 1]) continue;
    let at = largest.length < count ? largest.length : count - 1;
    while (at > 0 && largest[at - 1] < value) {
      largest[at] = largest[at - 1];
      at--;
    }
    largest[at] = value;
  }
  return largest;
}

function standardisation(features: readonly number[][]): { mean: number[]; scale: number[] } {
  const columns = features[0].map((_, j) => features.map((row) => row[j]));
  const mean = columns.map((column) => column.reduce((sum, value) => sum + value, 0) / column.length);
  const scale = columns.map((column, j) => {
    const variance = column.reduce((sum, value) => sum + (value - mean[j]) ** 2, 0) / column.length;
    const spread = Math.sqrt(variance);
    // A constant feature says nothing; undivided, its standardised value stays 0.
    return spread > SMALLEST_SPREAD * Math.abs(mean[j]) ? spread : 1;
  });
  return { mean, scale };
}

/** The rows whose answer is one class: how many, and the sums over them. */
interface Group {
  count: number;
  features: number[];
  gain: number;
}

function groupSums(
  features: readonly number[][],
  gain: ArrayLike<number>,
  classOf: number[],
  classes: number,
): Group[] {
  const groups = Array.from({ length: classes }, () => ({ count: 0, features: features[0].map(() => 0), gain: 0 }));
  features.forEach((row, index) => {
    const group = groups[classOf[index]];
    group.count++;
    group.gain += gain[index];
    for (let j = 0; j < row.length; j++) group.features[j] += row[j];
  });
  return groups;
}

/** The best offset of a class once the weights are known. */
function offsetOf(group: Group, solution: readonly number[], ridge: number): number {
  if (group.count === 0 || ridge === Number.POSITIVE_INFINITY) return 0;
  const fitted = group.features.reduce((sum, value, j) => sum + value * solution[j], 0);
  return (group.gain - fitted) / (group.count + ridge);
}

/** Weights of the normal equations from which the classes' offsets have been eliminated. */
function solveEliminated(
  features: readonly number[][],
  gain: ArrayLike<number>,
  groups: readonly Group[],
  ridge: number,
): number[] {
  const size = features[0].length;
  const matrix = Array.from({ length: size }, (_, j) =>
    Array.from({ length: size }, (__, k) => (j === k && j > 0 ? FEATURE_RIDGE : 0)),
  );
  const right = new Array<number>(size).fill(0);
  const addOuter = (row: readonly number[], target: number, factor: number) => {
    for (let j = 0; j < size; j++) {
      right[j] += factor * row[j] * target;
      for (let k = 0; k < size; k++) matrix[j][k] += factor * row[j] * row[k];
    }
  };
  features.forEach((row, index) => {
    addOuter(row, gain[index], 1);
  });
  for (const group of groups) if (group.count > 0) addOuter(group.features, group.gain, -1 / (group.count + ridge));
  // Without a penalty the offsets can stand for the intercept too; this much decides between them.
  matrix[0][0] += 1e-9 * features.length;
  return solvePositiveDefinite(matrix, right);
}
