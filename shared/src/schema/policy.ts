// A policy as a file: what was learnt offline, and for which model and bucket. `spillway policy` and the DQN's trainer
// write it, `spillway publish` puts it into KV, and the gate reads it there.
import { z } from "zod";
import { MAX_GRID_LEVELS, MAX_GRID_SCALE } from "../bucket/token-grid.ts";
import { describeIssues } from "./document.ts";
import { sha256Schema } from "./manifest.ts";

/** 4 MiB: the published Q-network for a grid of some 5,800 levels, and everything else in less than 1 MB. */
export const MAX_POLICY_BYTES = 4_194_304;
/** Images that a Q-network may look back on. */
export const MAX_HISTORY = 256;
/** Hidden states of a traffic model: its prices take time and room with each. */
export const MAX_TRAFFIC_STATES = 64;
/** Bands of a traffic model. */
export const MAX_TRAFFIC_BANDS = 256;
/** Multiplications a level in each of the sweeps that price tokens: some two seconds for a bucket of ten tokens. */
export const MAX_TRAFFIC_WORK = 16_384;
/** Layers of a Q-network, the last one included. */
export const MAX_LAYERS = 16;
const MAX_WIDTH = 2 * (MAX_GRID_LEVELS + 1);

/** Row sums of probabilities that were rounded on their way through JSON. */
const SUM_TOLERANCE = 1e-3;

const count = (most: number) => z.int().min(1).max(most);
const finite = z.number();
const probabilities = z.array(finite.min(0).max(1)).min(1);

const gridSchema = z
  .strictObject({ q: z.int().min(1), p: count(MAX_GRID_SCALE), m: count(MAX_GRID_LEVELS) })
  .refine(({ p, m }) => m >= p, "expected room for one token: m of at least p");

/** What every kind says of itself. */
const common = {
  policyVersion: z.literal(1),
  /** SHA-256 of the manifest of the model whose metrics these are; null for a pair of no model, which no Worker takes. */
  model: sha256Schema.nullable(),
  /** Where it comes from, for people. */
  trainedOn: z.looseObject({}).optional(),
};

/** Real seconds that a second of the simulation lasts, in which the policy was made. */
const unitSeconds = z.number().min(1e-6).max(86_400).default(1);

const mdpPolicySchema = z
  .strictObject({
    ...common,
    kind: z.literal("mdp"),
    unitSeconds,
    grid: gridSchema,
    thresholds: z.array(finite.min(-1).max(2)).min(1),
  })
  .refine(({ grid, thresholds }) => thresholds.length === grid.m - grid.p + 1, {
    path: ["thresholds"],
    message: "expected m - p + 1 of them",
  });

const scale = z.strictObject({ mean: finite, deviation: z.number().positive() });
const layer = z.strictObject({
  inputs: count(MAX_WIDTH),
  outputs: count(MAX_WIDTH),
  /** Little-endian float32, row-major [outputs, inputs], in base64. */
  weights: z.base64(),
  /** Likewise [outputs]. */
  bias: z.base64(),
});

const qNetworkPolicySchema = z
  .strictObject({
    ...common,
    kind: z.literal("q-network"),
    unitSeconds,
    grid: gridSchema,
    history: count(MAX_HISTORY),
    usesIntervals: z.boolean(),
    metric: scale,
    /** In time units. */
    interval: scale.nullable(),
    /** Slope of the leaky ReLU below 0. */
    leak: z.number().min(0).max(1),
    layers: z.array(layer).min(1).max(MAX_LAYERS),
  })
  .refine(({ usesIntervals, interval }) => usesIntervals === (interval !== null), {
    path: ["interval"],
    message: "expected one exactly where usesIntervals is true",
  })
  .superRefine(({ grid, history, usesIntervals, layers }, context) => {
    let width = history * (usesIntervals ? 2 : 1);
    for (const [index, { inputs, outputs, weights, bias }] of layers.entries()) {
      const path = (field: string) => ["layers", index, field];
      if (inputs !== width) context.addIssue({ code: "custom", path: path("inputs"), message: `expected ${width}` });
      if (base64Bytes(weights) !== inputs * outputs * 4) {
        context.addIssue({ code: "custom", path: path("weights"), message: `expected ${inputs * outputs} float32` });
      }
      if (base64Bytes(bias) !== outputs * 4) {
        context.addIssue({ code: "custom", path: path("bias"), message: `expected ${outputs} float32` });
      }
      width = outputs;
    }
    const pairs = (grid.m + 1) * 2;
    if (width !== pairs) {
      context.addIssue({ code: "custom", path: ["layers"], message: `expected ${pairs} outputs at the end` });
    }
  });

