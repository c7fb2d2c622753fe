// The frames to come, as the controller plans them: what a queue and a bucket are worth to them. See `controller` for
// the recursion that is solved here.
//
// Queues lie on a grid of ticks, of which an interval between frames takes a whole number; a send takes its time
// rounded up. On this grid the plan is exact.
import { type BucketOptions, hasToken, refilled } from "../bucket/token-bucket.ts";
import { type ControllerInput, type ControllerWeights, onTimeProbability } from "./controller.ts";

/** Expected worth of the later frames when the link then has so many milliseconds to send and tokens are spent now. */
export type PlanValue = (linkMs: number, spent: 0 | 1) => number;

/** Ticks of the longest queue that lets anything be in time. */
const GRID_TICKS = 96;
/** Ticks at most, where frames come so close to each other that an interval is less than a tick of those. */
const MOST_TICKS = 1024;
const PRICE_STEPS = 24;

/** What an option is to a later frame, by how many ticks the link takes for it and all before it. */
interface PlannedOption {
  transferMs: number;
  /** p x share of gain, [ticks]: times the metric. */
  gain: Float64Array;
  /** -(1 - p) x penalty - price of the token, [ticks]. */
  cost: Float64Array;
  ticks: number;
}

export function planValue(input: ControllerInput, weights: ControllerWeights): PlanValue {
  const { intervalMs } = input;
  if (intervalMs === null || weights.horizon <= 1) return () => 0;
  const { grid, metrics, options, price } = planTerms(input, intervalMs, weights);
  const lanes = tokenLanes(input.tokens, input.bucket, intervalMs, weights.horizon);
  const last = new Float64Array(grid.ticks);
  for (let queue = 0; queue < grid.ticks; queue++) last[queue] = -price * queue * grid.tickMs;
  let values: Float64Array[] = lanes[weights.horizon].map(() => last);
  for (let step = weights.horizon - 1; step >= 1; step--) {
    values = lanes[step].map(({ kept, spent }) => {
      return valuesBefore(values[kept], spent === null ? null : values[spent], options, metrics, grid);
    });
  }
  const first = lanes[0][0];
  return (linkMs, spent) => {
    const lane = spent === 0 ? first.kept : first.spent;
    if (lane === null) throw new RangeError("spent: expected 0, as there is no token, got 1");
    const queue = Math.ceil(Math.max(0, linkMs - intervalMs) / grid.tickMs - 1e-9);
    return values[lane][Math.min(queue, grid.ticks - 1)];
  };
}

/** What the plan is made of. */
export function planTerms(input: ControllerInput, intervalMs: number, weights: ControllerWeights) {
  const grid = gridOf(input, intervalMs, weights);
  const metrics = input.futureMetrics.length === 0 ? [input.metric] : input.futureMetrics;
  const options = plannedOptions(input, weights, grid);
  return { grid, metrics, options, price: linkPrice(options, metrics, intervalMs) };
}

interface Grid {
  ticks: number;
  tickMs: number;
  intervalTicks: number;
}

/** As long as any queue may be that lets a send come in time, or that the plan can build up. */
function gridOf(input: ControllerInput, intervalMs: number, { horizon }: ControllerWeights): Grid {
  const { link, options, queuedBytes, deadlineMs, deadlineLeftMs } = input;
  const ratio = link.throughput / link.robustThroughput;
  let mostBytes = 0;
  let leastLatencyMs = Infinity;
  for (const { bytes, latencyMs, route } of options) {
    mostBytes = Math.max(mostBytes, bytes);
    leastLatencyMs = Math.min(leastLatencyMs, latencyMs ?? link.latencyMs[route]);
  }
  const reachMs = (queuedBytes + horizon * mostBytes) / link.throughput;
  const usefulMs =
    deadlineMs === null || deadlineLeftMs === null
      ? Infinity
      : longestUseful(Math.max(deadlineMs, deadlineLeftMs) - leastLatencyMs + link.latencySpreadMs, ratio);
  const windowMs = Math.max(Math.min(reachMs, usefulMs), 1e-6);
  const intervalTicks = Math.max(1, Math.floor((intervalMs * GRID_TICKS) / windowMs));
  const tickMs = Math.max(intervalMs / intervalTicks, windowMs / MOST_TICKS);
  return { ticks: Math.ceil(windowMs / tickMs - 1e-9) + 1, tickMs, intervalTicks };
}

/**
 * Milliseconds of link time from which on no answer has a chance: those q with slack - q <= -(ratio - 1) q. Where the
 * lower estimate is less than two thirds of the plain one, twice the slack: what may come later than that is not planned.
 */
function longestUseful(slackMs: number, ratio: number): number {
  return Math.max(0, slackMs) / (1 - Math.min(ratio - 1, 0.5));
}

