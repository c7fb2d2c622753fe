// What another cloud than the metric's gains, as a share of the metric: the tail at one of its settings, where the
// metric says what the large model gains.

/** Shares are kept within this, beyond which a fit has seen too little: see tailCalibrationSchema. */
export const MAX_GAIN_SHARE = 2;

/**
 * The share of the metric that asking another cloud gains: the slope of its gain over the metric, by least squares
 * through the origin, as a share of the slope of the metric's own cloud,
 *
 *     s = sum_n m_n g_n / sum_n m_n G_n,    kept within [-2, 2].
 *
 * - Through the origin: where asking gains nothing, asking another gains nothing either. A constant would be decided
 *   by the images that an exit answers by itself, whose metric is next to nothing. So they hardly count, wherever the
 *   thresholds will be: leaving out those below 0.05 changes no share by more than 0.01.
 * - As a share of G's slope, which is 1 for a metric that promises what it keeps, rather than of 1: both clouds are
 *   then wrong by the same factor, and the comparison of them is not. And where the edge is right and where it is wrong
 *   by luck makes both gains, so that it cancels: on 2,500 images and large models that see coarse JPEGs, the
 *   standard error falls from 0.075 to 0.062 at a share of 0.4.
 *
 * 0 where the metric's own cloud gains nothing. O(rows).
 *
 * @param metric [rows], m: expected gain of asking the metric's cloud, of a fit without the row at hand
 * @param metricGain [rows], G: what asking it gained, edge loss minus its loss: 1, 0 or -1 for right and wrong answers
 * @param gain [rows], g: what asking the other would have gained
 * @throws RangeError for no rows, different lengths, or what is not finite
 */
export function fitGainShare(metric: Float64Array, metricGain: Float64Array, gain: Float64Array): number {
  const rows = metric.length;
  if (rows === 0) throw new RangeError("metric: expected at least one row, got none");
  if (metricGain.length !== rows || gain.length !== rows) {
    throw new RangeError(`gains: expected ${rows} rows each, got ${metricGain.length} and ${gain.length}`);
  }
  let other = 0;
  let own = 0;
  for (let row = 0; row < rows; row++) {
    other += metric[row] * gain[row];
    own += metric[row] * metricGain[row];
  }
  if (!Number.isFinite(other) || !Number.isFinite(own)) {
    throw new RangeError("metric and gains: expected finite numbers");
  }
  return own <= 0 ? 0 : Math.min(MAX_GAIN_SHARE, Math.max(-MAX_GAIN_SHARE, other / own));
}
