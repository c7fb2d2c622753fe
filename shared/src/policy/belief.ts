// Our own policy: an image is worth a token when its expected gain reaches what the token is worth at this level of
// the bucket, in the traffic that the images so far let us believe in. A belief of a few numbers is all it remembers.
import { type BucketOptions, WHOLE_TOKEN } from "../bucket/token-bucket.ts";
import { type TokenGrid, wholeTokenLevel } from "../bucket/token-grid.ts";
import { lastOf, type PriceOptions, solveTokenPricesInSteps, type TokenPrices } from "./belief-prices.ts";
import type { Decide } from "./policy.ts";
import { believe, initialBelief, type TrafficBelief, type TrafficModel } from "./traffic-model.ts";
import { NEVER_THRESHOLD } from "./value-iteration.ts";

export interface BeliefParameters {
  kind: "belief";
  traffic: TrafficModel;
  start: TrafficBelief;
  prices: TokenPrices;
}

/** The least metric there is. */
const ALWAYS_THRESHOLD = -1;
/** Tokens of a priced bucket: what more of them are worth takes long to find out, and is little. */
export const MAX_PRICED_TOKENS = 100;
/** Levels of a priced bucket: each sweep of the solver passes over all of them, in all states of the traffic. */
const MAX_PRICED_LEVELS = 200;
/** Levels a token, where the intervals do not fill whole ones of fewer. */
const MAX_LEVELS_PER_TOKEN = 20;

/** The policy for one bucket, whose tokens' prices are solved here. @throws RangeError for prices that do not settle */
export function beliefParameters(
  traffic: TrafficModel,
  bucket: BucketOptions,
  options: PriceOptions = {},
): BeliefParameters {
  return lastOf(beliefParametersInSteps(traffic, bucket, options));
}

/** {@link beliefParameters}, yielding every few milliseconds. */
export function* beliefParametersInSteps(
  traffic: TrafficModel,
  bucket: BucketOptions,
  options: PriceOptions = {},
): Generator<void, BeliefParameters> {
  const prices = yield* solveTokenPricesInSteps(traffic, priceGrid(bucket, traffic.paceSeconds), options);
  if (!prices.settled) {
    throw new RangeError(
      `token prices: did not settle for ${bucket.rate} tokens a second and a depth of ${bucket.depth}`,
    );
  }
  return { kind: "belief", traffic, start: initialBelief(traffic), prices };
}

/** Where there is no whole token, it answers what it would do with exactly one. */
export const decideByBelief: Decide<TrafficBelief, BeliefParameters> = (observation, state, parameters) => {
  const { traffic, start, prices } = parameters;
  const belief = believe(traffic, state ?? start, observation.metric, observation.elapsedSeconds);
  const price = expectedPrice(prices, belief, wholeTokenLevel(observation.tokens, prices.grid));
  const threshold = metricOfGain(traffic.gain, price);
  return { offload: observation.metric >= threshold, threshold, state: belief };
};

function expectedPrice({ grid, values }: TokenPrices, { difficulty, pace }: TrafficBelief, level: number): number {
  const width = grid.m - grid.p + 1;
  let price = 0;
  let at = level - grid.p;
  for (let a = 0; a < pace.length; a++) {
    let ofPace = 0;
    for (let s = 0; s < difficulty.length; s++, at += width) ofPace += difficulty[s] * values[at];
    price += pace[a] * ofPace;
  }
  return price;
}

/** The metric from which the expected gain is at least this. */
export function metricOfGain({ metrics, gains }: TrafficModel["gain"], gain: number): number {
  if (gain <= gains[0]) return ALWAYS_THRESHOLD;
  let above = 1;
  for (let high = gains.length; above < high; ) {
    const middle = (above + high) >> 1;
    if (gains[middle] >= gain) high = middle;
    else above = middle + 1;
  }
  if (above >= gains.length) return NEVER_THRESHOLD;
  const share = (gain - gains[above - 1]) / (gains[above] - gains[above - 1]);
  return metrics[above - 1] + share * (metrics[above] - metrics[above - 1]);
}

/** The fewest levels a token of which every interval fills whole ones, within the limits above; else the most. */
export function priceGrid({ rate, depth }: BucketOptions, paceSeconds: ArrayLike<number>): TokenGrid {
  // A bucket that never grants has a policy like any other; nobody will see what it does.
  const tokens = Math.max(WHOLE_TOKEN, Math.min(depth, MAX_PRICED_TOKENS));
  const most = Math.max(1, Math.min(MAX_LEVELS_PER_TOKEN, Math.floor(MAX_PRICED_LEVELS / tokens)));
  let p = 1;
  while (p < most && !fillsWholeLevels(p, rate, tokens, paceSeconds)) p++;
  return { q: rate * p, p, m: Math.max(p, Math.floor(tokens * p + 1e-6)) };
}

function fillsWholeLevels(p: number, rate: number, tokens: number, paceSeconds: ArrayLike<number>): boolean {
  const isWhole = (levels: number) => Math.abs(levels - Math.round(levels)) < 1e-6;
  return isWhole(tokens * p) && Array.from(paceSeconds).every((seconds) => isWhole(rate * seconds * p));
}