function plannedOptions(input: ControllerInput, { missPenalty }: ControllerWeights, grid: Grid): PlannedOption[] {
  const { link, deadlineMs, tokenPrice } = input;
  return input.options
    .map(({ bytes, gainShare, route, latencyMs }) => {
      const transferMs = bytes / link.throughput;
      const gain = new Float64Array(grid.ticks);
      const cost = new Float64Array(grid.ticks);
      const latency = latencyMs ?? link.latencyMs[route];
      for (let tick = 0; tick < grid.ticks; tick++) {
        const linkMs = tick * grid.tickMs;
        const onTime = onTimeProbability(linkMs, linkMs + latency, deadlineMs, link);
        gain[tick] = onTime * gainShare;
        cost[tick] = (onTime - 1) * missPenalty - tokenPrice;
      }
      return { transferMs, gain, cost, ticks: Math.ceil(transferMs / grid.tickMs - 1e-9) };
    })
    .filter(({ ticks }) => ticks < grid.ticks);
}

/** The recursion for all queues of one step and one level of the bucket. */
function valuesBefore(
  kept: Float64Array,
  spent: Float64Array | null,
  options: readonly PlannedOption[],
  metrics: readonly number[],
  { ticks, intervalTicks }: Grid,
): Float64Array {
  const sums = new Float64Array(ticks);
  const best = new Float64Array(ticks);
  for (const metric of metrics) {
    for (let queue = 0; queue < ticks; queue++) best[queue] = kept[Math.max(0, queue - intervalTicks)];
    if (spent !== null) {
      for (const option of options) raiseBy(best, option, metric, spent, intervalTicks);
    }
    for (let queue = 0; queue < ticks; queue++) sums[queue] += best[queue];
  }
  for (let queue = 0; queue < ticks; queue++) sums[queue] /= metrics.length;
  return sums;
}

/** Takes the option where it is better than what was best, [queues]. */
function raiseBy(
  best: Float64Array,
  { gain, cost, ticks: own }: PlannedOption,
  metric: number,
  after: Float64Array,
  intervalTicks: number,
): void {
  for (let total = own; total < best.length; total++) {
    const value = metric * gain[total] + cost[total] + after[Math.max(0, total - intervalTicks)];
    if (value > best[total - own]) best[total - own] = value;
  }
}

/**
 * Price of a millisecond of link time at which frames to come would on average take an interval each, if each took
 * what is worth most to it: sending less than that, the link is free.
 */
function linkPrice(options: readonly PlannedOption[], metrics: readonly number[], intervalMs: number): number {
  // What an option gains on an empty link.
  const gains = options.map(({ gain, ticks }) => gain[ticks]);
  const costs = options.map(({ cost, ticks }) => cost[ticks]);
  const takenMs = (price: number) => {
    let sum = 0;
    for (const metric of metrics) {
      let most = 0;
      let chosenMs = 0;
      for (let index = 0; index < options.length; index++) {
        const { transferMs } = options[index];
        const value = metric * gains[index] + costs[index] - price * transferMs;
        if (value > most) {
          most = value;
          chosenMs = transferMs;
        }
      }
      sum += chosenMs;
    }
    return sum / metrics.length;
  };
  if (takenMs(0) <= intervalMs) return 0;
  let low = 0;
  // At this price nothing is worth sending.
  const mostMetric = Math.max(...metrics);
  let high = Math.max(
    ...options.map(({ transferMs }, index) => (mostMetric * gains[index] + costs[index]) / transferMs),
  );
  for (let step = 0; step < PRICE_STEPS; step++) {
    const middle = (low + high) / 2;
    if (takenMs(middle) > intervalMs) low = middle;
    else high = middle;
  }
  return high;
}

/** A level of the bucket before a frame, and which level of the next step follows; null where there is no token. */
interface Lane {
  tokens: number;
  kept: number;
  spent: number | null;
}

/** The levels that the bucket can have before each frame of the plan, [horizon + 1]; of this frame there is one. */
function tokenLanes(tokens: number, bucket: BucketOptions, intervalMs: number, horizon: number): Lane[][] {
  const lanes: Lane[][] = [[{ tokens, kept: 0, spent: null }]];
  for (let step = 0; step < horizon; step++) {
    const next: Lane[] = [];
    // More tokens than frames are as good as one for each.
    const most = Math.max(1, horizon - step - 1);
    const indexOf = (left: number) => {
      const level = Math.min(refilled(left, bucket, intervalMs / 1000), most);
      const known = next.findIndex((lane) => Math.abs(lane.tokens - level) < 1e-9);
      return known !== -1 ? known : next.push({ tokens: level, kept: 0, spent: null }) - 1;
    };
    for (const lane of lanes[step]) {
      lane.kept = indexOf(lane.tokens);
      lane.spent = hasToken(lane.tokens, bucket) ? indexOf(lane.tokens - 1) : null;
    }
    lanes.push(next);
  }
  return lanes;
}