const chainSchema = z
  .strictObject({
    states: count(MAX_TRAFFIC_STATES),
    symbols: count(MAX_TRAFFIC_BANDS),
    /** Row-major [states, states]. */
    transitions: probabilities,
    /** Row-major [states, symbols]. */
    emissions: probabilities,
    /** Where the next symbol's band begins, rising, [symbols - 1]. */
    edges: z.array(finite),
  })
  .refine(({ states, transitions }) => isStochastic(transitions, states, states), {
    path: ["transitions"],
    message: "expected rows that add up to 1",
  })
  .refine(({ states, symbols, emissions }) => isStochastic(emissions, states, symbols), {
    path: ["emissions"],
    message: "expected rows that add up to 1",
  })
  .refine(({ symbols, edges }) => edges.length === symbols - 1 && isRising(edges), {
    path: ["edges"],
    message: "expected rising numbers, one fewer than symbols",
  });

const beliefPolicySchema = z
  .strictObject({
    ...common,
    kind: z.literal("belief"),
    /** Of the traffic that it was learnt from; what is in seconds here is in real ones already. */
    unitSeconds,
    /** Hidden states of the images' difficulty; edges are metrics. */
    difficulty: chainSchema,
    /** Expected gain in each band of the metric, [difficulty.symbols]. */
    bandGains: z.array(finite.min(-1).max(1)),
    /** Hidden states of the time between images; edges are seconds. */
    pace: chainSchema,
    /** What an interval of each band lasts, [pace.symbols]. */
    paceSeconds: z.array(finite.min(0)),
    /** Expected gain at these metrics, both rising. */
    gain: z
      .strictObject({ metrics: z.array(finite.min(-1).max(1)).min(1), gains: z.array(finite.min(-1).max(1)) })
      .refine(({ metrics, gains }) => metrics.length === gains.length && isRising(metrics) && isRising(gains), {
        message: "expected rising metrics with as many rising gains",
      }),
  })
  .refine(({ difficulty, bandGains }) => bandGains.length === difficulty.symbols, {
    path: ["bandGains"],
    message: "expected one for each symbol",
  })
  .refine(({ pace, paceSeconds }) => paceSeconds.length === pace.symbols, {
    path: ["paceSeconds"],
    message: "expected one for each symbol",
  })
  .superRefine(({ difficulty, pace }, context) => {
    // As `solveTokenPrices` counts it. Each side may be large, but both together would keep a Worker busy for hours.
    const work = pace.states * difficulty.states * (pace.states * pace.symbols + difficulty.states);
    if (work <= MAX_TRAFFIC_WORK) return;
    const message = `expected at most ${MAX_TRAFFIC_WORK} steps a level with the states of difficulty, got ${work}`;
    context.addIssue({ code: "custom", path: ["pace"], message });
  });

export const policyFileSchema = z.discriminatedUnion("kind", [
  mdpPolicySchema,
  qNetworkPolicySchema,
  beliefPolicySchema,
]);
export type PolicyFile = z.infer<typeof policyFileSchema>;
export type PolicyFileOf<Kind extends PolicyFile["kind"]> = Extract<PolicyFile, { kind: Kind }>;

/** Where `spillway publish` puts a policy: under the SHA-256 of its text. */
export function policyKeyOf(sha256: string): string {
  return `policy:${sha256}`;
}

/** A key that says what lies under it; one of another form is its owner's. */
export const POLICY_HASH_KEY = new RegExp(`^${policyKeyOf("[0-9a-f]{64}")}$`);

export type PolicyFileCheck = { ok: true; file: PolicyFile } | { ok: false; error: string };

/** Validates a policy's text. Pure and total: every failure is a value whose `error` is one readable line. */
export function checkPolicyText(text: string): PolicyFileCheck {
  const bytes = new TextEncoder().encode(text).byteLength;
  if (bytes > MAX_POLICY_BYTES) return { ok: false, error: `expected at most ${MAX_POLICY_BYTES} bytes, got ${bytes}` };
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { ok: false, error: "expected JSON" };
  }
  const parsed = policyFileSchema.safeParse(value);
  return parsed.success ? { ok: true, file: parsed.data } : { ok: false, error: describeIssues(parsed.error) };
}

function base64Bytes(text: string): number {
  const padding = text.endsWith("==") ? 2 : text.endsWith("=") ? 1 : 0;
  return (text.length / 4) * 3 - padding;
}

function isStochastic(matrix: readonly number[], rows: number, columns: number): boolean {
  if (matrix.length !== rows * columns) return false;
  for (let start = 0; start < matrix.length; start += columns) {
    const sum = matrix.slice(start, start + columns).reduce((total, value) => total + value, 0);
    if (Math.abs(sum - 1) > SUM_TOLERANCE) return false;
  }
  return true;
}

function isRising(values: readonly number[]): boolean {
  return values.every((value, at) => at === 0 || value > values[at - 1]);
}
