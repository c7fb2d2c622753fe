// Softmax and its logarithm, stable for any finite logits: the maximum is taken out first.
import { rowOf, type Values } from "./row-major.ts";

/**
 * Probabilities of one row: exp(z_k / T) / sum_j exp(z_j / T).
 *
 * @param logits [classes]; -Infinity is allowed (probability 0), NaN and +Infinity are not
 * @param temperature T > 0
 * @returns float64 [classes], summing to one
 * @throws RangeError for an empty row, a NaN or infinite maximum, or T <= 0
 */
export function softmax(logits: ArrayLike<number>, temperature = 1): Float64Array {
  const largest = checkedMaximum(logits, temperature);
  const probabilities = new Float64Array(logits.length);
  let sum = 0;
  for (let k = 0; k < logits.length; k++) {
    const e = Math.exp((logits[k] - largest) / temperature);
    probabilities[k] = e;
    sum += e;
  }
  for (let k = 0; k < probabilities.length; k++) probabilities[k] /= sum;
  return probabilities;
}

/** {@link softmax} of each row of a table [rows, classes]. @throws RangeError as it does, and for part of a row */
export function softmaxRows(logits: Values, classes: number): Float64Array {
  const rows = logits.length / classes;
  if (!Number.isInteger(rows)) {
    throw new RangeError(`logits: expected rows of ${classes} classes, got ${logits.length} numbers`);
  }
  const probabilities = new Float64Array(logits.length);
  for (let row = 0; row < rows; row++) probabilities.set(softmax(rowOf(logits, row, classes)), row * classes);
  return probabilities;
}

/** log sum_k exp(z_k / T), same arguments and errors as {@link softmax}. */
export function logSumExp(logits: ArrayLike<number>, temperature = 1): number {
  const largest = checkedMaximum(logits, temperature);
  let sum = 0;
  for (let k = 0; k < logits.length; k++) sum += Math.exp((logits[k] - largest) / temperature);
  return largest / temperature + Math.log(sum);
}

/** Index of the largest value; the first of equals. */
export function argmax(values: ArrayLike<number>): number {
  let best = 0;
  for (let k = 1; k < values.length; k++) if (values[k] > values[best]) best = k;
  return best;
}

function checkedMaximum(logits: ArrayLike<number>, temperature: number): number {
  if (!(temperature > 0)) throw new RangeError(`temperature: expected a number above 0, got ${temperature}`);
  if (logits.length === 0) throw new RangeError("logits: expected at least one class, got none");
  let largest = -Infinity;
  for (let k = 0; k < logits.length; k++) {
    const z = logits[k];
    if (Number.isNaN(z)) throw new RangeError(`logits: expected numbers, got NaN at class ${k}`);
    if (z > largest) largest = z;
  }
  if (!Number.isFinite(largest)) throw new RangeError(`logits: expected a finite maximum, got ${largest}`);
  return largest;
}
