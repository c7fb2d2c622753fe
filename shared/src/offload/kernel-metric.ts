// The offload metric as EMSOFT'22 fits it: kernel regression of the gain on the confidence
// (Nadaraya 1964, Watson 1964), here made monotone afterwards, as being surer never makes asking worthier.

import { ascendingOrder } from "../calibration/ascending-order.ts";
import { fitNonIncreasing } from "../calibration/isotonic.ts";
import type { MetricTable } from "../schema/calibration.ts";

/** Knots of the table; between them the metric is linear. */
const KNOTS = 128;
/** Rows further away than this many bandwidths weigh less than e^-8. */
const REACH = 4;

/**
 * E[gain | confidence] by a Gaussian kernel: sum_n K((c - c_n) / h) g_n / sum_n K((c - c_n) / h), at knots
 * spread evenly over the rows, then the nearest falling step function through the knots.
 * Cost: O(rows log rows + knots * rows within reach).
 *
 * @param confidence [rows]
 * @param gain [rows], edge loss minus cloud loss
 * @param bandwidth h > 0, in units of confidence
 * @throws RangeError for no rows, different lengths, NaN or a bandwidth that is not above 0
 */
export function fitKernelMetric(confidence: Float64Array, gain: ArrayLike<number>, bandwidth: number): MetricTable {
  const rows = confidence.length;
  if (rows === 0 || gain.length !== rows) {
    throw new RangeError(`gain: expected one for each of ${rows} rows, at least one, got ${gain.length}`);
  }
  for (let row = 0; row < rows; row++) {
    if (Number.isNaN(confidence[row]) || Number.isNaN(gain[row])) throw new RangeError(`row ${row}: got NaN`);
  }
  if (!(bandwidth > 0)) throw new RangeError(`bandwidth: expected a number above 0, got ${bandwidth}`);
  const order = ascendingOrder(confidence);
  const sorted = Float64Array.from(order, (row) => confidence[row]);
  const gains = Float64Array.from(order, (row) => gain[row]);
  const knots = knotsOf(sorted);
  const smoothed = knots.map((knot) => smoothedGain(sorted, gains, knot, bandwidth));
  const blocks = fitNonIncreasing(knots, smoothed);
  return { confidence: blocks.map(({ position }) => position), gain: blocks.map(({ value }) => value) };
}

/** Distinct confidences at even ranks. */
function knotsOf(sorted: Float64Array): number[] {
  const last = sorted.length - 1;
  const knots = Array.from({ length: KNOTS }, (_, k) => sorted[Math.round((k * last) / (KNOTS - 1))]);
  return [...new Set(knots)];
}

function smoothedGain(sorted: Float64Array, gains: Float64Array, knot: number, bandwidth: number): number {
  let weights = 0;
  let sum = 0;
  for (let rank = firstAtLeast(sorted, knot - REACH * bandwidth); rank < sorted.length; rank++) {
    const distance = (sorted[rank] - knot) / bandwidth;
    if (distance > REACH) break;
    const weight = Math.exp(-(distance ** 2) / 2);
    weights += weight;
    sum += weight * gains[rank];
  }
  return sum / weights;
}

function firstAtLeast(sorted: Float64Array, value: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle] < value) low = middle + 1;
    else high = middle;
  }
  return low;
}
