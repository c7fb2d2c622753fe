// Valid policies of each kind, small enough to be read.
import type { PolicyFileOf } from "@spillway/shared/schema/policy";
import { MODEL_HASH } from "./documents.ts";

/** Made for 0.5 tokens a second and a depth of 2. */
export const MADE_FOR = { rate: 0.5, depth: 2 };
const grid = { q: 1, p: 2, m: 4 };

export function validMdpPolicy(): PolicyFileOf<"mdp"> {
  return {
    policyVersion: 1,
    kind: "mdp",
    model: MODEL_HASH,
    unitSeconds: 1,
    grid,
    thresholds: [0.5, 0.25, 0.125],
    trainedOn: { arrival: "periodic" },
  };
}

/** Numbers as a policy holds them. */
export function base64Floats(values: readonly number[]): string {
  const bytes = Buffer.alloc(values.length * 4);
  for (const [at, value] of values.entries()) bytes.writeFloatLE(value, at * 4);
  return bytes.toString("base64");
}

/** A layer of equal weights. */
export function denseLayer(inputs: number, outputs: number, weight = 0.5) {
  const weights = base64Floats(new Array(inputs * outputs).fill(weight));
  return { inputs, outputs, weights, bias: base64Floats(new Array(outputs).fill(0)) };
}

/** Three images and the intervals between them, two hidden neurons. */
export function validQNetworkPolicy(): PolicyFileOf<"q-network"> {
  return {
    policyVersion: 1,
    kind: "q-network",
    model: MODEL_HASH,
    unitSeconds: 1,
    grid,
    history: 3,
    usesIntervals: true,
    metric: { mean: 0.25, deviation: 0.5 },
    interval: { mean: 1.5, deviation: 0.5 },
    leak: 0.25,
    layers: [denseLayer(6, 2), denseLayer(2, 10)],
  };
}

export function validBeliefPolicy(): PolicyFileOf<"belief"> {
  return {
    policyVersion: 1,
    kind: "belief",
    unitSeconds: 1,
    model: MODEL_HASH,
    difficulty: {
      states: 2,
      symbols: 3,
      transitions: [0.75, 0.25, 0.5, 0.5],
      emissions: [0.5, 0.25, 0.25, 0, 0.25, 0.75],
      edges: [0.1, 0.3],
    },
    bandGains: [0, 0.2, 0.5],
    pace: { states: 1, symbols: 2, transitions: [1], emissions: [0.5, 0.5], edges: [1.5] },
    paceSeconds: [1, 2],
    gain: { metrics: [0, 0.5, 1], gains: [-0.25, 0.25, 0.75] },
  };
}
