// A curve of accuracy against cost for rows that count several times or not at all, as the bootstrap draws them.
import type { CurvePoint } from "./joint-curves.ts";

export interface MeanPoint {
  cost: number;
  accuracy: number;
}

/** In rising cost. */
export function meanPoints(points: readonly CurvePoint[], counts: Uint16Array): MeanPoint[] {
  const total = counts.reduce((sum, count) => sum + count, 0);
  return points
    .map((point) => {
      let cost = 0;
      let correct = 0;
      for (let row = 0; row < counts.length; row++) {
        cost += counts[row] * point.cost[row];
        correct += counts[row] * point.correct[row];
      }
      return { cost: cost / total, accuracy: correct / total };
    })
    .sort((a, b) => a.cost - b.cost);
}

/**
 * Linear between neighbours: what tossing a coin between the two would reach.
 * @throws RangeError for a cost that the curve does not reach
 */
export function accuracyAt(curve: readonly MeanPoint[], cost: number): number {
  const above = curve.findIndex((point) => point.cost >= cost);
  if (above === -1 || (above === 0 && curve[0].cost > cost)) {
    const range = `${curve[0].cost.toFixed(3)} to ${curve[curve.length - 1].cost.toFixed(3)}`;
    throw new RangeError(`cost: expected ${range}, got ${cost}`);
  }
  if (above === 0) return curve[0].accuracy;
  const [low, high] = [curve[above - 1], curve[above]];
  return low.accuracy + ((cost - low.cost) / (high.cost - low.cost)) * (high.accuracy - low.accuracy);
}
