// Vector scaling: a scale and a bias for each class, for networks that favour some classes over others.
// Guo et al., "On Calibration of Modern Neural Networks", ICML 2017.
import type { VectorCalibrator } from "../schema/calibration.ts";
import { checkLabelledRows } from "./labelled-rows.ts";
import { minimise } from "./minimise.ts";
import { fitTemperature } from "./temperature.ts";
import { whiten } from "./whiten.ts";

/** In whitened coordinates half the gradient's square is about what is left to gain, in nats. */
const GRADIENT_TOLERANCE = 1e-8;

/** Keeps classes with few rows near what the temperature alone makes of them. */
export const DEFAULT_L2 = 0.01;

export interface VectorScalingOptions {
  /** Cost, in nats, of scales and biases that are 1 away from the temperature's. */
  l2?: number;
}

/**
 * The scales w and biases b [classes] that minimise
 *
 *     mean_n [ logsumexp(w z_n + b) - (w z_n + b)[y_n] ] + l2 (mean_k (w_k - 1/T)^2 + mean_k b_k^2),
 *
 * T of {@link fitTemperature}, from which the search starts, so that the likelihood is never worse than with T. The
 * problem is convex, and with l2 > 0 strictly. The biases add up to 0: a bias of all classes changes nothing. Cost:
 * rows x classes for each of 20 to 60 steps; 10,000 x 100 take under a second.
 *
 * @param logits row-major [rows, classes]
 * @param labels [rows], integers in [0, classes)
 * @throws RangeError for wrong lengths, labels out of range, logits that are not finite, or l2 that is not at least 0
 */
export function fitVectorScaling(
  logits: Float32Array | Float64Array,
  labels: ArrayLike<number>,
  classes: number,
  { l2 = DEFAULT_L2 }: VectorScalingOptions = {},
): VectorCalibrator {
  checkLabelledRows(logits, labels, classes);
  const wrong = logits.findIndex((logit) => !Number.isFinite(logit));
  if (wrong >= 0) {
    throw new RangeError(`logits: expected finite ones, got ${logits[wrong]} in row ${Math.floor(wrong / classes)}`);
  }
  if (!(l2 >= 0 && l2 < Infinity)) throw new RangeError(`l2: expected at least 0, got ${l2}`);
  const inverse = 1 / fitTemperature(logits, labels, classes);
  const coordinates = whiten(logits, labels.length, classes, inverse, l2);
  const gradientHere = new Float64Array(2 * classes);
  const { point } = minimise(
    (whitened, gradient) => {
      const here = coordinates.pointAt(whitened);
      const nll = nllAt(logits, labels, classes, here, gradientHere);
      const penalty = l2 * distance(here, inverse, (2 * l2) / classes, gradientHere);
      gradient.set(coordinates.gradientOf(gradientHere));
      return nll + penalty;
    },
    new Float64Array(2 * classes),
    { gradientTolerance: GRADIENT_TOLERANCE },
  );
  const best = coordinates.pointAt(point);
  const bias = best.subarray(classes);
  const mean = bias.reduce((sum, b) => sum + b, 0) / classes;
  return { scale: [...best.subarray(0, classes)], bias: Array.from(bias, (b) => b - mean) };
}

/** Mean negative log-likelihood at scales and biases [2 classes]; overwrites the gradient with its own. */
function nllAt(
  logits: Float32Array | Float64Array,
  labels: ArrayLike<number>,
  classes: number,
  point: Float64Array,
  gradient: Float64Array,
): number {
  const rows = labels.length;
  const row = new Float64Array(classes);
  let total = 0;
  gradient.fill(0);
  for (let n = 0; n < rows; n++) {
    const start = n * classes;
    let largest = -Infinity;
    for (let k = 0; k < classes; k++) {
      row[k] = point[k] * logits[start + k] + point[classes + k];
      if (row[k] > largest) largest = row[k];
    }
    const ofLabel = row[labels[n]] - largest;
    let sum = 0;
    for (let k = 0; k < classes; k++) {
      row[k] = Math.exp(row[k] - largest);
      sum += row[k];
    }
    total += Math.log(sum) - ofLabel;
    row[labels[n]] -= sum;
    for (let k = 0; k < classes; k++) {
      const slope = row[k] / (sum * rows);
      gradient[k] += slope * logits[start + k];
      gradient[classes + k] += slope;
    }
  }
  return total / rows;
}

/** mean_k (w_k - scale)^2 + mean_k b_k^2; adds `factor` times (w - scale, b) to the gradient. */
function distance(point: Float64Array, scale: number, factor: number, gradient: Float64Array): number {
  const classes = point.length / 2;
  let sum = 0;
  for (let i = 0; i < point.length; i++) {
    const away = point[i] - (i < classes ? scale : 0);
    sum += away * away;
    gradient[i] += factor * away;
  }
  return sum / classes;
}
