// What a token is worth at every level of the bucket and in every hidden state of the traffic: value iteration over
// levels, difficulty and pace. The states are treated as known once a belief over them is given (Littman, Cassandra &
// Kaelbling, ICML 1995): what is seen of them does not depend on what is offloaded, so nothing is gained by probing.
import type { TokenGrid } from "../bucket/token-grid.ts";
import type { HiddenMarkovModel } from "./hidden-markov.ts";

/** How images come: their difficulty by bands of the metric, and the time between them. */
export interface TrafficModel {
  difficulty: HiddenMarkovModel;
  /** Expected gain of an offload in each band of the metric, [difficulty.symbols]. */
  bandGains: Float64Array;
  pace: HiddenMarkovModel;
  /** Time units between two images for each symbol of the pace, [pace.symbols]. */
  paceUnits: Float64Array;
}

/** Row-major [pace states, difficulty states, m - p + 1]: what spending a token at level p + k costs later on. */
export interface TokenPrices {
  grid: TokenGrid;
  values: Float64Array;
}

export interface PriceOptions {
  /** Worth of the next image's gain against this one's. */
  discount?: number;
  maxSweeps?: number;
  /** Prices that move by less than this in a sweep are settled; in units of gain. */
  tolerance?: number;
}

/**
 *     W(a, s, n) = sum_b e_s(b) max(L(n), gain_b + L(n - p)),
 *     L(a, s, n) = g sum_a' P(a, a') sum_i e_a'(i) sum_s' P(s, s') W(a', s', min(n + q u_i, m)),
 *
 * for pace a, difficulty s, level n, bands b, intervals of u_i units, discount g; below p tokens only L(n) is left.
 * The price at n is L(n) - L(n - p). What a band adds, max(0, gain_b - price), is a falling piecewise linear function
 * of the price for each state: sorted once, then looked up.
 * Cost a sweep: O(levels * (pace * intervals * difficulty^2 + pace * difficulty * log bands)).
 */
export function solveTokenPrices(
  traffic: TrafficModel,
  grid: TokenGrid,
  { discount = 0.999, maxSweeps = 5000, tolerance = 1e-5 }: PriceOptions = {},
): TokenPrices {
  const { difficulty, pace } = traffic;
  const { p, m } = grid;
  const cells = pace.states * difficulty.states;
  const width = m + 1;
  const worth = new Float64Array(cells * width);
  const later = new Float64Array(cells * width);
  const prices = new Float64Array(cells * (m - p + 1));
  const surplus = surplusTables(difficulty, traffic.bandGains);
  for (let sweep = 0; sweep < maxSweeps; sweep++) {
    expectNext(traffic, grid, discount, worth, later);
    let moved = 0;
    for (let cell = 0; cell < cells; cell++) {
      const table = surplus[cell % difficulty.states];
      const start = cell * width;
      for (let level = 0; level <= m; level++) {
        let value = later[start + level];
        if (level >= p) {
          const price = value - later[start + level - p];
          const at = cell * (m - p + 1) + level - p;
          moved = Math.max(moved, Math.abs(price - prices[at]));
          prices[at] = price;
          value += surplusAt(table, price);
        }
        worth[start + level] = value;
      }
    }
    if (sweep > 0 && moved < tolerance) break;
  }
  return { grid, values: prices };
}

/** L from W: the difficulty moves on, then the pace, and the bucket fills for as long as the interval lasts. */
function expectNext(
  { difficulty, pace, paceUnits }: TrafficModel,
  { q, m }: TokenGrid,
  discount: number,
  worth: Float64Array,
  later: Float64Array,
): void {
  const width = m + 1;
  const block = difficulty.states * width;
  const moved = new Float64Array(block);
  later.fill(0);
  for (let next = 0; next < pace.states; next++) {
    mixStates(difficulty, worth.subarray(next * block, (next + 1) * block), moved, width);
    for (let symbol = 0; symbol < pace.symbols; symbol++) {
      const share = pace.emissions[next * pace.symbols + symbol];
      if (share < 1e-9) continue;
      const filled = Math.round(q * paceUnits[symbol]);
      for (let from = 0; from < pace.states; from++) {
        const weight = discount * pace.transitions[from * pace.states + next] * share;
        if (weight < 1e-12) continue;
        addShifted(later.subarray(from * block, (from + 1) * block), moved, weight, filled, width);
      }
    }
  }
}

/** moved[s, n] = sum_s' P(s, s') worth[s', n] */
function mixStates(model: HiddenMarkovModel, worth: Float64Array, moved: Float64Array, width: number): void {
  const { states, transitions } = model;
  moved.fill(0);
  for (let from = 0; from < states; from++) {
    for (let to = 0; to < states; to++) {
      const weight = transitions[from * states + to];
      if (weight < 1e-9) continue;
      for (let level = 0; level < width; level++) moved[from * width + level] += weight * worth[to * width + level];
    }
  }
}

/** target[s, n] += weight * source[s, min(n + filled, m)] */
function addShifted(target: Float64Array, source: Float64Array, weight: number, filled: number, width: number): void {
  for (let start = 0; start < target.length; start += width) {
    const last = start + width - 1;
    for (let at = start; at <= last; at++) target[at] += weight * source[Math.min(at + filled, last)];
  }
}

/** For one state: gains in falling order, and for each prefix its probability and its expected gain. */
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

/** sum_b e(b) max(0, gain_b - price) */
function surplusAt({ gains, probability, gain }: SurplusTable, price: number): number {
  let low = 0;
  let high = gains.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (gains[middle] > price) low = middle + 1;
    else high = middle;
  }
  return gain[low] - price * probability[low];
}
