// EMSOFT'22's Markov decision process: for every level of the bucket, the metric from which an image is worth a
// token, by value iteration over a sample of images that arrive independently of each other.
import { checkTokenGrid, type TokenGrid } from "../bucket/token-grid.ts";

/** Share of the intervals between two images that last so many time units. */
export interface Interval {
  /** A whole number, at least 0. */
  units: number;
  share: number;
}

export interface ImageSample {
  /** Offload metrics in rising order, in [-1, 1], [images]. */
  metrics: Float64Array;
  /** Edge loss minus cloud loss of the same images. */
  rewards: Float64Array;
}

export interface ValueIterationOptions {
  /** Worth of the next image's reward against this one's, in [0, 1]. */
  discount?: number;
  maxSweeps?: number;
  /**
   * What has to stand still. "thresholds", as published: none moves by more than `tolerance` of the metrics' range.
   * Few images have few thresholds, which may stand for a while before they move on; "values" waits until every
   * level's value changes by the same, give or take `tolerance` of a reward, after which no threshold can move.
   */
  settle?: "thresholds" | "values";
  tolerance?: number;
}

/** The threshold at which nothing is worth a token: above every metric, and a number that JSON can hold. */
export const NEVER_THRESHOLD = 2;

/**
 * thresholds[k] is the metric from which to offload at level p + k, k = 0 .. m - p; {@link NEVER_THRESHOLD} for none.
 *
 *     V(n) = max over cuts c of  mean_i [ i >= c ? r_i + L(n - p) : L(n) ],   L(n) = g E_I V(min(n + q I, m))
 *
 * where images are sorted by metric and g is the discount; below p tokens nothing can be offloaded. All that a cut
 * needs of the images is how far the sum of the rewards above it exceeds its size times the price L(n) - L(n - p) of
 * a token, and the best cut only moves along the upper hull of those sums: it is found by bisection. Of cuts that are
 * equally good the one that offloads least is taken.
 * Cost: O(images) once, then O(levels * (intervals + log images)) a sweep.
 *
 * @throws RangeError for no images, metrics that fall or leave [-1, 1], rewards that are not finite, intervals whose
 * shares do not add up to one, and options or a grid outside their limits
 */
export function solveThresholds(
  sample: ImageSample,
  grid: TokenGrid,
  intervals: readonly Interval[],
  { discount = 0.9999, maxSweeps = 10_000, settle = "thresholds", tolerance = 1e-6 }: ValueIterationOptions = {},
): number[] {
  checkSample(sample);
  checkTokenGrid(grid);
  checkIntervals(intervals);
  checkIterationOptions(discount, maxSweeps, tolerance);
  const hull = upperHull(sample);
  const values = new Float64Array(grid.m + 1);
  const later = new Float64Array(grid.m + 1);
  const thresholds = new Float64Array(grid.m - grid.p + 1).fill(NEVER_THRESHOLD);
  const range = sample.metrics[sample.metrics.length - 1] - sample.metrics[0];
  for (let sweep = 0; sweep < maxSweeps; sweep++) {
    expectLater(values, grid, intervals, discount, later);
    const { moved, span } = chooseCuts(hull, grid, later, values, thresholds);
    // Until the first sweep is over no token is worth anything, so its thresholds are nobody's.
    const isSettled = settle === "values" ? span <= tolerance : sweep > 0 && moved <= tolerance * range;
    if (isSettled) break;
  }
  return Array.from(thresholds);
}

/** L from V: the bucket fills until the next image. */
function expectLater(
  values: Float64Array,
  { q, m }: TokenGrid,
  intervals: readonly Interval[],
  discount: number,
  later: Float64Array,
): void {
  for (let level = 0; level <= m; level++) {
    let expected = 0;
    for (const { units, share } of intervals) expected += share * values[Math.min(level + q * units, m)];
    later[level] = discount * expected;
  }
}

