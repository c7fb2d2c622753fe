import { MAX_GRID_LEVELS, MAX_GRID_SCALE } from "@spillway/shared/bucket/token-grid";
import {
  checkPolicyText,
  MAX_HISTORY,
  MAX_POLICY_BYTES,
  MAX_TRAFFIC_BANDS,
  MAX_TRAFFIC_STATES,
  MAX_TRAFFIC_WORK,
  policyKeyOf,
} from "@spillway/shared/schema/policy";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { changed, MODEL_HASH, pathsOf } from "./documents.ts";
import { base64Floats, denseLayer, validBeliefPolicy, validMdpPolicy, validQNetworkPolicy } from "./policies.ts";

const check = (value: unknown) => checkPolicyText(JSON.stringify(value));

/** The one line that says why a policy was refused. */
function refusal(value: unknown): string {
  const outcome = check(value);
  if (outcome.ok) return expect.fail("expected a refusal");
  expect(outcome.error).toMatch(/^.+$/u);
  return outcome.error;
}

const mdp = validMdpPolicy();
const network = validQNetworkPolicy();
const belief = validBeliefPolicy();
const KINDS = [
  ["mdp", mdp],
  ["q-network", network],
  ["belief", belief],
] as const;

const zeros = (count: number) => new Array<number>(count).fill(0);
const rising = (count: number) => Array.from({ length: count }, (_, at) => at / 1000);
/** So many alike, which add up to 1 in each row. */
const even = (rows: number, columns: number) => new Array<number>(rows * columns).fill(1 / columns);
const chain = (states: number, symbols: number) => ({
  states,
  symbols,
  transitions: even(states, states),
  emissions: even(states, symbols),
  edges: rising(symbols - 1),
});
const withDifficulty = (states: number, symbols: number) => ({
  ...belief,
  difficulty: chain(states, symbols),
  bandGains: zeros(symbols),
});
const withPace = (states: number, symbols: number, policy = belief) => ({
  ...policy,
  pace: chain(states, symbols),
  paceSeconds: zeros(symbols),
});
const withGrid = (q: number, p: number, m: number) => ({
  ...mdp,
  grid: { q, p, m },
  thresholds: zeros(Math.max(1, m - p + 1)),
});
const withHistory = (history: number) => ({ ...network, history, layers: [denseLayer(history * 2, 10)] });
/** So many layers, all but the last of one neuron. */
const withLayers = (count: number) => ({
  ...network,
  layers: [denseLayer(6, 1), ...Array.from({ length: count - 2 }, () => denseLayer(1, 1)), denseLayer(1, 10)],
});
const withWidth = (width: number) => ({ ...network, layers: [denseLayer(6, width), denseLayer(width, 10)] });

describe.each(KINDS)("a policy of kind %s", (_, policy) => {
  it("is returned as it is", () => {
    expect(check(policy)).toEqual({ ok: true, file: policy });
  });

  it("may be of no model", () => {
    expect(check({ ...policy, model: null })).toMatchObject({ ok: true });
    expect(refusal({ ...policy, model: undefined })).toMatch(/^model: /);
  });

  it("need not say where it comes from, and may say anything", () => {
    expect(check({ ...policy, trainedOn: undefined })).toMatchObject({ ok: true });
    expect(check({ ...policy, trainedOn: { by: ["x", { deep: null }] } })).toMatchObject({ ok: true });
    expect(refusal({ ...policy, trainedOn: "x" })).toMatch(/^trainedOn: /);
  });

  it.each([
    ["policyVersion", 2],
    ["policyVersion", "1"],
    ["policyVersion", undefined],
    ["model", MODEL_HASH.toUpperCase()],
    ["model", "0123"],
    ["kind", "threshold"],
    ["kind", "constructor"],
    ["kind", null],
    ["kind", undefined],
  ])("is refused with the field's name where %s is %j", (path, value) => {
    expect(refusal(changed(policy, path, value))).toMatch(new RegExp(`^${path}: `));
  });

  it("is refused with an unknown field", () => {
    expect(refusal({ ...policy, thresold: 1 })).toContain('"thresold"');
  });

  it("is refused with null in the place of any field", () => {
    const needed = pathsOf(policy).filter((path) => path !== "model" && !path.startsWith("trainedOn."));
    for (const path of needed) expect(refusal(changed(policy, path, null))).toMatch(/^.+: /);
  });

  // JSON has no NaN and no Infinity of its own, but 1e999 is read as one.
  it("is refused with a number that is not finite", () => {
    const numbers = pathsOf(policy).filter((path) => typeof at(policy, path) === "number");
    for (const path of numbers) {
      const text = JSON.stringify(changed(policy, path, "HERE"));
      for (const number of ["1e999", "-1e999", "NaN"]) {
        expect(checkPolicyText(text.replace('"HERE"', number))).toMatchObject({ ok: false });
      }
    }
  });

  it("is never answered by a throw, whichever field is replaced", () => {
    const replaced = fc.property(fc.constantFrom(...pathsOf(policy)), fc.jsonValue(), (path, value) => {
      const outcome = check(changed(policy, path, value));
      if (!outcome.ok) expect(outcome.error).toMatch(/^.+: .+$/u);
    });
    fc.assert(replaced, { seed: 5, numRuns: 500 });
  });
});

