// Logits into probabilities that can be believed, by whichever calibrator was fitted.
// The fits are in temperature.ts, vector-scaling.ts and isotonic-scaling.ts.
import type { Calibrator, IsotonicCalibrator, VectorCalibrator } from "../schema/calibration.ts";
import { softmax } from "./softmax.ts";

/**
 * What a step of the table leaves of the probability itself. A step gives many probabilities one frequency: with a
 * millionth of the probability added the order of the classes stays what it was, as far down as differences of
 * 1e-10, and a row whose frequencies are all 0 stays as it was. No other probability moves by more than a millionth.
 */
const TIE_SHARE = 1e-6;

/**
 * Calibrated probabilities of one row.
 * - temperature: softmax(z / T)
 * - vector: softmax(scale * z + bias), class by class
 * - isotonic: p = softmax(z / T); q_k = table(p_k) + 1e-6 p_k, the table linear between its knots and constant
 *   beyond them; q / sum_k q_k
 *
 * Temperature and isotonic never change the order of the classes. Cost: O(classes), isotonic O(classes log knots).
 *
 * @param logits [classes]; -Infinity is allowed where no class-by-class scale meets it
 * @returns float64 [classes], adding up to one
 * @throws RangeError for an empty row, NaN, +Infinity, or a vector calibrator of other classes
 */
export function applyCalibrator(logits: ArrayLike<number>, calibrator: Calibrator): Float64Array {
  if ("scale" in calibrator) return softmax(scaled(logits, calibrator));
  const probabilities = softmax(logits, calibrator.temperature);
  return "probability" in calibrator ? lookedUp(probabilities, calibrator) : probabilities;
}

function scaled(logits: ArrayLike<number>, { scale, bias }: VectorCalibrator): Float64Array {
  if (logits.length !== scale.length) {
    throw new RangeError(`logits: expected ${scale.length} classes, got ${logits.length}`);
  }
  return Float64Array.from(scale, (factor, k) => factor * logits[k] + bias[k]);
}

function lookedUp(probabilities: Float64Array, calibrator: IsotonicCalibrator): Float64Array {
  const frequencies = probabilities.map((p) => frequencyAt(calibrator, p) + TIE_SHARE * p);
  const sum = frequencies.reduce((total, frequency) => total + frequency, 0);
  return frequencies.map((frequency) => frequency / sum);
}

/** Linear between knots, constant beyond the ends; binary search. */
function frequencyAt({ probability, frequency }: IsotonicCalibrator, p: number): number {
  let low = 0;
  let high = probability.length - 1;
  if (p <= probability[low]) return frequency[low];
  if (p >= probability[high]) return frequency[high];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (probability[middle] <= p) low = middle;
    else high = middle;
  }
  const share = (p - probability[low]) / (probability[high] - probability[low]);
  // Rounding must not lift the end of one stretch above the start of the next.
  return Math.min(frequency[high], frequency[low] + share * (frequency[high] - frequency[low]));
}
