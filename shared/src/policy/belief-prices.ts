// What a token is worth at every level of the bucket and in every hidden state of the traffic: value iteration over
// levels, difficulty and pace. The states are treated as known once a belief over them is given (Littman, Cassandra &
// Kaelbling, ICML 1995): what is seen of them does not depend on what is offloaded, so nothing is gained by probing.
import { checkTokenGrid, type TokenGrid } from "../bucket/token-grid.ts";
import type { HiddenMarkovModel } from "./hidden-markov.ts";
import type { TrafficModel } from "./traffic-model.ts";
import { checkIterationOptions } from "./value-iteration.ts";

/** What the prices depend on. */
export type PricedTraffic = Pick<TrafficModel, "difficulty" | "bandGains" | "pace" | "paceSeconds">;

/** Row-major [pace states, difficulty states, m - p + 1]: what a token spent at level p + k costs later, at least 0. */
export interface TokenPrices {
  /** q levels a second, which need not be whole here. */
  grid: TokenGrid;
  values: Float64Array;
  /** Whether they stand still: prices that do not are nobody's. */
  settled: boolean;
}

export interface PriceOptions {
  /** Worth of the next image's gain against this one's, in [0, 1]. */
  discount?: number;
  maxSweeps?: number;
  /** Settled when no sweep changes one level's worth by so much more than another's; in units of gain. */
  tolerance?: number;
}

/** Multiply-adds from one yield to the next, about: some five milliseconds. */
const WORK_A_STEP = 4e6;
/** A fill this close to a level, in levels, reaches it. */
const FILL_TOLERANCE = 1e-6;

/**
 *     W(a, s, n) = sum_b e_s(b) max(L(n), gain_b + L(n - p)),
 *     L(a, s, n) = g sum_a' P(a, a') sum_i e_a'(i) sum_s' P(s, s') W(a', s', min(n + q u_i, m)),
 *
 * for pace a, difficulty s, level n, bands b, intervals of u_i seconds, discount g; below p tokens only L(n) is left.
 * The price at n is L(n) - L(n - p). What a band adds, max(0, gain_b - price), is a falling piecewise linear function
 * of the price for each state: sorted once, then looked up.
 * Cost a sweep: O(levels * pace * difficulty * (pace * intervals + difficulty) + pace * difficulty * bands). The sweeps
 * are some times as many as images come until the bucket is full: 24 states of difficulty, two of pace, 50 bands and 200
 * levels take half a second at 0.1 tokens a second and seconds at 0.001.
 *
 * @throws RangeError for gains or intervals that are not one for each symbol, or not finite, and for options or a
 * grid outside their limits
 */
export function solveTokenPrices(traffic: PricedTraffic, grid: TokenGrid, options: PriceOptions = {}): TokenPrices {
  return lastOf(solveTokenPricesInSteps(traffic, grid, options));
}

/** {@link solveTokenPrices} for a thread that others wait for: yields every few milliseconds, and returns the prices. */
export function* solveTokenPricesInSteps(
  traffic: PricedTraffic,
  grid: TokenGrid,
  { discount = 0.9999, maxSweeps = 20_000, tolerance = 3e-5 }: PriceOptions = {},
): Generator<void, TokenPrices> {
  checkTraffic(traffic);
  if (!(grid.q >= 0 && Number.isFinite(grid.q))) throw new RangeError(`q: expected at least 0, got ${grid.q}`);
  checkTokenGrid({ ...grid, q: 1 });
  checkIterationOptions(discount, maxSweeps, tolerance);
  const cells = traffic.pace.states * traffic.difficulty.states;
  const { later, settled } = yield* settle(traffic, grid, { discount, maxSweeps, tolerance });
  return { grid, values: pricesOf(later, grid, cells), settled };
}

/** Runs what comes in steps to its end. */
export function lastOf<Result>(steps: Generator<void, Result>): Result {
  for (;;) {
    const { done, value } = steps.next();
    if (done) return value;
  }
}

interface Settled {
  worth: Float64Array;
  later: Float64Array;
  settled: boolean;
}

/**
 * W and L once they have settled, by level first, so that all states of a level lie side by side: [m + 1, pace states,
 * difficulty states]. How many sweeps that takes depends on how long the bucket takes to fill, not on how fine its
 * levels are: they are made on a grid of half as many levels first, and that of half as many again.
 */
