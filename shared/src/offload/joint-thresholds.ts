// The exits' thresholds and the offload threshold, chosen together.
//
// For given prices of a millisecond and of an offload, the worth of an image is 1 where it is answered
// rightly, less what it cost; the thresholds that maximise the mean worth are found one at a time, each
// exactly given the others, until none moves. All prices together trace the frontier of accuracy, latency
// and offload rate, on which an operator's wishes pick a point. EdgeKE chooses each exit's threshold from
// the share that should leave there, blind to the other exits; `quantileThresholds` is that baseline.
import { ascendingOrder } from "../calibration/ascending-order.ts";
import {
  CLOSED,
  cumulative,
  OFFLOAD_NOTHING,
  OFFLOAD_UNDECIDED,
  type SystemCosts,
  type SystemOutcomes,
  type Thresholds,
} from "./system-outcomes.ts";

/** In units of accuracy: what a millisecond and an offload cost. */
export interface Prices {
  perMs: number;
  perOffload: number;
}

/** Rows by rising confidence of each exit, and by rising metric. */
export interface RowOrders {
  exits: Uint32Array[];
  metric: Uint32Array;
}

export function rowOrders({ exits, vote }: SystemOutcomes): RowOrders {
  return { exits: exits.map(({ confidence }) => ascendingOrder(confidence)), metric: ascendingOrder(vote.metric) };
}

/** Rounds after which thresholds that still move are taken as they are; a handful is usual. */
const MAX_ROUNDS = 30;

/**
 * Thresholds that maximise mean[correct - perMs * latency - perOffload * offloaded] on the rows, by coordinate
 * ascent from all exits closed. A threshold lies midway between two neighbouring values, so that it does not
 * hang on one row. Cost: O(rounds * exits * rows) after one sort for each exit.
 *
 * @param start thresholds to start from (default: every exit closed, all that is undecided offloaded)
 * @param orders of the rows, which are the same at all prices
 */
export function jointThresholds(
  outcomes: SystemOutcomes,
  costs: SystemCosts,
  prices: Prices,
  start: Thresholds = { exits: outcomes.exits.map(() => CLOSED), offload: OFFLOAD_UNDECIDED },
  orders: RowOrders = rowOrders(outcomes),
): Thresholds {
  const edgeMs = cumulative(costs.stageMs);
  const thresholds = { exits: [...start.exits], offload: start.offload };
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const before = JSON.stringify(thresholds);
    thresholds.offload = bestOffload(outcomes, costs, prices, thresholds, orders.metric);
    // The deepest exit first: what an earlier exit gains by waiting is then already right.
    for (let exit = outcomes.exits.length - 1; exit >= 0; exit--) {
      const worth = worthOfWaiting(outcomes, costs, prices, thresholds, exit);
      const { confidence, correct } = outcomes.exits[exit];
      const gains = Float64Array.from(worth, (waiting, row) =>
        Number.isNaN(waiting) ? 0 : correct[row] - prices.perMs * edgeMs[exit] - waiting,
      );
      thresholds.exits[exit] = bestCut(confidence, orders.exits[exit], gains, CLOSED);
    }
    if (JSON.stringify(thresholds) === before) break;
  }
  return thresholds;
}

/**
 * EdgeKE's choice: each exit's threshold is the quantile that lets a share of the images reaching it leave there, and
 * whatever has the same confidence as the last of them.
 *
 * @param shares one for each exit, each in [0, 1]; 0 closes it
 * @throws RangeError for a wrong number of shares, or one outside [0, 1]
 */
