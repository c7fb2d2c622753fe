// What another cloud than the metric's gains, as a share of the metric: the tail at one of its settings, where the
// metric was fitted to what the large model gains.

/** Shares are kept within this, beyond which a fit has seen too little: see tailCalibrationSchema. */
export const MAX_GAIN_SHARE = 2;

/**
 * The share s that predicts the gain best as s times the metric: least squares through the origin,
 *
 *     s = sum_n m_n g_n / sum_n m_n^2,    kept within [-2, 2].
 *
 * An image weighs by the square of its metric. Those that an exit answers by itself, whose metric is next to nothing,
 * thus hardly count, wherever the thresholds will be; and there is no constant, which they would decide: where asking
 * gains nothing, asking another gains nothing either. 0 where the metric is 0 throughout. O(rows).
 *
 * @param metric [rows], expected gain of asking the metric's cloud, of a fit without the row at hand
 * @param gain [rows], edge loss minus the other cloud's loss: 1, 0 or -1 for right and wrong answers
 * @throws RangeError for no rows, different lengths, or what is not finite
 */
export function fitGainShare(metric: Float64Array, gain: Float64Array): number {
  const rows = metric.length;
  if (rows === 0) throw new RangeError("metric: expected at least one row, got none");
  if (gain.length !== rows) throw new RangeError(`gain: expected ${rows} rows, got ${gain.length}`);
  let products = 0;
  let squares = 0;
  for (let row = 0; row < rows; row++) {
    products += metric[row] * gain[row];
    squares += metric[row] * metric[row];
  }
  if (!Number.isFinite(products) || !Number.isFinite(squares)) {
    throw new RangeError("metric and gain: expected finite numbers");
  }
  return squares === 0 ? 0 : Math.min(MAX_GAIN_SHARE, Math.max(-MAX_GAIN_SHARE, products / squares));
}