function* settle(traffic: PricedTraffic, grid: TokenGrid, options: Required<PriceOptions>): Generator<void, Settled> {
  const { discount, maxSweeps, tolerance } = options;
  const { pace, difficulty } = traffic;
  const cells = pace.states * difficulty.states;
  const worth = yield* startingWorth(traffic, grid, options);
  const later = new Float64Array(worth.length);
  const arrivals = arrivalsOf(traffic, grid, discount);
  const surplus = surplusTables(difficulty, traffic.bandGains);
  const work = (grid.m + 1) * difficulty.states * (arrivals.length + cells);
  const sweepsAStep = Math.max(1, Math.floor(WORK_A_STEP / work));
  for (let sweep = 1; sweep <= maxSweeps; sweep++) {
    expectNext(traffic, grid, arrivals, worth, later);
    const span = spendBest(surplus, grid, cells, later, worth);
    if (span <= tolerance) return { worth, later, settled: true };
    if (sweep % sweepsAStep === 0) yield;
  }
  return { worth, later, settled: false };
}

/** From the grid of half as many levels, straight lines between them; zeros where a token is one level already. */
function* startingWorth(
  traffic: PricedTraffic,
  grid: TokenGrid,
  options: Required<PriceOptions>,
): Generator<void, Float64Array> {
  const cells = traffic.pace.states * traffic.difficulty.states;
  const started = new Float64Array((grid.m + 1) * cells);
  if (grid.p === 1) return started;
  const p = Math.ceil(grid.p / 2);
  const share = p / grid.p;
  const coarse = { q: grid.q * share, p, m: Math.max(p, Math.round(grid.m * share)) };
  const { worth } = yield* settle(traffic, coarse, options);
  for (let level = 0; level <= grid.m; level++) {
    const place = Math.min(level * share, coarse.m);
    const below = Math.min(Math.floor(place), coarse.m - 1);
    for (let cell = 0; cell < cells; cell++) {
      const low = worth[below * cells + cell];
      const high = worth[(below + 1) * cells + cell];
      started[level * cells + cell] = low + (place - below) * (high - low);
    }
  }
  return started;
}

/** An interval that may follow: the weight of its pace state, and the levels that it fills. */
interface Arrival {
  from: number;
  next: number;
  weight: number;
  filled: number;
}

function arrivalsOf({ pace, paceSeconds }: PricedTraffic, { q, m }: TokenGrid, discount: number): Arrival[] {
  const arrivals: Arrival[] = [];
  for (let from = 0; from < pace.states; from++) {
    for (let next = 0; next < pace.states; next++) {
      for (let symbol = 0; symbol < pace.symbols; symbol++) {
        const share = pace.transitions[from * pace.states + next] * pace.emissions[next * pace.symbols + symbol];
        for (const { levels, weight } of wholeLevels(Math.min(q * paceSeconds[symbol], m))) {
          if (share * weight > 0) arrivals.push({ from, next, weight: discount * share * weight, filled: levels });
        }
      }
    }
  }
  return arrivals;
}

/** A fill between two levels as a chance of either, so that it is right in the mean. */
function wholeLevels(fill: number): { levels: number; weight: number }[] {
  const whole = Math.floor(fill + FILL_TOLERANCE);
  const rest = Math.max(0, fill - whole);
  return rest < FILL_TOLERANCE
    ? [{ levels: whole, weight: 1 }]
    : [
        { levels: whole, weight: 1 - rest },
        { levels: whole + 1, weight: rest },
      ];
}

/** L from W: the bucket fills for as long as the interval lasts, the pace moves on, and the difficulty. */
function expectNext(
  { difficulty: { states, transitions }, pace }: PricedTraffic,
  { m }: TokenGrid,
  arrivals: readonly Arrival[],
  worth: Float64Array,
  later: Float64Array,
): void {
  const cells = pace.states * states;
  const filledWorth = new Float64Array(cells);
  for (let level = 0; level <= m; level++) {
    filledWorth.fill(0);
    for (const { from, next, weight, filled } of arrivals) {
      const source = Math.min(level + filled, m) * cells + next * states;
      const target = from * states;
      for (let state = 0; state < states; state++) filledWorth[target + state] += weight * worth[source + state];
    }
    for (let cell = 0; cell < cells; cell++) {
      const row = (cell % states) * states;
      const block = cell - (cell % states);
      let sum = 0;
      for (let to = 0; to < states; to++) sum += transitions[row + to] * filledWorth[block + to];
      later[level * cells + cell] = sum;
    }
  }
}

