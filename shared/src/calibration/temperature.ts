// Temperature scaling: one number that makes a network's confidence mean what it says.
// Guo et al., "On Calibration of Modern Neural Networks", ICML 2017.
import { argmax, logSumExp } from "./softmax.ts";

/** Temperatures outside this range mean that the logits are not logits. */
export const TEMPERATURE_RANGE = { smallest: 0.01, largest: 100 } as const;
const TOLERANCE = 1e-10;
const MAX_ITERATIONS = 200;

/**
 * The temperature that minimises the mean negative log-likelihood
 *
 *     NLL(T) = mean_n [ logsumexp(z_n / T) - z_n[y_n] / T ].
 *
 * NLL is convex in 1/T, so bisection on the sign of its derivative there,
 * mean_n [ E_p(z_n) - z_n[y_n] ] with p = softmax(z_n / T), finds the one minimum; if that
 * lies outside TEMPERATURE_RANGE, the nearer end is returned. Cost: rows x classes for each of
 * about 40 steps.
 *
 * @param logits row-major [rows, classes]; log-probabilities serve as well
 * @param labels [rows], integers in [0, classes)
 * @throws RangeError for wrong lengths, labels out of range, NaN, a row without a finite maximum, or a
 *   label whose logit is -Infinity, which no temperature explains
 */
export function fitTemperature(
  logits: Float32Array | Float64Array,
  labels: ArrayLike<number>,
  classes: number,
): number {
  checkRows(logits, labels, classes);
  let low = 1 / TEMPERATURE_RANGE.largest;
  let high = 1 / TEMPERATURE_RANGE.smallest;
  const slopeAtLargest = slope(logits, labels, classes, low);
  if (!Number.isFinite(slopeAtLargest)) {
    throw new RangeError("logits: expected a finite maximum in every row and a finite logit for its label");
  }
  if (slopeAtLargest >= 0) return TEMPERATURE_RANGE.largest;
  if (slope(logits, labels, classes, high) <= 0) return TEMPERATURE_RANGE.smallest;
  for (let iteration = 0; iteration < MAX_ITERATIONS && high - low > TOLERANCE * high; iteration++) {
    const middle = (low + high) / 2;
    if (slope(logits, labels, classes, middle) > 0) high = middle;
    else low = middle;
  }
  return 2 / (low + high);
}

/**
 * Mean negative log-likelihood of the labels at a temperature, in nats; Infinity where a label's
 * logit is -Infinity. Arguments and other errors as in {@link fitTemperature}, and T <= 0.
 */
export function negativeLogLikelihood(
  logits: Float32Array | Float64Array,
  labels: ArrayLike<number>,
  classes: number,
  temperature = 1,
): number {
  checkRows(logits, labels, classes);
  let total = 0;
  for (let row = 0; row < labels.length; row++) {
    // Relative to the maximum, so that logits far from 0 keep their digits.
    const z = logits.subarray(row * classes, (row + 1) * classes);
    const largest = z[argmax(z)];
    const relative = Float64Array.from(z, (value) => value - largest);
    total += logSumExp(relative, temperature) - relative[labels[row]] / temperature;
  }
  return total / labels.length;
}

/** Derivative of the summed NLL by inverse temperature. */
function slope(
  logits: Float32Array | Float64Array,
  labels: ArrayLike<number>,
  classes: number,
  inverse: number,
): number {
  let total = 0;
  for (let row = 0; row < labels.length; row++) {
    const start = row * classes;
    let largest = -Infinity;
    for (let k = 0; k < classes; k++) if (logits[start + k] > largest) largest = logits[start + k];
    let sum = 0;
    let weighted = 0;
    for (let k = 0; k < classes; k++) {
      // Relative to the maximum, so that -Infinity logits add 0 and not NaN.
      const z = logits[start + k] - largest;
      if (z === -Infinity) continue;
      const e = Math.exp(z * inverse);
      sum += e;
      weighted += z * e;
    }
    total += weighted / sum - (logits[start + labels[row]] - largest);
  }
  return total;
}

function checkRows(logits: ArrayLike<number>, labels: ArrayLike<number>, classes: number): void {
  const rows = labels.length;
  if (rows === 0) throw new RangeError("labels: expected at least one row, got none");
  if (logits.length !== rows * classes) {
    throw new RangeError(`logits: expected ${rows} x ${classes} numbers, got ${logits.length}`);
  }
  for (let row = 0; row < rows; row++) {
    const label = labels[row];
    if (!Number.isInteger(label) || label < 0 || label >= classes) {
      throw new RangeError(`labels: expected an integer in [0, ${classes}) in row ${row}, got ${label}`);
    }
  }
  for (let index = 0; index < logits.length; index++) {
    if (Number.isNaN(logits[index])) {
      throw new RangeError(`logits: expected numbers, got NaN in row ${Math.floor(index / classes)}`);
    }
  }
}
