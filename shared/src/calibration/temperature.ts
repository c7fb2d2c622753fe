// Temperature scaling: one number that makes a network's confidence mean what it says.
// Guo et al., "On Calibration of Modern Neural Networks", ICML 2017.
import { checkLabelledRows } from "./labelled-rows.ts";
import { argmax, logSumExp } from "./softmax.ts";

/** Temperatures outside this range mean that the logits are not logits. */
export const TEMPERATURE_RANGE = { smallest: 0.01, largest: 100 } as const;
/** A step that changes 1/T by a smaller share than this is the last: Newton's error is then its square. */
const TOLERANCE = 1e-7;
const MAX_ITERATIONS = 200;

/**
 * The temperature that minimises the mean negative log-likelihood
 *
 *     NLL(T) = mean_n [ logsumexp(z_n / T) - z_n[y_n] / T ].
 *
 * NLL is convex in 1/T. Newton's method there, with the first derivative mean_n [ E_p(z_n) - z_n[y_n] ] and the
 * second mean_n Var_p(z_n), p = softmax(z_n / T), both from one pass, finds the one minimum; a bracket kept around it
 * halves where a step would leave it. If the minimum lies outside TEMPERATURE_RANGE, the nearer end is returned; where
 * the logits of every row are all the same, T changes nothing and is 1.
 * Cost: rows x classes for each of about eight steps.
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
  checkLabelledRows(logits, labels, classes);
  let low = 1 / TEMPERATURE_RANGE.largest;
  let high = 1 / TEMPERATURE_RANGE.smallest;
  const { slope: slopeAtLargest, curvature: curvatureAtLargest } = derivatives(logits, labels, classes, low);
  if (!Number.isFinite(slopeAtLargest)) {
    throw new RangeError("logits: expected a finite maximum in every row and a finite logit for its label");
  }
  if (slopeAtLargest === 0 && curvatureAtLargest === 0) return 1;
  if (slopeAtLargest >= 0) return TEMPERATURE_RANGE.largest;
  if (derivatives(logits, labels, classes, high).slope <= 0) return TEMPERATURE_RANGE.smallest;
  let inverse = 1;
  let lastStep = high - low;
  for (let iteration = 0; iteration < MAX_ITERATIONS && high - low > TOLERANCE * low; iteration++) {
    const { slope, curvature } = derivatives(logits, labels, classes, inverse);
    if (slope > 0) high = inverse;
    else low = inverse;
    const step = -slope / curvature;
    const next = inverse + step;
    if (Math.abs(step) <= TOLERANCE * inverse) return 1 / next;
    const isNewton = next > low && next < high && Math.abs(step) <= lastStep / 2;
    const middle = Math.sqrt(low * high);
    lastStep = Math.abs(isNewton ? step : middle - inverse);
    inverse = isNewton ? next : middle;
  }
  return 1 / inverse;
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
  checkLabelledRows(logits, labels, classes);
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

/** First and second derivative of the summed NLL by inverse temperature. */
function derivatives(
  logits: Float32Array | Float64Array,
  labels: ArrayLike<number>,
  classes: number,
  inverse: number,
): { slope: number; curvature: number } {
  let slope = 0;
  let curvature = 0;
  for (let row = 0; row < labels.length; row++) {
    const start = row * classes;
    let largest = -Infinity;
    for (let k = 0; k < classes; k++) if (logits[start + k] > largest) largest = logits[start + k];
    let sum = 0;
    let first = 0;
    let second = 0;
    for (let k = 0; k < classes; k++) {
      // Relative to the maximum, so that -Infinity logits add 0 and not NaN.
      const z = logits[start + k] - largest;
      if (z === -Infinity) continue;
      const e = Math.exp(z * inverse);
      sum += e;
      first += z * e;
      second += z * (z * e);
    }
    const mean = first / sum;
    slope += mean - (logits[start + labels[row]] - largest);
    curvature += second / sum - mean * mean;
  }
  return { slope, curvature };
}
