// How images come to one client, learnt from recorded traffic: how difficult they are, how that lasts, and how fast
// they follow each other. It knows nothing of any bucket, so it serves every rate and depth.
import { type HiddenMarkovModel, observe, predict, stationaryBelief } from "./hidden-markov.ts";

export interface TrafficModel {
  /** Hidden states of difficulty; its symbols are bands of the metric. */
  difficulty: HiddenMarkovModel;
  /** Metrics at which the next band begins, rising, [difficulty.symbols - 1]. */
  bandEdges: Float64Array;
  /** Expected gain of an offload in each band, [difficulty.symbols]. */
  bandGains: Float64Array;
  /** Hidden states of the time between images; its symbols are bands of seconds. */
  pace: HiddenMarkovModel;
  /** Seconds at which the next band begins, rising, [pace.symbols - 1]. */
  paceEdges: Float64Array;
  /** What an interval of each band lasts, at least 0, [pace.symbols]. */
  paceSeconds: Float64Array;
  /** Expected gain at these metrics, both rising; between them a straight line, beyond them the nearest. */
  gain: { metrics: Float64Array; gains: Float64Array };
}

/** What is believed of the hidden states once an image was seen: probabilities, each array adding up to one. */
export interface TrafficBelief {
  /** [difficulty.states] */
  difficulty: Float64Array;
  /** [pace.states] */
  pace: Float64Array;
}

/** The belief before any image is seen. O(states^3): computed once. */
export function initialBelief({ difficulty, pace }: TrafficModel): TrafficBelief {
  return { difficulty: stationaryBelief(difficulty), pace: stationaryBelief(pace) };
}

/**
 * The belief after one more image; the one before is not changed. O(states^2).
 *
 * @param elapsedSeconds since the image before; null for the first, which finds the states as they were believed
 */
export function believe(
  traffic: TrafficModel,
  before: TrafficBelief,
  metric: number,
  elapsedSeconds: number | null,
): TrafficBelief {
  const belief = { difficulty: before.difficulty.slice(), pace: before.pace.slice() };
  if (elapsedSeconds !== null) {
    predict(traffic.difficulty, belief.difficulty);
    predict(traffic.pace, belief.pace);
    observe(traffic.pace, belief.pace, bandOf(traffic.paceEdges, elapsedSeconds));
  }
  observe(traffic.difficulty, belief.difficulty, bandOf(traffic.bandEdges, metric));
  return belief;
}

/** How many edges are at or below the value: the number of its band. */
export function bandOf(edges: Float64Array, value: number): number {
  let low = 0;
  let high = edges.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (value < edges[middle]) high = middle;
    else low = middle + 1;
  }
  return low;
}
