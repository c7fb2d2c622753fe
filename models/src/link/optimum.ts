// What no rule can beat: the most that frames can gain over a link whose whole course, and whose metrics, are known.
//
// Dynamic programming over the queue in bytes, which after a frame is max(0, q + bytes sent - carried until the next).
// Labels (queue, gain) that another beats in both are dropped. Those left are exact until there are more than fit
// cells of a fixed width; then a cell keeps its shortest queue and its largest gain as though they were one label's, so
// the result is an upper bound. With a bucket, offloads are priced: for any price of a token the most that frames gain
// less what they pay, plus the price of all tokens that there ever are, is a bound (Lagrangian duality), and the
// price with the least bound is searched for.
import type { SendOption } from "@spillway/shared/split/controller";
import type { LinkSetting } from "./play.ts";
import type { LinkReplay } from "./replay.ts";

/** Cells of the queue for the bytes that the link carries in one interval of average throughput. */
const CELLS_PER_INTERVAL = 32;
const PRICE_STEPS = 12;

/** Upper bound of the sum of gains of frames in time; late ones, which only cost, are never sent. */
export function linkOptimum(
  options: readonly SendOption[],
  metrics: ArrayLike<number>,
  replay: LinkReplay,
  setting: LinkSetting,
): number {
  const { bucket, intervalMs } = setting;
  const problem = problemOf(options, metrics, replay, setting);
  if (bucket === null) return mostGain(problem, 0);
  const tokens = bucket.depth + (metrics.length - 1) * bucket.rate * (intervalMs / 1000);
  const bound = (price: number) => mostGain(problem, price) + price * tokens;
  let low = 0;
  let high = Math.max(0, ...Array.from(metrics)) * Math.max(...options.map(({ gainShare }) => gainShare));
  let least = Math.min(bound(low), bound(high));
  // The bound is convex in the price.
  for (let step = 0; step < PRICE_STEPS; step++) {
    const [left, right] = [(2 * low + high) / 3, (low + 2 * high) / 3];
    const [atLeft, atRight] = [bound(left), bound(right)];
    least = Math.min(least, atLeft, atRight);
    if (atLeft < atRight) high = right;
    else low = left;
  }
  return least;
}

interface Problem {
  metrics: ArrayLike<number>;
  bytes: Float64Array;
  shares: Float64Array;
  /** Bytes that the link carries until the next frame, [frames]. */
  carried: Float64Array;
  /** Longest queue, own bytes included, with which each option is in time, [frames x options]. */
  limits: Float64Array;
  cellBytes: number;
}

function problemOf(
  options: readonly SendOption[],
  metrics: ArrayLike<number>,
  replay: LinkReplay,
  { fromMs, intervalMs, deadlineMs, latencyMs }: LinkSetting,
): Problem {
  const frames = metrics.length;
  const carried = new Float64Array(frames);
  const limits = new Float64Array(frames * options.length);
  for (let frame = 0; frame < frames; frame++) {
    const nowMs = fromMs + frame * intervalMs;
    const now = replay.carriedBy(nowMs);
    carried[frame] = replay.carriedBy(nowMs + intervalMs) - now;
    options.forEach(({ route }, index) => {
      const usableMs = deadlineMs - latencyMs[route];
      limits[frame * options.length + index] = usableMs < 0 ? -1 : replay.carriedBy(nowMs + usableMs) - now;
    });
  }
  return {
    metrics,
    bytes: Float64Array.from(options, ({ bytes }) => bytes),
    shares: Float64Array.from(options, ({ gainShare }) => gainShare),
    carried,
    limits,
    cellBytes: Math.max(1e-9, (replay.meanBytesPerMs * intervalMs) / CELLS_PER_INTERVAL),
  };
}

function mostGain(problem: Problem, tokenPrice: number): number {
  const { metrics, bytes, shares, carried, limits, cellBytes } = problem;
  const longest = limits.reduce((most, limit) => Math.max(most, limit), 0);
  let labels = createLabels(Math.ceil(longest / cellBytes) + 2);
  let next = createLabels(labels.queues.length);
  labels.count = 1;
  for (let frame = 0; frame < metrics.length; frame++) {
    next.gains.fill(-Infinity);
    carry(labels, Infinity, 0, 0, carried[frame], cellBytes, next);
    for (let option = 0; option < bytes.length; option++) {
      const worth = metrics[frame] * shares[option] - tokenPrice;
      const limit = limits[frame * bytes.length + option] - bytes[option] + 1e-6;
      if (worth > 0) carry(labels, limit, bytes[option], worth, carried[frame], cellBytes, next);
    }
    keepUnbeaten(next);
    [labels, next] = [next, labels];
  }
  return labels.gains[labels.count - 1];
}

/** Queues in rising order, gains too. While a frame's are made there is one a cell, -Infinity where there is none. */
interface Labels {
  queues: Float64Array;
  gains: Float64Array;
  count: number;
}

function createLabels(cells: number): Labels {
  return { queues: new Float64Array(cells), gains: new Float64Array(cells), count: 0 };
}

/** All labels of at most this queue with so many bytes more, as they are when the next frame comes. */
function carry(
  { queues, gains, count }: Labels,
  longestQueue: number,
  bytes: number,
  worth: number,
  carried: number,
  cellBytes: number,
  next: Labels,
): void {
  const last = next.queues.length - 1;
  for (let label = 0; label < count && queues[label] <= longestQueue; label++) {
    const left = Math.max(0, queues[label] + bytes - carried);
    const gain = gains[label] + worth;
    const cell = left === 0 ? 0 : Math.min(1 + Math.floor(left / cellBytes), last);
    const isFree = next.gains[cell] === -Infinity;
    if (isFree || left < next.queues[cell]) next.queues[cell] = left;
    if (isFree || gain > next.gains[cell]) next.gains[cell] = gain;
  }
}

/** Moves the labels of all cells to the front, without those that a shorter queue with no less gain beats. */
function keepUnbeaten(labels: Labels): void {
  const { queues, gains } = labels;
  labels.count = 0;
  let most = -Infinity;
  for (let cell = 0; cell < gains.length; cell++) {
    if (gains[cell] <= most) continue;
    most = gains[cell];
    queues[labels.count] = queues[cell];
    gains[labels.count] = most;
    labels.count += 1;
  }
}
