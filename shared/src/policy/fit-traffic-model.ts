// Learning how images come to one client from what was recorded of them: maximum likelihood, a few seconds, no gradient.
import { fitNonIncreasing } from "../calibration/isotonic.ts";
import { fitHiddenMarkov, type HiddenMarkovModel, sequenceLogLikelihood } from "./hidden-markov.ts";
import { bandOf, type TrafficModel } from "./traffic-model.ts";

/** Images in the order in which they came, the edge's confident ones among them. */
export interface RecordedTraffic {
  /** Offload metrics, [images]. */
  metrics: Float64Array;
  /** Seconds from each image to the next, [images]; the last is not looked at. */
  seconds: Float64Array;
}

/** What offloading turned out to gain; these images need not be those of the recording. */
export interface LabelledGains {
  /** Offload metrics, any order, [images]. */
  metrics: Float64Array;
  /** Edge loss minus cloud loss, [images]. */
  rewards: Float64Array;
}

export interface TrafficFitOptions {
  /** Numbers of hidden states of the difficulty to choose among. */
  difficultyStates?: readonly number[];
  /** Bands of the metric, at most. */
  bands?: number;
  /** Steps of each fit, at most. */
  maxSteps?: number;
}

/** A sequence shorter than this says too little about what follows what. */
export const LEAST_RECORDED_IMAGES = 100;
/** Images a band, on average, at least. */
const IMAGES_PER_BAND = 20;
/** Different intervals that are kept as they are; more are put into as many bands. */
const MAX_PACES = 16;
const PACE_STATES = [1, 2] as const;
/** Share of the recording that the choice of states is made without, and then judged on. */
const HELD_OUT_SHARE = 0.25;
/** Nats an image that more states must gain on held-out images: less is noise, and states cost time. */
const LEAST_GAIN = 1e-3;

/**
 * Difficulty and pace are learnt apart from each other. Their numbers of states are those that foretell the last
 * quarter of the recording best when fitted on the rest; the model is then fitted on all of it.
 * Cost: O(steps * images * states^2): some 5 s for 40,000 images and up to 24 states.
 *
 * @throws RangeError for a recording shorter than {@link LEAST_RECORDED_IMAGES}, intervals below 0, no labelled images,
 * arrays of different lengths, or NaN
 */
export function fitTrafficModel(
  { metrics, seconds }: RecordedTraffic,
  labelled: LabelledGains,
  { difficultyStates = [1, 8, 24], bands = 50, maxSteps = 30 }: TrafficFitOptions = {},
): TrafficModel {
  checkRecording(metrics, seconds);
  const gain = gainCurve(labelled);
  const bandEdges = quantileEdges(metrics, Math.min(bands, Math.floor(metrics.length / IMAGES_PER_BAND)));
  const intervals = seconds.subarray(0, -1);
  const { edges: paceEdges, values: paceSeconds } = paceBands(intervals);
  const fit = (values: Float64Array, edges: Float64Array, states: readonly number[]) =>
    fitBest(
      Uint16Array.from(values, (value) => bandOf(edges, value)),
      edges.length + 1,
      states,
      maxSteps,
    );
  return {
    difficulty: fit(metrics, bandEdges, difficultyStates),
    bandEdges,
    bandGains: bandAverages(metrics, bandEdges, (metric) => gainAt(gain, metric)),
    pace: fit(intervals, paceEdges, PACE_STATES),
    paceEdges,
    paceSeconds,
    gain,
  };
}

function fitBest(
  symbols: Uint16Array,
  symbolCount: number,
  candidates: readonly number[],
  maxSteps: number,
): HiddenMarkovModel {
  const split = Math.floor(symbols.length * (1 - HELD_OUT_SHARE));
  let chosen = candidates[0];
  let best = Number.NEGATIVE_INFINITY;
  // One symbol alone has nothing to tell, however many states show it.
  for (const states of symbolCount === 1 ? [] : candidates) {
    const { model } = fitHiddenMarkov(symbols.subarray(0, split), symbolCount, states, maxSteps);
    const foretold = sequenceLogLikelihood(model, symbols.subarray(split));
    if (foretold > best + LEAST_GAIN) [chosen, best] = [states, foretold];
  }
  return fitHiddenMarkov(symbols, symbolCount, chosen, maxSteps).model;
}

/** Isotonic regression of the gain on the metric: its stretches' means, which are then joined by straight lines. */
function gainCurve({ metrics, rewards }: LabelledGains): TrafficModel["gain"] {
  const falling = fitNonIncreasing(
    metrics.map((metric) => -metric),
    rewards,
  ).reverse();
  return {
    metrics: Float64Array.from(falling, ({ position }) => -position),
    gains: Float64Array.from(falling, ({ value }) => value),
  };
}

function gainAt({ metrics, gains }: TrafficModel["gain"], metric: number): number {
  const above = bandOf(metrics, metric);
  if (above === 0) return gains[0];
  if (above === metrics.length) return gains[above - 1];
  const share = (metric - metrics[above - 1]) / (metrics[above] - metrics[above - 1]);
  return gains[above - 1] + share * (gains[above] - gains[above - 1]);
}

/** Edges between bands that hold about as many values each; no band is empty. */
function quantileEdges(values: Float64Array, bands: number): Float64Array {
  const sorted = values.toSorted();
  const edges = Array.from({ length: bands - 1 }, (_, at) => sorted[Math.floor(((at + 1) * sorted.length) / bands)]);
  return Float64Array.from(edges.filter((edge, at) => edge > (at === 0 ? sorted[0] : edges[at - 1])));
}

/** Each interval a band of its own, or bands of about as many; a band's value is its mean. */
function paceBands(intervals: Float64Array): { edges: Float64Array; values: Float64Array } {
  const different = Float64Array.from(new Set(intervals)).sort();
  if (different.length <= MAX_PACES) {
    const edges = different.subarray(1).map((value, at) => edgeBetween(different[at], value));
    return { edges, values: different };
  }
  const edges = quantileEdges(intervals, MAX_PACES);
  return { edges, values: bandAverages(intervals, edges, (value) => value) };
}

/** Half-way; of two neighbours among floating-point numbers the upper one, as nothing lies between. */
function edgeBetween(low: number, high: number): number {
  const middle = (low + high) / 2;
  return middle > low ? middle : high;
}

/** The mean of something over the values of each band. */
function bandAverages(values: Float64Array, edges: Float64Array, of: (value: number) => number): Float64Array {
  const sums = new Float64Array(edges.length + 1);
  const counts = new Float64Array(edges.length + 1);
  for (const value of values) {
    const band = bandOf(edges, value);
    sums[band] += of(value);
    counts[band] += 1;
  }
  return sums.map((sum, band) => sum / counts[band]);
}

function checkRecording(metrics: Float64Array, seconds: Float64Array): void {
  if (!(metrics.length >= LEAST_RECORDED_IMAGES && seconds.length === metrics.length)) {
    const expected = `as many of each, at least ${LEAST_RECORDED_IMAGES}`;
    throw new RangeError(`metrics and seconds: expected ${expected}, got ${metrics.length} and ${seconds.length}`);
  }
  const wrong = seconds.findIndex((value) => !(value >= 0 && Number.isFinite(value)));
  if (wrong >= 0) throw new RangeError(`seconds: expected at least 0 at ${wrong}, got ${seconds[wrong]}`);
  const unknown = metrics.findIndex((value) => !Number.isFinite(value));
  if (unknown >= 0) throw new RangeError(`metrics: expected a finite number at ${unknown}, got ${metrics[unknown]}`);
}
