// The area under the curve of accuracy against offload rate for rows that count several times or not at all, as the
// bootstrap draws them: sorted once, added up for each sample.
import { ascendingOrder } from "@spillway/shared/calibration/ascending-order";

/**
 * The mean accuracy over all offload rates, rows of equal reluctance going together: `areaUnderCurve` of the curve
 * in which row n stands `counts[n]` times.
 *
 * @param reluctance [rows]; the smallest is offloaded first
 */
export function areaByOrder(
  reluctance: Float64Array,
  edgeCorrect: Uint8Array,
  cloudCorrect: Uint8Array,
): (counts: Uint16Array) => number {
  const order = ascendingOrder(reluctance);
  return (counts) => {
    let total = 0;
    let correct = 0;
    for (let row = 0; row < counts.length; row++) {
      total += counts[row];
      correct += counts[row] * edgeCorrect[row];
    }
    let area = 0;
    for (let rank = 0; rank < order.length; ) {
      const value = reluctance[order[rank]];
      let width = 0;
      let gain = 0;
      for (; rank < order.length && reluctance[order[rank]] === value; rank++) {
        const row = order[rank];
        width += counts[row];
        gain += counts[row] * (cloudCorrect[row] - edgeCorrect[row]);
      }
      area += width * (correct + gain / 2);
      correct += gain;
    }
    return area / total ** 2;
  };
}
