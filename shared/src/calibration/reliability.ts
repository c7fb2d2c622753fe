// How far confidence is from accuracy: calibration errors, the bins of a reliability diagram, and the Brier score.
// Naeini et al., AAAI 2015; Guo et al., ICML 2017; Nixon et al., "Measuring Calibration in Deep Learning", 2019;
// Brier, Monthly Weather Review 1950.
import { ascendingOrder } from "./ascending-order.ts";
import { checkLabelledRows } from "./labelled-rows.ts";

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
  checkConfidence(confidence, correct, bins);
  const surplus = new Float64Array(bins);
  for (let row = 0; row < confidence.length; row++) {
    surplus[binOf(confidence[row], bins)] += (correct[row] ? 1 : 0) - confidence[row];
  }
  return surplus.reduce((sum, s) => sum + Math.abs(s), 0) / confidence.length;
}

export interface ReliabilityBin {
  /** Not in the bin, but for the first bin's 0. */
  lower: number;
  /** In the bin. */
  upper: number;
  count: number;
  /** Mean confidence; null where no row fell. */
  confidence: number | null;
  /** Share of correct rows; null where no row fell. */
  accuracy: number | null;
}

/** The bins that {@link expectedCalibrationError} adds up, in rising confidence; arguments and errors as there. */
export function reliabilityBins(
  confidence: ArrayLike<number>,
  correct: ArrayLike<number | boolean>,
  bins = DEFAULT_BINS,
): ReliabilityBin[] {
  checkConfidence(confidence, correct, bins);
  const sums = Array.from({ length: bins }, () => ({ count: 0, confidence: 0, correct: 0 }));
  for (let row = 0; row < confidence.length; row++) {
    const bin = sums[binOf(confidence[row], bins)];
    bin.count++;
    bin.confidence += confidence[row];
    if (correct[row]) bin.correct++;
  }
  return sums.map((bin, b) => ({
    lower: b / bins,
    upper: (b + 1) / bins,
    count: bin.count,
    confidence: bin.count > 0 ? bin.confidence / bin.count : null,
    accuracy: bin.count > 0 ? bin.correct / bin.count : null,
  }));
}

/**
 * Adaptive ECE of the top label: as {@link expectedCalibrationError}, but over bins of equal count, so that no bin is
 * nearly empty. Rows are ordered by confidence, equal ones by row, and cut into `bins` stretches whose lengths differ
 * by at most one, the longer ones first; with fewer rows than bins each row is a bin. Arguments and errors as there;
 * O(rows log rows).
 */
export function adaptiveCalibrationError(
  confidence: ArrayLike<number>,
  correct: ArrayLike<number | boolean>,
  bins = DEFAULT_BINS,
): number {
  checkConfidence(confidence, correct, bins);
  const rows = confidence.length;
  const order = ascendingOrder(confidence);
  const longer = rows % bins;
  let error = 0;
  for (let bin = 0, from = 0; bin < bins; bin++) {
    const to = from + Math.floor(rows / bins) + (bin < longer ? 1 : 0);
    let surplus = 0;
    for (; from < to; from++) surplus += (correct[order[from]] ? 1 : 0) - confidence[order[from]];
    error += Math.abs(surplus);
  }
  return error / rows;
}

/**
 * Brier score of all classes: mean_n sum_k (p_nk - [y_n = k])^2, from 0 to 2.
 *
 * @param probabilities row-major [rows, classes]
 * @param labels [rows], integers in [0, classes)
 * @throws RangeError for no rows, wrong lengths, labels out of range, or NaN
 */
export function brierScore(probabilities: ArrayLike<number>, labels: ArrayLike<number>, classes: number): number {
  checkLabelledRows(probabilities, labels, classes, "probabilities");
  let sum = 0;
  for (let row = 0; row < labels.length; row++) {
    for (let k = 0; k < classes; k++) sum += (probabilities[row * classes + k] - (k === labels[row] ? 1 : 0)) ** 2;
  }
  return sum / labels.length;
}

function binOf(confidence: number, bins: number): number {
  return Math.max(0, Math.ceil(confidence * bins) - 1);
}

function checkConfidence(confidence: ArrayLike<number>, correct: ArrayLike<number | boolean>, bins: number): void {
  const rows = confidence.length;
  if (rows === 0 || correct.length !== rows) {
    throw new RangeError(`correct: expected one for each of ${rows} rows, at least one, got ${correct.length}`);
  }
  if (!Number.isInteger(bins) || bins < 1) throw new RangeError(`bins: expected at least 1, got ${bins}`);
  for (let row = 0; row < rows; row++) {
    const c = confidence[row];
    if (!(c >= 0 && c <= 1)) throw new RangeError(`confidence: expected [0, 1] in row ${row}, got ${c}`);
  }
}
