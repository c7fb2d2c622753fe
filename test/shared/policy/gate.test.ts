import { WHOLE_TOKEN } from "@spillway/shared/bucket/token-bucket";
import type { BeliefParameters } from "@spillway/shared/policy/belief";
import { beliefParameters } from "@spillway/shared/policy/belief";
import { decide, type PolicyParameters } from "@spillway/shared/policy/decide";
import {
  type ChooseSend,
  decideAtGate,
  forgettableAtMs,
  type GatePolicy,
  type GateState,
  HISTORY_KEPT_MS,
  type SeenImage,
  seenAtGate,
  withoutForgotten,
} from "@spillway/shared/policy/gate";
import type { QNetworkParameters } from "@spillway/shared/policy/q-network";
import type { TrafficModel } from "@spillway/shared/policy/traffic-model";
import { mulberry32 } from "@spillway/shared/random/mulberry32";
import type { SendOption } from "@spillway/shared/split/controller";
import fc from "fast-check";
import { describe, expect, it, test } from "vitest";

const SEED = { seed: 5, numRuns: 200 };
const START_MS = 1_700_000_000_000;

const THRESHOLD: GatePolicy = { parameters: { kind: "threshold", threshold: 0.2 }, identity: "threshold" };
const BELIEF: GatePolicy = { parameters: beliefParameters(trafficOf(2, 2), { rate: 0.2, depth: 3 }), identity: "a" };
const Q_NETWORK: GatePolicy = { parameters: qNetworkOf(8), identity: "b" };

/** A model of so many states, each of which mostly shows a symbol of its own. */
function trafficOf(difficultyStates: number, paceStates: number): TrafficModel {
  const rising = (length: number, step: number) => Float64Array.from({ length }, (_, at) => (at + 1) * step);
  return {
    difficulty: chainOf(difficultyStates),
    bandEdges: rising(difficultyStates - 1, 1 / difficultyStates),
    bandGains: rising(difficultyStates, 0.9 / difficultyStates),
    pace: chainOf(paceStates),
    paceEdges: rising(paceStates - 1, 2),
    paceSeconds: rising(paceStates, 2),
    gain: { metrics: Float64Array.of(0, 1), gains: Float64Array.of(0, 1) },
  };
}

function chainOf(states: number) {
  const matrix = new Float64Array(states * states).fill(0.2 / states);
  for (let state = 0; state < states; state++) matrix[state * (states + 1)] += 0.8;
  return { states, symbols: states, transitions: matrix, emissions: matrix.slice() };
}

function qNetworkOf(history: number): QNetworkParameters {
  const random = mulberry32(1);
  const floats = (length: number) => Float32Array.from({ length }, () => random() - 0.5);
  const layers = [
    { inputs: 2 * history, outputs: 4, weights: floats(8 * history), bias: floats(4) },
    { inputs: 4, outputs: 8, weights: floats(32), bias: floats(8) },
  ];
  const scale = { mean: 0.3, deviation: 0.2 };
  const grid = { q: 1, p: 1, m: 3 };
  return { kind: "q-network", grid, unitSeconds: 1, history, metric: scale, interval: scale, leak: 0.1, layers };
}

const options = fc.record({
  rate: fc.oneof(fc.constant(0), fc.double({ min: 0, max: 50, noNaN: true })),
  depth: fc.oneof(fc.constantFrom(0, 0.5, 1), fc.double({ min: 0, max: 30, noNaN: true })),
});
const image = fc.record({
  metric: fc.double({ min: -1, max: 1, noNaN: true }),
  atMs: fc.integer({ min: START_MS - 1e6, max: START_MS + 1e6 }),
});
const SENT: SendOption = { route: "tail", setting: "2x1", bytes: 60, gainShare: 0.5 };
const chosen = { option: SENT, reason: "offloaded", arrivalMs: 20, onTime: 1 } as const;
const kept = (reason: "no-time" | "not-worth-it" | "no-tokens") => {
  return { option: null, reason, arrivalMs: null, onTime: null };
};
const call = fc.record({
  nowMs: fc.integer({ min: START_MS, max: START_MS + 100_000 }),
  image: fc.option(image),
  seen: fc.array(image, { maxLength: 5 }),
  options,
  policy: fc.constantFrom(THRESHOLD, BELIEF, Q_NETWORK),
  choice: fc.constantFrom(null, chosen, kept("no-time"), kept("not-worth-it")),
});

