// Expected calibration error: how far confidence is from accuracy.
// Naeini et al., AAAI 2015; Guo et al., ICML 2017.

export const DEFAULT_BINS = 15;

/**
 * ECE of the top label over equal-width bins (lo, hi]: sum_b (n_b / n) |accuracy_b - confidence_b|.
 * A confidence of exactly 0 belongs to the first bin.
 *
 * @param confidence [rows], in [0, 1]
 * @param correct [rows], truthy where the top label was right
 * @param bins a whole number of at least 1
 * @throws RangeError for no rows, different lengths, wrong bins, or a confidence outside [0, 1]
 */
export function expectedCalibrationError(
  confidence: ArrayLike<number>,
  correct: ArrayLike<number | boolean>,
  bins = DEFAULT_BINS,
): number {
  const rows = confidence.length;
  if (rows === 0 || correct.length !== rows) {
    throw new RangeError(`correct: expected one for each of ${rows} rows, at least one, got ${correct.length}`);
  }
  if (!Number.isInteger(bins) || bins < 1) throw new RangeError(`bins: expected at least 1, got ${bins}`);
  const surplus = new Float64Array(bins);
  for (let row = 0; row < rows; row++) {
    const c = confidence[row];
    if (!(c >= 0 && c <= 1)) throw new RangeError(`confidence: expected [0, 1] in row ${row}, got ${c}`);
    surplus[Math.max(0, Math.ceil(c * bins) - 1)] += (correct[row] ? 1 : 0) - c;
  }
  return surplus.reduce((sum, s) => sum + Math.abs(s), 0) / rows;
}
