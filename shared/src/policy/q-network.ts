// EMSOFT'22's deep Q-network: the values of offloading and of keeping, for every level of the bucket, from the last
// images' metrics and the times between them. Trained by `spillway policy dqn`.
import { type TokenGrid, wholeTokenLevel } from "../bucket/token-grid.ts";
import type { PolicyFileOf } from "../schema/policy.ts";
import type { Decide } from "./policy.ts";

/** How a number is scaled before the network sees it. */
export interface Scale {
  mean: number;
  deviation: number;
}

export interface DenseLayer {
  inputs: number;
  outputs: number;
  /** Row-major [outputs, inputs]. */
  weights: Float32Array;
  /** [outputs] */
  bias: Float32Array;
}

export interface QNetworkParameters {
  kind: "q-network";
  grid: TokenGrid;
  /** Seconds that one time unit of the training lasts. */
  unitSeconds: number;
  /** Images that it sees, the current one included. */
  history: number;
  metric: Scale;
  /** Of time units; null for a network that sees no intervals. */
  interval: Scale | null;
  /** Slope of the leaky ReLU below 0. */
  leak: number;
  layers: readonly DenseLayer[];
}

/** The network's inputs without the ones to come: scaled, the oldest first, zeros before the first image. */
export interface QNetworkState {
  /** [history] */
  metrics: Float32Array;
  /** Before each of these images, [history]; null for a network that sees no intervals. */
  intervals: Float32Array | null;
}

/** The parameters in a checked file. */
export function qNetworkParameters(file: PolicyFileOf<"q-network">): QNetworkParameters {
  const { kind, grid, unitSeconds, history, metric, interval, leak } = file;
  const layers = file.layers.map(({ inputs, outputs, weights, bias }) => ({
    inputs,
    outputs,
    weights: floatsOf(weights),
    bias: floatsOf(bias),
  }));
  return { kind, grid, unitSeconds, history, metric, interval, leak, layers };
}

/** Offloads when that is worth more, not for a tie. Where there is no whole token, it answers for exactly one. */
export const decideByQNetwork: Decide<QNetworkState, QNetworkParameters> = (observation, before, parameters) => {
  const state = remember(observation, before, parameters);
  const level = wholeTokenLevel(observation.tokens, parameters.grid);
  const [keep, offload] = pairValues(inputOf(state), parameters, level);
  return { offload: offload > keep, threshold: null, state };
};

function remember(
  { metric, elapsedSeconds }: { metric: number; elapsedSeconds: number | null },
  before: QNetworkState | null,
  { history, metric: metricScale, interval, unitSeconds }: QNetworkParameters,
): QNetworkState {
  const metrics = appended(before?.metrics ?? null, history, scaled(metric, metricScale));
  if (interval === null) return { metrics, intervals: null };
  // The interval before the first image is unknown, and counts as the mean.
  const latest = elapsedSeconds === null ? 0 : scaled(elapsedSeconds / unitSeconds, interval);
  return { metrics, intervals: appended(before?.intervals ?? null, history, latest) };
}

function appended(before: Float32Array | null, length: number, value: number): Float32Array {
  const after = new Float32Array(length);
  if (before !== null) after.set(before.subarray(1));
  after[length - 1] = value;
  return after;
}

function scaled(value: number, { mean, deviation }: Scale): number {
  return (value - mean) / deviation;
}

function inputOf({ metrics, intervals }: QNetworkState): Float32Array {
  if (intervals === null) return metrics;
  const input = new Float32Array(metrics.length * 2);
  input.set(metrics);
  input.set(intervals, metrics.length);
  return input;
}

/** The values of keeping and of offloading at one level; the other outputs are not computed. */
function pairValues(input: Float32Array, { layers, leak }: QNetworkParameters, level: number): [number, number] {
  let activations = input;
  for (const layer of layers.slice(0, -1)) {
    const next = new Float32Array(layer.outputs);
    for (let output = 0; output < layer.outputs; output++) {
      const sum = weightedSum(layer, output, activations);
      next[output] = sum < 0 ? sum * leak : sum;
    }
    activations = next;
  }
  const last = layers[layers.length - 1];
  return [weightedSum(last, level * 2, activations), weightedSum(last, level * 2 + 1, activations)];
}

/** Four sums side by side: one alone waits for each addition before the next. */
function weightedSum({ inputs, weights, bias }: DenseLayer, output: number, values: Float32Array): number {
  const row = output * inputs;
  const whole = inputs - (inputs % 4);
  let [a, b, c, d] = [bias[output], 0, 0, 0];
  for (let at = 0; at < whole; at += 4) {
    a += weights[row + at] * values[at];
    b += weights[row + at + 1] * values[at + 1];
    c += weights[row + at + 2] * values[at + 2];
    d += weights[row + at + 3] * values[at + 3];
  }
  for (let at = whole; at < inputs; at++) a += weights[row + at] * values[at];
  return a + b + (c + d);
}

/** Little-endian float32 in base64, on any machine. */
function floatsOf(base64: string): Float32Array {
  const binary = atob(base64);
  const bytes = new DataView(new ArrayBuffer(binary.length));
  for (let at = 0; at < binary.length; at++) bytes.setUint8(at, binary.charCodeAt(at));
  return Float32Array.from({ length: binary.length / 4 }, (_, index) => bytes.getFloat32(index * 4, true));
}