type Call = typeof call extends fc.Arbitrary<infer Value> ? Value : never;

function play(before: GateState | null, { nowMs, image, seen, options, policy, choice }: Call) {
  const choose: ChooseSend | null = choice === null ? null : () => choice;
  if (image !== null) return decideAtGate(before, image, seen, policy, options, nowMs, choose);
  return { state: seenAtGate(before, seen, policy, options, nowMs), decision: null };
}

describe("any calls, with any clocks, options and policies", () => {
  test("grant at most rate x time + depth", () => {
    fc.assert(
      fc.property(fc.array(call, { maxLength: 40 }), (calls) => {
        let state: GateState | null = null;
        let [allowance, granted, latestMs] = [0, 0, 0];
        for (const each of calls) {
          const { nowMs, options, policy } = each;
          if (state === null) allowance = options.depth;
          else allowance += (state.bucket.options.rate * Math.max(0, nowMs - latestMs)) / 1000;
          latestMs = Math.max(latestMs, nowMs);
          const after: ReturnType<typeof play> = play(state, each);
          state = after.state;
          if (after.decision?.offload) granted++;
          expect(granted).toBeLessThanOrEqual(allowance + 1e-6);
          expect(state.bucket.tokens).toBeLessThanOrEqual(options.depth);
          if (after.decision === null) continue;
          expect(after.decision.policy).toBe(policy.parameters.kind);
          expect(after.decision.tokens).toBeGreaterThanOrEqual(0);
          expect(after.decision.tokens).toBeLessThanOrEqual(options.depth);
        }
      }),
      SEED,
    );
  });

  test("change nothing that they were given, and what is left can be stored and read again", () => {
    fc.assert(
      fc.property(fc.array(call, { maxLength: 10 }), (calls) => {
        let state: GateState | null = null;
        for (const each of calls) {
          const { seen } = each;
          const before = structuredClone({ state, seen });
          const after: GateState = play(state, each).state;
          expect({ state, seen }).toEqual(before);
          expect(play(before.state, each).state).toEqual(after);
          state = after;
        }
      }),
      SEED,
    );
  });
});

/** Offloads whatever comes, and says no threshold. */
const PRICELESS: GatePolicy = { parameters: alwaysOffloading(), identity: "c" };

function alwaysOffloading(): QNetworkParameters {
  const network = qNetworkOf(8);
  const [first, last] = network.layers;
  const bias = Float32Array.from(last.bias, (_, output) => output % 2);
  return { ...network, layers: [first, { ...last, weights: last.weights.map(() => 0), bias }] };
}

describe("how to send it", () => {
  const bucket = { rate: 0, depth: 3 };
  const worth = { metric: 0.2, atMs: START_MS };
  const decideBy = (choose: ChooseSend | null, image = worth, policy = THRESHOLD, options = bucket) =>
    decideAtGate(null, image, [], policy, options, START_MS, choose);

  it("is asked about what the policy would offload, with what a token is worth", () => {
    const asked: number[] = [];
    const choose: ChooseSend = (tokenPrice) => {
      asked.push(tokenPrice);
      return chosen;
    };
    expect(decideBy(choose).decision).toMatchObject({ offload: true, reason: "offloaded", tokens: 2, option: SENT });
    expect(decideBy(choose, worth, PRICELESS).decision).toMatchObject({ offload: true, threshold: null });
    expect(asked).toEqual([expect.closeTo(0.2, 6), 0]);
    // An image that is worth just the threshold is worth it.
    expect(asked[0]).toBeLessThan(0.2);
  });

  it("is not asked about what the policy keeps, or without a token", () => {
    const never = () => expect.fail("asked");
    expect(decideBy(never, { ...worth, metric: 0.19 }).decision).toMatchObject({
      reason: "not-worth-it",
      option: null,
    });
    const dry = { rate: 1, depth: 0.9 };
    expect(decideBy(never, worth, THRESHOLD, dry).decision).toMatchObject({ reason: "no-tokens", option: null });
  });

  it.each([
    ["no-time", "deadline"],
    ["not-worth-it", "not-worth-it"],
  ] as const)("costs no token when the answer is %s", (answer, reason) => {
    const { decision, state } = decideBy(() => kept(answer));
    expect(decision).toMatchObject({ offload: false, reason, tokens: 3, option: null });
    expect(state.bucket.tokens).toBe(3);
  });

  it("does not matter to the history", () => {
    const without = decideBy(null, worth, BELIEF).state.history;
    for (const choice of [chosen, kept("no-time")]) {
      expect(decideBy(() => choice, worth, BELIEF).state.history).toEqual(without);
    }
  });
});