/**
 * W from L, in place: tokens are spent where they are worth it. Returns by how much the change of one level's worth
 * exceeds another's in the same states: where all levels change alike, prices do not move, in this sweep or later.
 */
function spendBest(
  surplus: readonly SurplusTable[],
  { p, m }: TokenGrid,
  cells: number,
  later: Float64Array,
  worth: Float64Array,
): number {
  let span = 0;
  for (let cell = 0; cell < cells; cell++) {
    const table = surplus[cell % surplus.length];
    let least = Number.POSITIVE_INFINITY;
    let most = Number.NEGATIVE_INFINITY;
    // Prices fall as levels rise, so ranks only rise: they are walked through once.
    let rank = 0;
    for (let level = 0; level <= m; level++) {
      const at = level * cells + cell;
      let value = later[at];
      if (level >= p) {
        const price = value - later[at - p * cells];
        rank = rankFrom(rank, table.gains, price);
        value += table.gain[rank] - price * table.probability[rank];
      }
      least = Math.min(least, value - worth[at]);
      most = Math.max(most, value - worth[at]);
      worth[at] = value;
    }
    span = Math.max(span, most - least);
  }
  return span;
}

/** More tokens are never worth less: what is below zero is what the tolerance leaves. */
function pricesOf(later: Float64Array, { p, m }: TokenGrid, cells: number): Float64Array {
  const width = m - p + 1;
  return Float64Array.from({ length: cells * width }, (_, at) => {
    const level = p + (at % width);
    const cell = Math.floor(at / width);
    return Math.max(0, later[level * cells + cell] - later[(level - p) * cells + cell]);
  });
}

/**
 * For one state: gains in falling order, and for each prefix its probability and its expected gain. The prefix of the
 * gains above a price gives sum_b e(b) max(0, gain_b - price) = gain - price * probability.
 */
interface SurplusTable {
  gains: Float64Array;
  probability: Float64Array;
  gain: Float64Array;
}

function surplusTables(difficulty: HiddenMarkovModel, bandGains: Float64Array): SurplusTable[] {
  const { states, symbols, emissions } = difficulty;
  const order = Array.from(bandGains.keys()).sort((a, b) => bandGains[b] - bandGains[a]);
  return Array.from({ length: states }, (_, state) => {
    const table = {
      gains: Float64Array.from(order, (band) => bandGains[band]),
      probability: new Float64Array(symbols + 1),
      gain: new Float64Array(symbols + 1),
    };
    order.forEach((band, rank) => {
      const share = emissions[state * symbols + band];
      table.probability[rank + 1] = table.probability[rank] + share;
      table.gain[rank + 1] = table.gain[rank] + share * bandGains[band];
    });
    return table;
  });
}

/** How many gains exceed the price, looked for from `rank` on. */
function rankFrom(rank: number, gains: Float64Array, price: number): number {
  let at = rank;
  while (at < gains.length && gains[at] > price) at++;
  while (at > 0 && gains[at - 1] <= price) at--;
  return at;
}

function checkTraffic({ difficulty, bandGains, pace, paceSeconds }: PricedTraffic): void {
  if (bandGains.length !== difficulty.symbols) {
    throw new RangeError(`bandGains: expected ${difficulty.symbols}, one for each symbol, got ${bandGains.length}`);
  }
  if (paceSeconds.length !== pace.symbols) {
    throw new RangeError(`paceSeconds: expected ${pace.symbols}, one for each symbol, got ${paceSeconds.length}`);
  }
  const gain = bandGains.find((value) => !Number.isFinite(value));
  if (gain !== undefined) throw new RangeError(`bandGains: expected finite numbers, got ${gain}`);
  const units = paceSeconds.find((value) => !(value >= 0 && Number.isFinite(value)));
  if (units !== undefined) throw new RangeError(`paceSeconds: expected finite numbers, at least 0, got ${units}`);
}
