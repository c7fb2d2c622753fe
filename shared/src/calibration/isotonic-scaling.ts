// Isotonic scaling: after the temperature, one rising table from probability to how often it came true, for all
// classes alike. It bends where no temperature can, and keeps the order of the classes.
// Zhang, Kailkhura & Han, "Mix-n-Match: Ensemble and Compositional Methods for Uncertainty Calibration", ICML 2020.
import { type IsotonicCalibrator, MAX_CALIBRATOR_KNOTS } from "../schema/calibration.ts";
import { type Block, fitNonIncreasing, pool } from "./isotonic.ts";
import { softmax } from "./softmax.ts";
import { fitTemperature } from "./temperature.ts";

/**
 * T of {@link fitTemperature}, and the rising step function that fits [y_n = k] best in least squares as a function
 * of p_nk = softmax(z_n / T)_k, over all rows and classes. Each step is a knot at the mean of its probabilities;
 * where there are more than MAX_CALIBRATOR_KNOTS, the neighbours whose union costs the fit least are joined. Cost:
 * sorting rows x classes pairs; a million take about a second.
 *
 * @param logits row-major [rows, classes]
 * @param labels [rows], integers in [0, classes)
 * @throws RangeError as {@link fitTemperature} does
 */
export function fitIsotonicScaling(
  logits: Float32Array | Float64Array,
  labels: ArrayLike<number>,
  classes: number,
): IsotonicCalibrator {
  const temperature = fitTemperature(logits, labels, classes);
  const probabilities = new Float64Array(logits.length);
  // The fit falls, the table is to rise: what came true counts as -1.
  const cameTrue = new Int8Array(logits.length);
  for (let row = 0; row < labels.length; row++) {
    const start = row * classes;
    probabilities.set(softmax(logits.subarray(start, start + classes), temperature), start);
    cameTrue[start + labels[row]] = -1;
  }
  const blocks = thinned(fitNonIncreasing(probabilities, cameTrue), MAX_CALIBRATOR_KNOTS);
  const frequencies = blocks.map((block) => Math.min(1, Math.abs(block.value)));
  // A table has two knots at least.
  if (blocks.length === 1) return { temperature, probability: [0, 1], frequency: [frequencies[0], frequencies[0]] };
  return { temperature, probability: blocks.map((block) => block.position), frequency: frequencies };
}

/**
 * Joins the two neighbours whose union adds least to the squared error, until few enough are left. O(blocks^2);
 * there are about (pairs)^(2/3) blocks at most, as their values are distinct fractions.
 */
function thinned(blocks: readonly Block[], most: number): Block[] {
  const kept = blocks.map((block) => ({ ...block }));
  const costs = kept.slice(1).map((right, k) => costOfJoining(kept[k], right));
  while (kept.length > most) {
    let cheapest = 0;
    for (let k = 1; k < costs.length; k++) if (costs[k] < costs[cheapest]) cheapest = k;
    pool(kept[cheapest], kept[cheapest + 1]);
    kept.splice(cheapest + 1, 1);
    costs.splice(cheapest, 1);
    if (cheapest > 0) costs[cheapest - 1] = costOfJoining(kept[cheapest - 1], kept[cheapest]);
    if (cheapest < costs.length) costs[cheapest] = costOfJoining(kept[cheapest], kept[cheapest + 1]);
  }
  return kept;
}

function costOfJoining(left: Block, right: Block): number {
  return ((left.count * right.count) / (left.count + right.count)) * (left.value - right.value) ** 2;
}
