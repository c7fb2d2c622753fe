// What a whole system of exits, vote, metric and cloud did with images whose answers are known, for any
// thresholds: the ground on which thresholds are chosen, certified and reported.

/** A threshold that no confidence reaches: the exit never answers. */
export const CLOSED = 2;
/** A metric threshold that every gain reaches: whatever no exit answers is offloaded. */
export const OFFLOAD_UNDECIDED = -1;
/** A metric threshold that no gain short of certainty reaches: nothing is offloaded. */
export const OFFLOAD_NOTHING = 1;

/** Per-image outcomes; every array is [rows]. */
export interface SystemOutcomes {
  rows: number;
  exits: readonly { confidence: Float64Array; correct: Uint8Array }[];
  /** The exits' vote: the expected gain of asking the cloud, and whether the vote is right. */
  vote: { metric: Float64Array; correct: Uint8Array };
  /** Whether the answer of an offloaded image is right. */
  cloud: { correct: Uint8Array };
}

/** Milliseconds. */
export interface SystemCosts {
  /** Of each stage with its exit. */
  stageMs: readonly number[];
  /** What an offload adds: gate, network and large model. */
  cloudMs: number;
}

export interface Thresholds {
  /** Confidence from which each exit answers. */
  exits: number[];
  /** Expected gain from which an undecided image is offloaded. */
  offload: number;
}

/** What some thresholds achieve. Rates and accuracy are fractions. */
export interface Performance {
  accuracy: number;
  offloadRate: number;
  meanLatencyMs: number;
  /** Share of the images that leave at each exit. */
  exitShares: number[];
}

/** Who answered one image: the exit's index, or one of these. */
export const BY_VOTE = -1;
export const BY_CLOUD = -2;

/** The first exit that is sure enough, else vote or cloud. Expects a threshold for each exit. */
export function whoAnswers(outcomes: SystemOutcomes, thresholds: Thresholds, row: number): number {
  for (let exit = 0; exit < outcomes.exits.length; exit++) {
    if (outcomes.exits[exit].confidence[row] >= thresholds.exits[exit]) return exit;
  }
  return outcomes.vote.metric[row] >= thresholds.offload ? BY_CLOUD : BY_VOTE;
}

/** Whether the system's answer is right: 1 or 0. */
export function isCorrect(outcomes: SystemOutcomes, thresholds: Thresholds, row: number): number {
  const who = whoAnswers(outcomes, thresholds, row);
  if (who === BY_CLOUD) return outcomes.cloud.correct[row];
  return (who === BY_VOTE ? outcomes.vote : outcomes.exits[who]).correct[row];
}

/** @throws RangeError for no rows, or a wrong number of thresholds or costs */
export function performanceOf(outcomes: SystemOutcomes, costs: SystemCosts, thresholds: Thresholds): Performance {
  const { rows, exits } = outcomes;
  if (rows === 0) throw new RangeError("outcomes: expected at least one row, got none");
  if (thresholds.exits.length !== exits.length || costs.stageMs.length !== exits.length) {
    const got = `${thresholds.exits.length} and ${costs.stageMs.length}`;
    throw new RangeError(`thresholds and stageMs: expected ${exits.length} each, got ${got}`);
  }
  const left = exits.map(() => 0);
  let correct = 0;
  let offloaded = 0;
  for (let row = 0; row < rows; row++) {
    const who = whoAnswers(outcomes, thresholds, row);
    if (who >= 0) left[who]++;
    if (who === BY_CLOUD) offloaded++;
    correct += isCorrect(outcomes, thresholds, row);
  }
  const undecided = rows - left.reduce((sum, count) => sum + count, 0);
  const edgeMs = cumulative(costs.stageMs);
  const waited = left.reduce((sum, count, exit) => sum + count * edgeMs[exit], 0);
  const latency = waited + undecided * edgeMs[exits.length - 1] + offloaded * costs.cloudMs;
  return {
    accuracy: correct / rows,
    offloadRate: offloaded / rows,
    meanLatencyMs: latency / rows,
    exitShares: left.map((count) => count / rows),
  };
}

/** Milliseconds until each exit has answered. */
export function cumulative(stageMs: readonly number[]): number[] {
  let sum = 0;
  return stageMs.map((ms) => (sum += ms));
}

/** The same outcomes for some of the rows. */
export function selectRows(outcomes: SystemOutcomes, rows: readonly number[]): SystemOutcomes {
  const floats = (values: Float64Array) => Float64Array.from(rows, (row) => values[row]);
  const bits = (values: Uint8Array) => Uint8Array.from(rows, (row) => values[row]);
  return {
    rows: rows.length,
    exits: outcomes.exits.map(({ confidence, correct }) => ({
      confidence: floats(confidence),
      correct: bits(correct),
    })),
    vote: { metric: floats(outcomes.vote.metric), correct: bits(outcomes.vote.correct) },
    cloud: { correct: bits(outcomes.cloud.correct) },
  };
}
