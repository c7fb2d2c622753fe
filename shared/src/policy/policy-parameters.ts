// From a policy's file to what `decide` takes, for the bucket that is in force.
import type { BucketOptions } from "../bucket/token-bucket.ts";
import { MAX_GRID_ERROR } from "../bucket/token-grid.ts";
import type { PolicyFile, PolicyFileOf } from "../schema/policy.ts";
import { beliefParametersInSteps } from "./belief.ts";
import { lastOf } from "./belief-prices.ts";
import type { PolicyParameters } from "./decide.ts";
import { type HiddenMarkovModel, normalisedRows } from "./hidden-markov.ts";
import { type QNetworkParameters, qNetworkParameters } from "./q-network.ts";
import type { TrafficModel } from "./traffic-model.ts";

export type PolicyParametersCheck = { ok: true; parameters: PolicyParameters } | { ok: false; error: string };

/**
 * The parameters of a checked file. A policy that was made for another bucket is refused, unless it knows the traffic
 * and not the bucket: then it is solved for this one, which may take seconds. Total: what a checked file still holds of
 * nonsense is a refusal too.
 */
export function policyParameters(file: PolicyFile, bucket: BucketOptions): PolicyParametersCheck {
  return lastOf(policyParametersInSteps(file, bucket));
}

/** {@link policyParameters} for a thread that others wait for: yields every few milliseconds. */
export function* policyParametersInSteps(
  file: PolicyFile,
  bucket: BucketOptions,
): Generator<void, PolicyParametersCheck> {
  if (file.kind !== "belief") return boundParameters(file, bucket);
  try {
    return { ok: true, parameters: yield* beliefParametersInSteps(trafficModel(file), bucket) };
  } catch (error) {
    return { ok: false, error: error instanceof Error ? error.message : String(error) };
  }
}

/** Of a policy that is tied to a bucket. */
function boundParameters(file: PolicyFileOf<"mdp" | "q-network">, bucket: BucketOptions): PolicyParametersCheck {
  const error = bucketMismatch(file, bucket);
  if (error !== null) return { ok: false, error };
  if (file.kind === "q-network") return finiteNetwork(qNetworkParameters(file));
  const { grid, thresholds } = file;
  return { ok: true, parameters: { kind: "mdp", grid, thresholds: Float64Array.from(thresholds) } };
}

/** JSON holds no NaN, but base64 does. */
function finiteNetwork(parameters: QNetworkParameters): PolicyParametersCheck {
  for (const [index, { weights, bias }] of parameters.layers.entries()) {
    for (const [name, values] of Object.entries({ weights, bias })) {
      const at = values.findIndex((value) => !Number.isFinite(value));
      if (at >= 0) return { ok: false, error: `layers.${index}.${name}: expected finite numbers, got ${values[at]}` };
    }
  }
  return { ok: true, parameters };
}

function bucketMismatch(
  { grid: { q, p, m }, unitSeconds }: PolicyFileOf<"mdp" | "q-network">,
  { rate, depth }: BucketOptions,
): string | null {
  const [madeRate, madeDepth] = [q / p / unitSeconds, m / p];
  // The tolerance by which a grid may miss the bucket that it is made for.
  if (Math.abs(madeRate - rate) / rate + Math.abs(madeDepth - depth) / depth <= MAX_GRID_ERROR) return null;
  return `grid: made for ${madeRate} tokens a second and a depth of ${madeDepth}, but the bucket has ${rate} and ${depth}`;
}

/** Rounding in the file is made good: rows of probabilities add up to one again. */
export function trafficModel({ difficulty, bandGains, pace, paceSeconds, gain }: PolicyFileOf<"belief">): TrafficModel {
  return {
    difficulty: chainOf(difficulty),
    bandEdges: Float64Array.from(difficulty.edges),
    bandGains: Float64Array.from(bandGains),
    pace: chainOf(pace),
    paceEdges: Float64Array.from(pace.edges),
    paceSeconds: Float64Array.from(paceSeconds),
    gain: { metrics: Float64Array.from(gain.metrics), gains: Float64Array.from(gain.gains) },
  };
}

/**
 * The file of a learnt traffic model.
 *
 * @param model SHA-256 of the manifest of the model whose metrics these are, or null
 * @param unitSeconds what one of the traffic model's seconds lasts
 */
export function trafficPolicyFile(
  traffic: TrafficModel,
  model: string | null,
  unitSeconds = 1,
): PolicyFileOf<"belief"> {
  const inSeconds = (values: Float64Array) => Array.from(values, (value) => value * unitSeconds);
  return {
    policyVersion: 1,
    kind: "belief",
    model,
    unitSeconds,
    difficulty: chainFile(traffic.difficulty, Array.from(traffic.bandEdges)),
    bandGains: Array.from(traffic.bandGains),
    pace: chainFile(traffic.pace, inSeconds(traffic.paceEdges)),
    paceSeconds: inSeconds(traffic.paceSeconds),
    gain: { metrics: Array.from(traffic.gain.metrics), gains: Array.from(traffic.gain.gains) },
  };
}

function chainFile({ states, symbols, transitions, emissions }: HiddenMarkovModel, edges: number[]) {
  return { states, symbols, transitions: Array.from(transitions), emissions: Array.from(emissions), edges };
}

function chainOf({ states, symbols, transitions, emissions }: PolicyFileOf<"belief">["pace"]) {
  return {
    states,
    symbols,
    transitions: normalisedRows(Float64Array.from(transitions), states),
    emissions: normalisedRows(Float64Array.from(emissions), symbols),
  };
}