/** The value at a path. */
function at(document: unknown, path: string): unknown {
  return path.split(".").reduce((value, name) => (value as Record<string, unknown>)[name], document);
}

describe("defaults", () => {
  it.each([mdp, network])("a time unit of one second, for $kind", (policy) => {
    expect(check({ ...policy, unitSeconds: undefined })).toEqual({ ok: true, file: { ...policy, unitSeconds: 1 } });
  });
});

it.each([
  ["m of p", withGrid(1, 3, 3), withGrid(1, 3, 2), "grid: expected room for one token: m of at least p"],
  ["p", withGrid(1, MAX_GRID_SCALE, 100), withGrid(1, MAX_GRID_SCALE + 1, 101), "grid.p: "],
  ["least p", withGrid(1, 1, 1), withGrid(1, 0, 1), "grid.p: "],
  ["least q", withGrid(1, 2, 4), withGrid(0, 2, 4), "grid.q: "],
  ["m", withGrid(1, 1, MAX_GRID_LEVELS), withGrid(1, 1, MAX_GRID_LEVELS + 1), "grid.m: "],
  ["most seconds", { ...mdp, unitSeconds: 86_400 }, { ...mdp, unitSeconds: 86_400.001 }, "unitSeconds: "],
  ["least seconds", { ...mdp, unitSeconds: 1e-6 }, { ...mdp, unitSeconds: 0.99e-6 }, "unitSeconds: "],
  ["threshold", { ...mdp, thresholds: [-1, 0, 2] }, { ...mdp, thresholds: [-1, 0, 2.001] }, "thresholds.2: "],
  ["least threshold", { ...mdp, thresholds: [-1, 0, 0] }, { ...mdp, thresholds: [-1.001, 0, 0] }, "thresholds.0: "],
  ["history", withHistory(MAX_HISTORY), withHistory(MAX_HISTORY + 1), "history: "],
  ["leak", { ...network, leak: 1 }, { ...network, leak: 1.001 }, "leak: "],
  ["least leak", { ...network, leak: 0 }, { ...network, leak: -0.001 }, "leak: "],
  ["layers", withLayers(16), withLayers(17), "layers: "],
  ["width", withWidth(20_002), withWidth(20_003), "layers.0.outputs: "],
  [
    "difficulty",
    withDifficulty(MAX_TRAFFIC_STATES, 3),
    withDifficulty(MAX_TRAFFIC_STATES + 1, 3),
    "difficulty.states: ",
  ],
  ["bands", withDifficulty(2, MAX_TRAFFIC_BANDS), withDifficulty(2, MAX_TRAFFIC_BANDS + 1), "difficulty.symbols: "],
  [
    "fewest bands",
    withDifficulty(1, 1),
    { ...belief, difficulty: { ...chain(1, 1), symbols: 0 } },
    "difficulty.symbols: ",
  ],
  ["bands of pace", withPace(1, MAX_TRAFFIC_BANDS), withPace(1, MAX_TRAFFIC_BANDS + 1), "pace.symbols: "],
  [
    "work",
    withPace(2, 32, withDifficulty(64, 3)),
    withPace(2, 33, withDifficulty(64, 3)),
    `pace: expected at most ${MAX_TRAFFIC_WORK} steps a level with the states of difficulty, got 16640`,
  ],
  ["gain", { ...belief, bandGains: [-1, 0, 1] }, { ...belief, bandGains: [-1, 0, 1.001] }, "bandGains.2: "],
  ["least pause", { ...belief, paceSeconds: [0, 1] }, { ...belief, paceSeconds: [-0.001, 1] }, "paceSeconds.0: "],
  [
    "rows' sums",
    changed(belief, "pace.emissions", [0.5, 0.5009]),
    changed(belief, "pace.emissions", [0.5, 0.5011]),
    "pace.emissions: expected rows that add up to 1",
  ],
])("takes the limit of %s, and not one more", (_, most, more, error) => {
  expect(check(most)).toMatchObject({ ok: true });
  expect(refusal(more)).toContain(error);
  expect(refusal(more)).toMatch(/^.+$/u);
});