describe("the history", () => {
  const bucket = { rate: 0, depth: 0 };
  const images: SeenImage[] = [0.9, 0.1, 0.5, 0.2, 0.8].map((metric, at) => ({ metric, atMs: START_MS + at * 1_500 }));
  const nowMs = START_MS + 60_000;

  test.each([BELIEF, Q_NETWORK])("is what the policy alone remembers of these images (%#)", (policy) => {
    const { parameters, identity } = policy;
    let state: ReturnType<typeof decide>["state"] = null;
    for (const [at, { metric }] of images.entries()) {
      state = decide({ metric, tokens: 0, elapsedSeconds: at === 0 ? null : 1.5 }, state, parameters).state;
    }
    const history = { policy: identity, lastAtMs: START_MS + 6_000, state };
    expect(seenAtGate(null, images, policy, bucket, nowMs).history).toEqual(history);
    const asked = decideAtGate(null, images[4], images.slice(0, 4), policy, bucket, nowMs);
    expect(asked.state.history).toEqual(history);
    let called: GateState | null = null;
    for (const image of images) called = decideAtGate(called, image, [], policy, bucket, nowMs).state;
    expect(called?.history).toEqual(history);
  });

  test("orders what was seen by time", () => {
    const shuffled = [images[3], images[0], images[4], images[2], images[1]];
    expect(seenAtGate(null, shuffled, Q_NETWORK, bucket, nowMs)).toEqual(
      seenAtGate(null, images, Q_NETWORK, bucket, nowMs),
    );
  });

  const elapsed = (history: GateState["history"]) => {
    const { intervals } = (history ?? expect.fail("no history")).state as { intervals: Float32Array };
    return Array.from(intervals.slice(-2), (scaled) => scaled * 0.2 + 0.3);
  };

  test("an image from before the latest comes at the same time, and does not turn time back", () => {
    let state = seenAtGate(null, [{ metric: 0.5, atMs: START_MS }], Q_NETWORK, bucket, nowMs);
    state = seenAtGate(state, [{ metric: 0.5, atMs: START_MS - 5_000 }], Q_NETWORK, bucket, nowMs);
    state = seenAtGate(state, [{ metric: 0.5, atMs: START_MS + 1_000 }], Q_NETWORK, bucket, nowMs);
    expect(elapsed(state.history)[0]).toBeCloseTo(0, 6);
    expect(elapsed(state.history)[1]).toBeCloseTo(1, 6);
  });

  test("a Worker's clock that is ahead counts as the gate's", () => {
    const ahead = [{ metric: 0.5, atMs: nowMs + 3_600_000 }];
    const state = seenAtGate(null, ahead, Q_NETWORK, bucket, nowMs);
    expect(state.history?.lastAtMs).toBe(nowMs);
    expect(elapsed(seenAtGate(state, ahead, Q_NETWORK, bucket, nowMs + 2_000).history)[1]).toBeCloseTo(2, 6);
  });

  test("begins anew with another policy, and not with other prices of the same", () => {
    const state = seenAtGate(null, images, BELIEF, bucket, nowMs);
    const later = [{ metric: 0.1, atMs: nowMs }];
    const other = { ...BELIEF, identity: "c" };
    expect(seenAtGate(state, later, other, bucket, nowMs)).toEqual(seenAtGate(null, later, other, bucket, nowMs));
    const prices = beliefParameters(trafficOf(2, 2), { rate: 2, depth: 3 });
    const repriced = seenAtGate(state, later, { ...BELIEF, parameters: prices }, bucket, nowMs);
    expect(repriced).toEqual(seenAtGate(state, later, BELIEF, bucket, nowMs));
  });

  test("is left alone by a policy that has none, which asks for none", () => {
    const state = seenAtGate(null, images, BELIEF, bucket, nowMs);
    const after = decideAtGate(state, images[0], images, THRESHOLD, bucket, nowMs).state;
    expect(after.history).toBe(state.history);
    expect(decideAtGate(null, images[0], images, THRESHOLD, bucket, nowMs).state.history).toBeNull();
  });

  const bytesOf = (state: object) =>
    Object.values(state).reduce((sum: number, each) => sum + (ArrayBuffer.isView(each) ? each.byteLength : 0), 0);
  const storedBytes = (parameters: PolicyParameters) => {
    const { history } = seenAtGate(null, images, { parameters, identity: "d" }, bucket, nowMs);
    return bytesOf(history?.state ?? {});
  };

  test("takes under 1 kB of 24 states, and 768 bytes of the published network's 96 images", () => {
    const prices = (BELIEF.parameters as BeliefParameters).prices;
    const traffic = trafficOf(24, 2);
    const start = { difficulty: new Float64Array(24).fill(1 / 24), pace: new Float64Array(2).fill(1 / 2) };
    const values = new Float64Array(24 * 2 * (prices.grid.m - prices.grid.p + 1));
    expect(storedBytes({ kind: "belief", traffic, start, prices: { ...prices, values } })).toBe(26 * 8);
    expect(storedBytes(qNetworkOf(96))).toBe(96 * 2 * 4);
  });
});

