// Small policies of every kind for the shipped model, as files, and in KV.
import type { PolicyName } from "@spillway/shared/schema/config";
import { type PolicyFile, type PolicyFileOf, policyKeyOf } from "@spillway/shared/schema/policy";
import { modelBundle } from "../../../edge-worker/generated/model.ts";
import { createPolicyStore, type PolicyChoice } from "../../../edge-worker/src/config/policy-store.ts";
import { sha256Hex } from "../../../edge-worker/src/sha256.ts";
import { env } from "../setup/app.ts";

const common = { policyVersion: 1, model: modelBundle.hash } as const;

/** For one token a second and a depth of two. */
export function mdpFile(threshold = 0.25): PolicyFileOf<"mdp"> {
  return { ...common, kind: "mdp", unitSeconds: 1, grid: { q: 1, p: 1, m: 2 }, thresholds: [threshold, threshold / 2] };
}

/** For the same bucket: offloads when the latest metric exceeds the mean of those before it. */
export function qNetworkFile(history = 4): PolicyFileOf<"q-network"> {
  const pairs = 6;
  const weights = new Float32Array(pairs * history);
  // Odd outputs are the worth of an offload; keeping is worth nothing.
  for (let row = 1; row < pairs; row += 2) {
    weights.fill(-1 / (history - 1), row * history, (row + 1) * history);
    weights[(row + 1) * history - 1] = 1;
  }
  const layer = { inputs: history, outputs: pairs, weights: base64(weights), bias: base64(new Float32Array(pairs)) };
  const grid = { q: 1, p: 1, m: 2 };
  const metric = { mean: 0, deviation: 1 };
  const scales = { usesIntervals: false, metric, interval: null, leak: 0 };
  return { ...common, kind: "q-network", unitSeconds: 1, grid, history, ...scales, layers: [layer] };
}

/** Easy and hard times that last, and images that come slowly or fast; for any bucket. */
export function beliefFile(stay = 0.9): PolicyFileOf<"belief"> {
  const transitions = [stay, 1 - stay, 1 - stay, stay];
  const difficulty = { states: 2, symbols: 3, transitions, emissions: [0.8, 0.15, 0.05, 0.05, 0.15, 0.8] };
  return {
    ...common,
    kind: "belief",
    unitSeconds: 1,
    difficulty: { ...difficulty, edges: [0.2, 0.4] },
    bandGains: [0.1, 0.3, 0.5],
    pace: { states: 2, symbols: 2, transitions, emissions: [0.9, 0.1, 0.1, 0.9], edges: [2] },
    paceSeconds: [1, 4],
    gain: { metrics: [0, 1], gains: [0, 1] },
  };
}

/** As `spillway publish` does; returns the key. */
export async function storePolicy(file: PolicyFile): Promise<string> {
  const text = JSON.stringify(file);
  const key = policyKeyOf(await sha256Hex(text));
  await env.CONFIG.put(key, text);
  return key;
}

export function choiceOf(
  policy: PolicyName,
  policyKey: string | null,
  bucket = { rate: 1, depth: 2 },
  threshold = 0.2,
): PolicyChoice {
  return { policy, policyKey, threshold, bucket };
}

/** A store with a clock and a KV of its own, whose background work is waited for where the test says so. */
export function storeWithClock(kv: KVNamespace = env.CONFIG) {
  let nowMs = 0;
  const pending: Promise<unknown>[] = [];
  const store = createPolicyStore(kv, modelBundle.hash, () => nowMs);
  const inForce = (choice: PolicyChoice) => store.inForce(choice, (work) => void pending.push(work));
  return {
    inForce,
    report: store.report,
    pending,
    /** Once everything is read and solved. */
    async settled(choice: PolicyChoice) {
      await inForce(choice);
      await Promise.all(pending);
      return inForce(choice);
    },
    advance(ms: number) {
      nowMs += ms;
    },
  };
}

function base64(values: Float32Array): string {
  return btoa(String.fromCharCode(...new Uint8Array(values.buffer)));
}