/** V and the thresholds from L, in place: how far a threshold moved at most, and how unevenly the values changed. */
function chooseCuts(
  hull: Hull,
  { p, m }: TokenGrid,
  later: Float64Array,
  values: Float64Array,
  thresholds: Float64Array,
) {
  let moved = 0;
  let least = Number.POSITIVE_INFINITY;
  let most = Number.NEGATIVE_INFINITY;
  for (let level = 0; level <= m; level++) {
    let value = later[level];
    if (level >= p) {
      const price = later[level] - later[level - p];
      const best = bestCut(hull, price);
      value += hull.sum[best] - hull.count[best] * price;
      moved = Math.max(moved, Math.abs(hull.threshold[best] - thresholds[level - p]));
      thresholds[level - p] = hull.threshold[best];
    }
    least = Math.min(least, value - values[level]);
    most = Math.max(most, value - values[level]);
    values[level] = value;
  }
  return { moved, span: most - least };
}

/** Corners of the concave hull of (images above the cut, sum of their rewards), from none to all, both as a mean. */
interface Hull {
  count: Float64Array;
  sum: Float64Array;
  /** The lowest metric above the cut. */
  threshold: Float64Array;
}

function upperHull({ metrics, rewards }: ImageSample): Hull {
  const corners = [{ count: 0, sum: 0, threshold: NEVER_THRESHOLD }];
  let sum = 0;
  for (let image = metrics.length - 1; image >= 0; image--) {
    sum += rewards[image];
    // Images of equal metric stand on the same side of a cut.
    if (image > 0 && metrics[image - 1] === metrics[image]) continue;
    const corner = { count: metrics.length - image, sum, threshold: metrics[image] };
    while (corners.length > 1 && isBelow(corners[corners.length - 2], corners[corners.length - 1], corner))
      corners.pop();
    corners.push(corner);
  }
  return {
    count: Float64Array.from(corners, (corner) => corner.count / metrics.length),
    sum: Float64Array.from(corners, (corner) => corner.sum / metrics.length),
    threshold: Float64Array.from(corners, (corner) => corner.threshold),
  };
}

interface Point {
  count: number;
  sum: number;
}

/** Whether the middle point lies on or below the line from the first to the last. */
function isBelow(first: Point, middle: Point, last: Point): boolean {
  return (middle.sum - first.sum) * (last.count - first.count) <= (last.sum - first.sum) * (middle.count - first.count);
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
  for (let image = 0; image < metrics.length; image++) {
    const metric = metrics[image];
    if (!(metric >= -1 && metric <= 1)) throw new RangeError(`metrics: expected -1 to 1 at ${image}, got ${metric}`);
    if (image > 0 && metric < metrics[image - 1]) throw new RangeError(`metrics: expected rising order at ${image}`);
    if (!Number.isFinite(rewards[image])) {
      throw new RangeError(`rewards: expected a finite number at ${image}, got ${rewards[image]}`);
    }
  }
}

function checkIntervals(intervals: readonly Interval[]): void {
  let total = 0;
  for (const { units, share } of intervals) {
    if (!(Number.isInteger(units) && units >= 0)) {
      throw new RangeError(`intervals: expected whole time units, at least 0, got ${units}`);
    }
    if (!(share >= 0)) throw new RangeError(`intervals: expected shares of at least 0, got ${share}`);
    total += share;
  }
  if (!(Math.abs(total - 1) <= 1e-6)) throw new RangeError(`intervals: expected shares that add up to 1, got ${total}`);
}

/** @throws RangeError for a discount outside [0, 1], no sweep, or a negative tolerance */
export function checkIterationOptions(discount: number, maxSweeps: number, tolerance: number): void {
  if (!(discount >= 0 && discount <= 1)) throw new RangeError(`discount: expected 0 to 1, got ${discount}`);
  if (!(Number.isInteger(maxSweeps) && maxSweeps >= 1)) {
    throw new RangeError(`maxSweeps: expected a whole number, at least 1, got ${maxSweeps}`);
  }
  if (!(tolerance >= 0)) throw new RangeError(`tolerance: expected at least 0, got ${tolerance}`);
}
