// Coordinates in which vector scaling is easy: a class's scale and bias trade off against each other, and rare classes
// count little, so that in its own coordinates the search takes ten times as many steps.
import { softmax } from "./softmax.ts";

/** Of the curvature: two coordinates that are almost the same stay two. */
const RIDGE = 1e-9;

export interface Coordinates {
  /** Scales, then biases, of a point in these coordinates. */
  pointAt(whitened: Float64Array): Float64Array;
  /** The gradient by these coordinates, from that by scales and biases. */
  gradientOf(gradient: Float64Array): Float64Array;
}

/**
 * Coordinates [2 classes], 0 at scales of 1/T and biases of 0, in which the curvature there is about 1 in all
 * directions: by Cholesky's decomposition of each class's 2 x 2 curvature, mean_n p (1 - p) (z, 1)(z, 1)^T with
 * p = softmax(z / T), and the penalty's 2 l2 / classes.
 */
export function whiten(
  logits: Float32Array | Float64Array,
  rows: number,
  classes: number,
  inverse: number,
  l2: number,
): Coordinates {
  const { ofScale, ofBoth, ofBias } = factors(logits, rows, classes, inverse, l2);
  return {
    pointAt(whitened: Float64Array): Float64Array {
      const point = whitened.slice();
      for (let k = 0; k < classes; k++) {
        const bias = whitened[classes + k] / ofBias[k];
        point[classes + k] = bias;
        point[k] = inverse + (whitened[k] - ofBoth[k] * bias) / ofScale[k];
      }
      return point;
    },
    gradientOf(gradient: Float64Array): Float64Array {
      const whitened = gradient.slice();
      for (let k = 0; k < classes; k++) {
        whitened[k] = gradient[k] / ofScale[k];
        whitened[classes + k] = (gradient[classes + k] - ofBoth[k] * whitened[k]) / ofBias[k];
      }
      return whitened;
    },
  };
}

/** Cholesky's factor of each class's curvature: on its diagonal the scale's and the bias's, below it what they share. */
function factors(logits: Float32Array | Float64Array, rows: number, classes: number, inverse: number, l2: number) {
  const [ofScale, ofBoth, ofBias] = [0, 0, 0].map(() => new Float64Array(classes));
  for (let n = 0; n < rows; n++) {
    const z = logits.subarray(n * classes, (n + 1) * classes);
    softmax(z, 1 / inverse).forEach((p, k) => {
      const curvature = (p * (1 - p)) / rows;
      ofScale[k] += curvature * z[k] * z[k];
      ofBoth[k] += curvature * z[k];
      ofBias[k] += curvature;
    });
  }
  const penalty = (2 * l2) / classes + RIDGE;
  for (let k = 0; k < classes; k++) {
    ofScale[k] = Math.sqrt(ofScale[k] * (1 + RIDGE) + penalty);
    ofBoth[k] /= ofScale[k];
    ofBias[k] = Math.sqrt(Math.max(0, ofBias[k] - ofBoth[k] ** 2) + RIDGE * ofBias[k] + penalty);
  }
  return { ofScale, ofBoth, ofBias };
}