describe("refuses, in one line that names the place,", () => {
  const layer = (index: number, change: object) =>
    changed(network, `layers.${index}`, { ...network.layers[index], ...change });

  it.each([
    ["a threshold too few", { ...mdp, thresholds: [0, 0] }, "thresholds: expected m - p + 1 of them"],
    ["a threshold too many", { ...mdp, thresholds: zeros(4) }, "thresholds: expected m - p + 1 of them"],
    ["no thresholds", { ...mdp, thresholds: [] }, "thresholds: "],
    ["half a level", { ...mdp, grid: { q: 1, p: 2, m: 4.5 } }, "grid.m: "],
    ["a grid of another policy's fields", { ...mdp, grid: { q: 1, p: 2, m: 4, n: 1 } }, "grid: "],
    ["a network of another grid", { ...network, grid: { q: 1, p: 2, m: 5 } }, "layers: expected 12 outputs at the end"],
    ["another history", { ...network, history: 4 }, "layers.0.inputs: expected 8"],
    [
      "layers that do not fit",
      { ...network, layers: [denseLayer(6, 2), denseLayer(3, 10)] },
      "layers.1.inputs: expected 2",
    ],
    ["no layers", { ...network, layers: [] }, "layers: "],
    ["a weight too few", layer(0, { weights: base64Floats(zeros(11)) }), "layers.0.weights: expected 12 float32"],
    ["a weight too many", layer(0, { weights: base64Floats(zeros(13)) }), "layers.0.weights: expected 12 float32"],
    ["a bias too many", layer(1, { bias: base64Floats(zeros(11)) }), "layers.1.bias: expected 10 float32"],
    ["a byte too few", layer(0, { bias: Buffer.alloc(7).toString("base64") }), "layers.0.bias: expected 2 float32"],
    ["no base64", layer(0, { bias: "AAAAAAAAAA*=" }), "layers.0.bias: "],
    ["base64 of web addresses", layer(0, { bias: "____________" }), "layers.0.bias: "],
    ["base64 with line breaks", layer(0, { bias: "AAAA\nAAAAAAA=" }), "layers.0.bias: "],
    ["a scale without spread", changed(network, "metric.deviation", 0), "metric.deviation: "],
    [
      "intervals that nobody sees",
      { ...network, usesIntervals: false },
      "interval: expected one exactly where usesIntervals is true",
    ],
    [
      "intervals without a scale",
      { ...network, interval: null },
      "interval: expected one exactly where usesIntervals is true",
    ],
    [
      "a transition too few",
      changed(belief, "difficulty.transitions", [0.5, 0.5, 1]),
      "difficulty.transitions: expected rows",
    ],
    [
      "rows that add up in all only",
      changed(belief, "difficulty.transitions", [1, 0.5, 0, 0.5]),
      "difficulty.transitions: expected rows",
    ],
    [
      "emissions of too few bands",
      changed(belief, "difficulty.emissions", even(2, 2)),
      "difficulty.emissions: expected rows",
    ],
    ["a probability above 1", changed(belief, "pace.emissions", [1.5, -0.5]), "pace.emissions.0: "],
    ["edges that fall", changed(belief, "difficulty.edges", [0.3, 0.1]), "difficulty.edges: expected rising numbers"],
    ["edges that stay", changed(belief, "difficulty.edges", [0.1, 0.1]), "difficulty.edges: expected rising numbers"],
    [
      "an edge too many",
      changed(belief, "pace.edges", [1, 2]),
      "pace.edges: expected rising numbers, one fewer than symbols",
    ],
    ["a gain too few", { ...belief, bandGains: [0, 0] }, "bandGains: expected one for each symbol"],
    ["an interval too many", { ...belief, paceSeconds: [1, 2, 3] }, "paceSeconds: expected one for each symbol"],
    ["a gain table of no rows", changed(belief, "gain", { metrics: [], gains: [] }), "gain.metrics: "],
    [
      "a gain table of two lengths",
      changed(belief, "gain.gains", [0, 0.5]),
      "gain: expected rising metrics with as many rising gains",
    ],
    ["gains that fall", changed(belief, "gain.gains", [0, 0.5, 0.4]), "gain: expected rising metrics"],
    ["metrics that stay", changed(belief, "gain.metrics", [0, 0.5, 0.5]), "gain: expected rising metrics"],
  ])("%s", (_, policy, error) => {
    expect(refusal(policy)).toContain(error);
  });

  it.each(["", "{", "null", "[]", "3", "\ufeff{}", "[".repeat(100_000)])("the text %.20j", (text) => {
    expect(checkPolicyText(text)).toMatchObject({ ok: false });
  });
});

describe("the most bytes", () => {
  it("are taken, and not one more, of whatever characters", () => {
    const text = JSON.stringify({ ...mdp, trainedOn: { by: "é" } });
    const bytes = new TextEncoder().encode(text).byteLength;
    expect(bytes).toBe(text.length + 1);
    expect(checkPolicyText(text + " ".repeat(MAX_POLICY_BYTES - bytes)).ok).toBe(true);
    expect(checkPolicyText(text + " ".repeat(MAX_POLICY_BYTES - bytes + 1))).toEqual({
      ok: false,
      error: "expected at most 4194304 bytes, got 4194305",
    });
  });

  it("hold the published network for 5,800 levels", () => {
    const widths = [192, 64, 64, 64, 64, 64, (5800 + 1) * 2];
    const layers = widths.slice(1).map((outputs, index) => denseLayer(widths[index], outputs));
    const policy = { ...network, grid: { q: 1, p: 58, m: 5800 }, history: 96, layers };
    expect(check(policy)).toMatchObject({ ok: true });
  });
});

it("puts a policy under the SHA-256 of its text", () => {
  expect(policyKeyOf(MODEL_HASH)).toBe(`policy:${MODEL_HASH}`);
});
