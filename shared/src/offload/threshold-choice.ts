// Thresholds on demand: an operator says what the system may cost or must reach, and gets the thresholds
// that do it best on the validation rows, or that do it with a guarantee.

import { cutBetween, jointThresholds, rowOrders } from "./joint-thresholds.ts";
import { type Comparison, certifyInOrder, type RiskLimit } from "./risk-control.ts";
import {
  CLOSED,
  isCorrect,
  OFFLOAD_NOTHING,
  OFFLOAD_UNDECIDED,
  type Performance,
  performanceOf,
  type SystemCosts,
  type SystemOutcomes,
  type Thresholds,
} from "./system-outcomes.ts";

/** What the operator asks for; fractions and milliseconds, absent where there is no wish. */
export interface Wishes {
  maxOffload?: number;
  minAccuracy?: number;
  maxMeanLatencyMs?: number;
}

export interface Choice {
  thresholds: Thresholds;
  performance: Performance;
}

/** Prices of the whole latency, in accuracy: from nothing to more than any answer is worth. */
const LATENCY_PRICES = [0, ...logarithmic(1e-3, 100, 30)];
/** Prices of an offload, in accuracy. */
const OFFLOAD_PRICES = [0, ...logarithmic(0.005, 1, 12)];
/** Offload thresholds that are tried for each set of exits, evenly spread over the undecided images: up to twice as many. */
const OFFLOAD_STEPS = 250;
/** Candidates of a guarantee: accuracy losses on the fitted rows, in units of the limit. */
const LOSS_STEPS = Array.from({ length: 61 }, (_, step) => (step - 10) / 20);

/**
 * Every choice worth considering: the exits' thresholds that are best at some price of a millisecond and of an
 * offload, each with offload thresholds from sending nothing to sending all that is undecided.
 * Cost: some 400 joint optimisations; a few seconds for 10,000 rows.
 */
export function choicesOf(outcomes: SystemOutcomes, costs: SystemCosts): Choice[] {
  const wholeMs = costs.stageMs.reduce((sum, ms) => sum + ms, costs.cloudMs) || 1;
  const exitSets = new Map<string, number[]>();
  const keep = (exits: number[]) => exitSets.set(JSON.stringify(exits), exits);
  const start = offloadEverything(outcomes);
  const orders = rowOrders(outcomes);
  keep(start.exits);
  for (const latencyPrice of LATENCY_PRICES) {
    for (const perOffload of OFFLOAD_PRICES) {
      const prices = { perMs: latencyPrice / wholeMs, perOffload };
      keep(jointThresholds(outcomes, costs, prices, start, orders).exits);
    }
  }
  return [...exitSets.values()].flatMap((exits) => choicesWithExits(outcomes, costs, exits));
}

/**
 * The choice that fulfils all wishes on these rows: the fastest where an accuracy is wished for, else the most
 * accurate (of equals the fastest). Null where none fulfils them.
 */
export function chooseThresholds(
  outcomes: SystemOutcomes,
  costs: SystemCosts,
  wishes: Wishes,
  choices: readonly Choice[] = choicesOf(outcomes, costs),
): Choice | null {
  const isBetter = wishes.minAccuracy === undefined ? isMoreAccurate : isFaster;
  let best: Choice | null = null;
  for (const choice of choices) {
    if (fulfils(choice.performance, wishes) && (best === null || isBetter(choice, best))) best = choice;
  }
  return best;
}

/**
 * All candidates whose accuracy is certified to stay within `limit` of offloading everything, the slowest first, which
 * is offloading everything itself: with the limit's probability every one of them does, so any may be chosen by
 * whatever else is wished for. None where the rows are too few to certify anything.
 *
 * The candidates come from the fitted rows alone; the certification rows only test them.
 */
export function certifiedThresholds(
  fitted: SystemOutcomes,
  certification: SystemOutcomes,
  costs: SystemCosts,
  limit: RiskLimit,
): Thresholds[] {
  const candidates = [offloadEverything(fitted), ...candidatesBySafety(fitted, costs, limit.maxAccuracyLoss)];
  const compare = (thresholds: Thresholds) => compareWithCloud(certification, thresholds);
  return candidates.slice(0, certifyInOrder(lazily(candidates, compare), certification.rows, limit));
}

/** Every exit closed and every image sent: the reference of a guarantee, and the safest choice. */
export function offloadEverything(outcomes: SystemOutcomes): Thresholds {
  return { exits: outcomes.exits.map(() => CLOSED), offload: OFFLOAD_UNDECIDED };
}

