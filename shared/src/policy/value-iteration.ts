// EMSOFT'22's Markov decision process: for every level of the bucket, the metric from which an image is worth a
// token, by value iteration over a sample of images that arrive independently of each other.
import type { TokenGrid } from "../bucket/token-grid.ts";

/** Share of the intervals between two images that last so many time units. */
export interface Interval {
  units: number;
  share: number;
}

export interface ImageSample {
  /** Offload metrics in rising order, [images]. */
  metrics: Float64Array;
  /** Edge loss minus cloud loss of the same images. */
  rewards: Float64Array;
}

export interface ValueIterationOptions {
  /** Worth of the next image's reward against this one's. */
  discount?: number;
  maxSweeps?: number;
  /** Thresholds that move by less than this share of the metrics' range are settled. */
  tolerance?: number;
}

/** A threshold above every metric: nothing is worth a token. */
const NEVER = Number.POSITIVE_INFINITY;

/**
 * thresholds[k] is the metric from which to offload at level p + k, k = 0 .. m - p.
 *
 *     V(n) = max over cuts c of  mean_i [ i >= c ? r_i + g V'(n - p) : g V'(n) ],   V'(n) = E_I V(min(n + q I, m))
 *
 * where images are sorted by metric and g is the discount; below p tokens nothing can be offloaded. All that a cut
 * needs of the images is how far the sum of the rewards above it exceeds its size times the price g (V'(n) -
 * V'(n - p)) of a token, and the best cut only moves along the upper hull of those sums: it is found by bisection.
 * Cost: O(images log images) once, then O(levels * intervals * log images) a sweep.
 *
 * @throws RangeError for no images, metrics that fall, or intervals whose shares do not add up to one
 */
export function solveThresholds(
  sample: ImageSample,
  grid: TokenGrid,
  intervals: readonly Interval[],
  { discount = 0.9999, maxSweeps = 10_000, tolerance = 1e-6 }: ValueIterationOptions = {},
): number[] {
  checkSample(sample);
  const total = intervals.reduce((sum, { share }) => sum + share, 0);
  if (Math.abs(total - 1) > 1e-6) throw new RangeError(`intervals: expected shares that add up to 1, got ${total}`);
  const { p, q, m } = grid;
  const hull = upperHull(sample);
  const images = sample.metrics.length;
  const range = sample.metrics[images - 1] - sample.metrics[0];
  let values = new Float64Array(m + 1);
  let next = new Float64Array(m + 1);
  const later = new Float64Array(m + 1);
  const thresholds = new Float64Array(m - p + 1).fill(NEVER);
  for (let sweep = 0; sweep < maxSweeps; sweep++) {
    for (let level = 0; level <= m; level++) {
      let expected = 0;
      for (const { units, share } of intervals) expected += share * values[Math.min(level + q * units, m)];
      later[level] = discount * expected;
    }
    let moved = 0;
    for (let level = 0; level <= m; level++) {
      if (level < p) {
        next[level] = later[level];
        continue;
      }
      const price = later[level] - later[level - p];
      const best = bestCut(hull, price);
      next[level] = later[level] + (hull.sum[best] - hull.count[best] * price) / images;
      const threshold = hull.threshold[best];
      if (threshold !== thresholds[level - p]) moved = Math.max(moved, Math.abs(threshold - thresholds[level - p]));
      thresholds[level - p] = threshold;
    }
    [values, next] = [next, values];
    if (sweep > 0 && moved <= tolerance * range) break;
  }
  return Array.from(thresholds);
}

/** Corners of the concave hull of (images above the cut, sum of their rewards), from none to all. */
interface Hull {
  count: Float64Array;
  sum: Float64Array;
  /** The lowest metric above the cut. */
  threshold: Float64Array;
}

function upperHull({ metrics, rewards }: ImageSample): Hull {
  const count = [0];
  const sum = [0];
  const threshold = [NEVER];
  let total = 0;
  for (let image = metrics.length - 1; image >= 0; image--) {
    total += rewards[image];
    // Images of equal metric stand on the same side of a cut.
    if (image > 0 && metrics[image - 1] === metrics[image]) continue;
    const size = metrics.length - image;
    const isBelow = (corner: number) =>
      (sum[corner] - sum[corner - 1]) * (size - count[corner - 1]) <=
      (total - sum[corner - 1]) * (count[corner] - count[corner - 1]);
    while (count.length > 1 && isBelow(count.length - 1)) {
      count.pop();
      sum.pop();
      threshold.pop();
    }
    count.push(size);
    sum.push(total);
    threshold.push(metrics[image]);
  }
  return {
    count: Float64Array.from(count),
    sum: Float64Array.from(sum),
    threshold: Float64Array.from(threshold),
  };
}

/** The corner at which sum - count * price is largest: the last one whose edge is steeper than the price. */
function bestCut({ count, sum }: Hull, price: number): number {
  let low = 0;
  let high = count.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    const slope = (sum[middle] - sum[middle - 1]) / (count[middle] - count[middle - 1]);
    if (slope > price) low = middle;
    else high = middle - 1;
  }
  return low;
}

function checkSample({ metrics, rewards }: ImageSample): void {
  if (metrics.length === 0 || rewards.length !== metrics.length) {
    const got = `${metrics.length} and ${rewards.length}`;
    throw new RangeError(`metrics and rewards: expected as many of each, at least one, got ${got}`);
  }
  for (let image = 1; image < metrics.length; image++) {
    if (!(metrics[image] >= metrics[image - 1])) throw new RangeError(`metrics: expected rising order at ${image}`);
  }
}