describe("forgetting", () => {
  const bucket = { rate: 2, depth: 4 };
  const { state } = decideAtGate(null, { metric: 1, atMs: START_MS }, [], THRESHOLD, bucket, START_MS);

  it("forgets a bucket when it is full, and not before", () => {
    expect(forgettableAtMs(state)).toBe(START_MS + 500);
    expect(withoutForgotten(state, START_MS + 499)?.bucket.tokens).toBeCloseTo(3.998, 9);
    expect(withoutForgotten(state, START_MS + 500)).toBeNull();
  });

  it("forgets a history when its time is over, and not before", () => {
    const seen = seenAtGate(state, [{ metric: 0.5, atMs: START_MS }], BELIEF, bucket, START_MS);
    expect(forgettableAtMs(seen)).toBe(START_MS + HISTORY_KEPT_MS);
    expect(withoutForgotten(seen, START_MS + HISTORY_KEPT_MS - 1)?.history).toEqual(seen.history);
    expect(withoutForgotten(seen, START_MS + HISTORY_KEPT_MS)).toBeNull();
  });

  it("keeps a bucket that never fills, without its history", () => {
    const never = { rate: 0, depth: 4 };
    const spent = decideAtGate(null, { metric: 1, atMs: START_MS }, [], BELIEF, never, START_MS).state;
    const left = withoutForgotten(spent, START_MS + HISTORY_KEPT_MS);
    expect(left).toMatchObject({ history: null, bucket: { tokens: spent.bucket.tokens } });
    expect(left && forgettableAtMs(left)).toBe(Number.POSITIVE_INFINITY);
  });
});

test("an almost whole token is granted, and what is missing of it is not shown", () => {
  const bucket = { rate: 0, depth: 1 };
  const almost = { bucket: { tokens: WHOLE_TOKEN, updatedAtMs: START_MS, options: bucket }, history: null };
  const asked = decideAtGate(almost, { metric: 1, atMs: START_MS }, [], THRESHOLD, bucket, START_MS);
  expect(asked.decision).toMatchObject({ offload: true, reason: "offloaded", tokens: 0 });
  expect(asked.state.bucket.tokens).toBeLessThan(0);
});