/** Where thresholds answer otherwise than the cloud would. */
export function compareWithCloud(outcomes: SystemOutcomes, thresholds: Thresholds): Comparison {
  const comparison = { worse: 0, better: 0 };
  for (let row = 0; row < outcomes.rows; row++) {
    const difference = outcomes.cloud.correct[row] - isCorrect(outcomes, thresholds, row);
    if (difference > 0) comparison.worse++;
    else if (difference < 0) comparison.better++;
  }
  return comparison;
}

/** For falling accuracies on the fitted rows, the fastest choice that reaches them; the slowest first, each once. */
function candidatesBySafety(fitted: SystemOutcomes, costs: SystemCosts, limit: number): Thresholds[] {
  const choices = choicesOf(fitted, costs);
  const everything = performanceOf(fitted, costs, offloadEverything(fitted)).accuracy;
  const candidates: Choice[] = [];
  for (const step of LOSS_STEPS) {
    const choice = chooseThresholds(fitted, costs, { minAccuracy: everything - step * limit }, choices);
    const last = candidates.at(-1);
    if (choice !== null && (last === undefined || isFaster(choice, last))) candidates.push(choice);
  }
  return candidates.map(({ thresholds }) => thresholds);
}

/** The same exits with ever more of the undecided images offloaded, those that gain most first. */
function choicesWithExits(outcomes: SystemOutcomes, costs: SystemCosts, exits: number[]): Choice[] {
  const { rows, vote, cloud } = outcomes;
  const base = performanceOf(outcomes, costs, { exits, offload: OFFLOAD_NOTHING });
  const undecided = undecidedByGain(outcomes, exits);
  // Certain gains are offloaded at every threshold: the base has counted them.
  const certain = Math.round(base.offloadRate * rows);
  const step = Math.max(1, Math.floor(undecided.length / OFFLOAD_STEPS));
  const choices: Choice[] = [{ thresholds: { exits, offload: OFFLOAD_NOTHING }, performance: base }];
  let correct = Math.round(base.accuracy * rows);
  let tried = 0;
  undecided.forEach((row, rank) => {
    correct += cloud.correct[row] - vote.correct[row];
    const offloaded = rank + 1;
    const isLast = offloaded === undecided.length;
    // Images of equal gain go together, so a threshold can only stand where the gain falls.
    const next = isLast ? Number.NEGATIVE_INFINITY : vote.metric[undecided[offloaded]];
    if (next === vote.metric[row] || !(isLast || offloaded - tried >= step)) return;
    tried = offloaded;
    choices.push({
      thresholds: { exits, offload: isLast ? OFFLOAD_UNDECIDED : cutBetween(next, vote.metric[row]) },
      performance: {
        accuracy: correct / rows,
        offloadRate: (certain + offloaded) / rows,
        meanLatencyMs: base.meanLatencyMs + (offloaded / rows) * costs.cloudMs,
        exitShares: base.exitShares,
      },
    });
  });
  return choices;
}

/** Rows that no exit answers and a threshold can keep, the largest expected gain first. */
function undecidedByGain({ rows, exits, vote }: SystemOutcomes, thresholds: readonly number[]): number[] {
  const undecided: number[] = [];
  for (let row = 0; row < rows; row++) {
    if (vote.metric[row] >= OFFLOAD_NOTHING) continue;
    if (exits.every(({ confidence }, exit) => confidence[row] < thresholds[exit])) undecided.push(row);
  }
  return undecided.sort((a, b) => vote.metric[b] - vote.metric[a]);
}

/** Whether a performance is what was wished for. */
export function fulfils(performance: Omit<Performance, "exitShares">, wishes: Wishes): boolean {
  const { maxOffload = 1, minAccuracy = 0, maxMeanLatencyMs = Number.POSITIVE_INFINITY } = wishes;
  return (
    performance.offloadRate <= maxOffload &&
    performance.accuracy >= minAccuracy &&
    performance.meanLatencyMs <= maxMeanLatencyMs
  );
}

function isMoreAccurate({ performance: a }: Choice, { performance: b }: Choice): boolean {
  return a.accuracy > b.accuracy || (a.accuracy === b.accuracy && a.meanLatencyMs < b.meanLatencyMs);
}

function isFaster({ performance: a }: Choice, { performance: b }: Choice): boolean {
  return a.meanLatencyMs < b.meanLatencyMs || (a.meanLatencyMs === b.meanLatencyMs && a.accuracy > b.accuracy);
}

function* lazily<T, R>(items: readonly T[], map: (item: T) => R): Generator<R> {
  for (const item of items) yield map(item);
}

function logarithmic(from: number, to: number, count: number): number[] {
  return Array.from({ length: count }, (_, k) => from * (to / from) ** (k / (count - 1)));
}
