// How sure a classifier is, as one number in [0, 1] that rises with certainty.
import type { ConfidenceRule } from "../schema/calibration.ts";

/**
 * Confidence of one row of probabilities [classes].
 * - `max-probability`: max_k p_k
 * - `margin`: the largest minus the second largest (EdgeBoost)
 * - `entropy`: 1 - H(p) / ln(classes), so that it rises with certainty like the others;
 *   0 ln 0 counts as 0, and a single class is certain
 *
 * @throws RangeError for an empty row or NaN
 */
export function confidenceOf(probabilities: ArrayLike<number>, rule: ConfidenceRule): number {
  if (probabilities.length === 0) throw new RangeError("probabilities: expected at least one class, got none");
  for (let k = 0; k < probabilities.length; k++) {
    if (Number.isNaN(probabilities[k])) throw new RangeError(`probabilities: expected numbers, got NaN at class ${k}`);
  }
  // Pooled probabilities and the entropy of a uniform row pass the ends of [0, 1] by a rounding error.
  return Math.min(1, Math.max(0, score(probabilities, rule)));
}

function score(probabilities: ArrayLike<number>, rule: ConfidenceRule): number {
  switch (rule) {
    case "max-probability":
      return largestTwo(probabilities)[0];
    case "margin": {
      const [first, second] = largestTwo(probabilities);
      return first - second;
    }
    case "entropy":
      return 1 - normalisedEntropy(probabilities);
  }
}

function largestTwo(values: ArrayLike<number>): [number, number] {
  let first = 0;
  let second = 0;
  for (let k = 0; k < values.length; k++) {
    const value = values[k];
    if (value > first) {
      second = first;
      first = value;
    } else if (value > second) {
      second = value;
    }
  }
  return [first, second];
}

function normalisedEntropy(probabilities: ArrayLike<number>): number {
  if (probabilities.length === 1) return 0;
  let entropy = 0;
  for (let k = 0; k < probabilities.length; k++) {
    const p = probabilities[k];
    if (p > 0) entropy -= p * Math.log(p);
  }
  return entropy / Math.log(probabilities.length);
}