export function quantileThresholds(outcomes: SystemOutcomes, shares: readonly number[]): number[] {
  if (shares.length !== outcomes.exits.length || shares.some((share) => !(share >= 0 && share <= 1))) {
    throw new RangeError(`shares: expected ${outcomes.exits.length} numbers in [0, 1], got ${shares.join(", ")}`);
  }
  const thresholds: number[] = [];
  let reaching = Array.from({ length: outcomes.rows }, (_, row) => row);
  outcomes.exits.forEach(({ confidence }, exit) => {
    const sorted = Float64Array.from(reaching, (row) => confidence[row]).sort();
    const staying = Math.round((1 - shares[exit]) * sorted.length);
    const threshold = staying < sorted.length ? sorted[staying] : CLOSED;
    thresholds.push(threshold);
    reaching = reaching.filter((row) => confidence[row] < threshold);
  });
  return thresholds;
}

/**
 * A threshold that the higher value reaches and the lower does not: near the middle, with no more digits than it
 * needs; the higher value where no number lies between them.
 */
export function cutBetween(lower: number, higher: number): number {
  const middle = (lower + higher) / 2;
  for (let digits = 3; digits <= 15; digits++) {
    const short = Number(middle.toPrecision(digits));
    if (short > lower && short <= higher) return short;
  }
  return middle > lower ? middle : higher;
}

function bestOffload(
  outcomes: SystemOutcomes,
  costs: SystemCosts,
  prices: Prices,
  thresholds: Thresholds,
  metricOrder: Uint32Array,
): number {
  const { vote, cloud } = outcomes;
  const price = prices.perMs * costs.cloudMs + prices.perOffload;
  const gains = new Float64Array(outcomes.rows);
  for (let row = 0; row < outcomes.rows; row++) {
    // Certain gains are offloaded at every threshold, so they have no say in it.
    if (vote.metric[row] < OFFLOAD_NOTHING && reaches(outcomes, thresholds, outcomes.exits.length, row)) {
      gains[row] = cloud.correct[row] - vote.correct[row] - price;
    }
  }
  return bestCut(vote.metric, metricOrder, gains, OFFLOAD_NOTHING);
}

/** What each image that reaches an exit is worth if it does not leave there; NaN for those that left before. */
function worthOfWaiting(
  outcomes: SystemOutcomes,
  costs: SystemCosts,
  prices: Prices,
  thresholds: Thresholds,
  exit: number,
): Float64Array {
  const { exits, vote, cloud, rows } = outcomes;
  const edgeMs = cumulative(costs.stageMs);
  const worth = new Float64Array(rows);
  const offloadPrice = prices.perMs * costs.cloudMs + prices.perOffload;
  for (let row = 0; row < rows; row++) {
    if (!reaches(outcomes, thresholds, exit, row)) {
      worth[row] = Number.NaN;
      continue;
    }
    let later = exit + 1;
    while (later < exits.length && exits[later].confidence[row] < thresholds.exits[later]) later++;
    if (later < exits.length) worth[row] = exits[later].correct[row] - prices.perMs * edgeMs[later];
    else if (vote.metric[row] >= thresholds.offload) worth[row] = cloud.correct[row] - offloadPrice;
    else worth[row] = vote.correct[row];
    if (later === exits.length) worth[row] -= prices.perMs * edgeMs[exits.length - 1];
  }
  return worth;
}

function reaches(outcomes: SystemOutcomes, thresholds: Thresholds, exit: number, row: number): boolean {
  for (let earlier = 0; earlier < exit; earlier++) {
    if (outcomes.exits[earlier].confidence[row] >= thresholds.exits[earlier]) return false;
  }
  return true;
}

/** The cut at which the gains of the rows from it on sum to most; `none` where no cut gains anything. */
function bestCut(values: Float64Array, order: Uint32Array, gains: Float64Array, none: number): number {
  let best = 0;
  let cut = none;
  let sum = 0;
  for (let rank = order.length - 1; rank >= 0; rank--) {
    sum += gains[order[rank]];
    const value = values[order[rank]];
    const below = rank > 0 ? values[order[rank - 1]] : Number.NEGATIVE_INFINITY;
    // Rows of equal value stand on the same side; a sum that only ties is not worth moving for.
    if (below === value || sum <= best + 1e-12) continue;
    best = sum;
    cut = rank > 0 ? cutBetween(below, value) : value;
  }
  return cut;
}
