// Our own policy: thresholds that follow from tokens and traffic, for every bucket and every image there may be.
import { serialize } from "node:v8";
import { type BucketOptions, WHOLE_TOKEN } from "@spillway/shared/bucket/token-bucket";
import { tokenGrid } from "@spillway/shared/bucket/token-grid";
import { beliefParameters, decideByBelief, MAX_PRICED_TOKENS, priceGrid } from "@spillway/shared/policy/belief";
import { decideByMdp } from "@spillway/shared/policy/mdp";
import { believe, initialBelief, type TrafficBelief, type TrafficModel } from "@spillway/shared/policy/traffic-model";
import { NEVER_THRESHOLD, solveThresholds } from "@spillway/shared/policy/value-iteration";
import { mulberry32 } from "@spillway/shared/random/mulberry32";
import { describe, expect, it } from "vitest";

const BANDS = 20;
/** Metrics evenly from 0 to 1, and a gain that is the metric. */
const bands = (count = BANDS) => ({
  bandEdges: Float64Array.from({ length: count - 1 }, (_, at) => (at + 1) / count),
  bandGains: Float64Array.from({ length: count }, (_, at) => (at + 0.5) / count),
  gain: { metrics: Float64Array.of(0, 1), gains: Float64Array.of(0, 1) },
});

const stay = (states: number, share: number) =>
  Float64Array.from({ length: states * states }, (_, at) =>
    at % (states + 1) === 0 ? share + (1 - share) / states : (1 - share) / states,
  );

/** States that last, and show the bands about their own place. */
function trafficOf(difficultyStates: number, paceStates: number): TrafficModel {
  const emissions = Float64Array.from({ length: difficultyStates * BANDS }, (_, at) => {
    const distance = ((at % BANDS) + 0.5) / BANDS - (Math.floor(at / BANDS) + 0.5) / difficultyStates;
    return Math.exp(-8 * distance ** 2);
  });
  for (let row = 0; row < emissions.length; row += BANDS) {
    const sum = emissions.subarray(row, row + BANDS).reduce((total, value) => total + value, 0);
    for (let at = row; at < row + BANDS; at++) emissions[at] /= sum;
  }
  return {
    difficulty: {
      states: difficultyStates,
      symbols: BANDS,
      transitions: stay(difficultyStates, 0.95),
      emissions: difficultyStates === 1 ? new Float64Array(BANDS).fill(1 / BANDS) : emissions,
    },
    ...bands(),
    pace: {
      states: paceStates,
      symbols: paceStates,
      transitions: stay(paceStates, 0.99),
      emissions: stay(paceStates, 0.9),
    },
    paceEdges: Float64Array.from({ length: paceStates - 1 }, (_, at) => 2 * at + 2),
    paceSeconds: Float64Array.from({ length: paceStates }, (_, at) => 2 * at + 1),
  };
}

const independent = trafficOf(1, 1);
const lasting = trafficOf(4, 2);
const start = (traffic: TrafficModel): TrafficBelief => initialBelief(traffic);

/** The threshold at so many tokens, in this belief. */
function thresholdAt(parameters: ReturnType<typeof beliefParameters>, tokens: number, metric = 0.5, state = null) {
  return decideByBelief({ metric, tokens, elapsedSeconds: null }, state, parameters).threshold as number;
}

describe("decideByBelief", () => {
  it("compares with what it reports, hands its belief on, and changes nothing that it is given", () => {
    const parameters = beliefParameters(lasting, { rate: 0.2, depth: 4 });
    const copy = structuredClone(parameters);
    const random = mulberry32(3);
    let state: TrafficBelief | null = null;
    for (let image = 0; image < 2000; image++) {
      const observation = {
        metric: random(),
        tokens: 4 * random(),
        elapsedSeconds: image === 0 ? null : [1, 3][image & 1],
      };
      const [given, before] = [{ ...observation }, structuredClone(state)];
      const decision = decideByBelief(observation, state, parameters);
      expect(decision.offload).toBe(observation.metric >= (decision.threshold as number));
      expect([observation, state]).toEqual([given, before]);
      expect(decideByBelief(observation, state, parameters)).toEqual(decision);
      state = decision.state;
    }
    expect(parameters).toEqual(copy);
  });

  it("hands on what it believes after each image", () => {
    const parameters = beliefParameters(lasting, { rate: 0.2, depth: 4 });
    let [state, believed] = [null as TrafficBelief | null, start(lasting)];
    for (const [image, metric] of [0.9, 0.1, 0.5, 0.95, 0.99, 0.02].entries()) {
      const elapsedSeconds = image === 0 ? null : 1 + 2 * (image & 1);
      believed = believe(lasting, believed, metric, elapsedSeconds);
      state = decideByBelief({ metric, tokens: 2, elapsedSeconds }, state, parameters).state;
      expect(state).toEqual(believed);
    }
  });

  it("begins where the traffic is in the long run", () => {
    const parameters = beliefParameters(lasting, { rate: 0.2, depth: 4 });
    const observation = { metric: 0.9, tokens: 2, elapsedSeconds: null };
    expect(decideByBelief(observation, null, parameters)).toEqual(
      decideByBelief(observation, start(lasting), parameters),
    );
  });

  it("asks less the more tokens there are", () => {
    for (const traffic of [independent, lasting]) {
      const parameters = beliefParameters(traffic, { rate: 0.25, depth: 5 });
      const thresholds = Array.from({ length: 17 }, (_, quarter) => thresholdAt(parameters, 1 + quarter / 4));
      for (let at = 1; at < thresholds.length; at++) expect(thresholds[at]).toBeLessThanOrEqual(thresholds[at - 1]);
      expect(thresholds[16]).toBeLessThan(thresholds[0] - 0.1);
      // Without a whole token it answers as with one, above the depth as with a full bucket.
      expect([0, 0.5].map((tokens) => thresholdAt(parameters, tokens))).toEqual([thresholds[0], thresholds[0]]);
      expect(thresholdAt(parameters, 6)).toBe(thresholds[16]);
    }
  });

  it("asks what the MDP asks where images are independent of each other", () => {
    const bucket = { rate: 0.25, depth: 3 };
    const images = 4000;
    const metrics = Float64Array.from({ length: images }, (_, image) => (image + 0.5) / images);
    const grid = tokenGrid(bucket.rate, bucket.depth);
    const thresholds = solveThresholds({ metrics, rewards: metrics }, grid, [{ units: 1, share: 1 }], {
      settle: "values",
      tolerance: 1e-9,
    });
    const parameters = beliefParameters(independent, bucket, { tolerance: 1e-9 });
    for (let quarter = 4; quarter <= 12; quarter++) {
      const observation = { metric: 0.5, tokens: quarter / 4, elapsedSeconds: 1 };
      const mdp = decideByMdp(observation, null, { kind: "mdp", grid, thresholds }).threshold as number;
      // As far as bands of a twentieth tell.
      expect(Math.abs(thresholdAt(parameters, quarter / 4) - mdp)).toBeLessThan(0.02);
    }
  });

  it("asks more while images are difficult, and less after many easy ones", () => {
    const parameters = beliefParameters(lasting, { rate: 0.25, depth: 4 });
    const thresholdAfter = (metric: number) => {
      let state: TrafficBelief | null = null;
      for (let image = 0; image < 10; image++) {
        const observation = { metric, tokens: 2, elapsedSeconds: image === 0 ? null : 1 };
        state = decideByBelief(observation, state, parameters).state;
      }
      return decideByBelief({ metric, tokens: 2, elapsedSeconds: 1 }, state, parameters).threshold as number;
    };
    expect(thresholdAfter(0.95)).toBeGreaterThan(thresholdAfter(0.05) + 0.1);
  });

  it("asks less while images are slow to come", () => {
    const parameters = beliefParameters(trafficOf(1, 2), { rate: 0.1, depth: 4 });
    const thresholdAfter = (seconds: number) => {
      let state: TrafficBelief | null = null;
      for (let image = 0; image < 10; image++) {
        state = decideByBelief({ metric: 0.5, tokens: 2, elapsedSeconds: seconds }, state, parameters).state;
      }
      return decideByBelief({ metric: 0.5, tokens: 2, elapsedSeconds: seconds }, state, parameters).threshold as number;
    };
    expect(thresholdAfter(3)).toBeLessThan(thresholdAfter(1) - 0.05);
  });

  it.each([0, 1e-9, 2, 4, 1e9, Number.MAX_VALUE])("stands intervals that it has not learnt: %d s", (elapsedSeconds) => {
    const parameters = beliefParameters(lasting, { rate: 0.25, depth: 4 });
    let state: TrafficBelief | null = null;
    for (let image = 0; image < 300; image++) {
      const { threshold, state: next } = decideByBelief({ metric: 0.3, tokens: 2, elapsedSeconds }, state, parameters);
      expect(threshold).toBeGreaterThanOrEqual(-1);
      expect(threshold).toBeLessThanOrEqual(2);
      for (const belief of [next.difficulty, next.pace]) {
        expect(belief.reduce((sum, value) => sum + value, 0)).toBeCloseTo(1, 9);
      }
      state = next;
    }
  });

  it.each([-1, 1, -7, 7])("stands a metric of %d", (metric) => {
    const parameters = beliefParameters(lasting, { rate: 0.25, depth: 4 });
    const { offload, threshold } = decideByBelief({ metric, tokens: 2, elapsedSeconds: 1 }, null, parameters);
    expect(offload).toBe(metric > 0);
    expect(Number.isFinite(threshold)).toBe(true);
  });

  it("remembers less than 1 kB with as many states as a fit chooses from", () => {
    const parameters = beliefParameters(trafficOf(24, 2), { rate: 0.25, depth: 2 }, { tolerance: 1 });
    const { state } = decideByBelief({ metric: 0.3, tokens: 2, elapsedSeconds: 1 }, null, parameters);
    expect(serialize(state).byteLength).toBeLessThan(1024);
    expect(structuredClone(state)).toEqual(state);
  });
});

describe("beliefParameters", () => {
  it.each<[string, BucketOptions]>([
    ["no new tokens", { rate: 0, depth: 5 }],
    ["one token", { rate: 0.1, depth: 1 }],
    ["less than one token", { rate: 0.1, depth: 0.5 }],
    ["no room", { rate: 0.1, depth: 0 }],
    ["nothing at all", { rate: 0, depth: 0 }],
    ["a million tokens", { rate: 0.1, depth: 1e6 }],
    ["a million tokens a second", { rate: 1e6, depth: 4 }],
    ["the most of both", { rate: 1e6, depth: 1e6 }],
    ["hardly any tokens", { rate: 1e-6, depth: 3 }],
    ["a fraction of everything", { rate: 0.123456, depth: 2.345678 }],
  ])("has a threshold from -1 to 2 at every level: %s", (_, bucket) => {
    const parameters = beliefParameters(trafficOf(3, 2), bucket);
    for (const tokens of [0, 0.5, 1, 1.5, bucket.depth / 2, bucket.depth]) {
      for (const metric of [0, 0.5, 1]) {
        const threshold = thresholdAt(parameters, tokens, metric);
        expect(threshold).toBeGreaterThanOrEqual(-1);
        expect(threshold).toBeLessThanOrEqual(2);
      }
    }
  });

  it("offloads whatever gains when tokens are never short, and the best only when none will come", () => {
    expect(thresholdAt(beliefParameters(independent, { rate: 1e6, depth: 4 }), 4)).toBe(-1);
    expect(thresholdAt(beliefParameters(independent, { rate: 0, depth: 1 }), 1)).toBeGreaterThan(0.9);
  });

  it("offloads nothing that loses, however many tokens there are", () => {
    const losing: TrafficModel = {
      ...independent,
      bandGains: independent.bandGains.map((gain) => gain - 0.5),
      gain: { metrics: Float64Array.of(0, 1), gains: Float64Array.of(-0.5, 0.5) },
    };
    const threshold = thresholdAt(beliefParameters(losing, { rate: 10, depth: 4 }), 4);
    expect(Math.abs(threshold - 0.5)).toBeLessThan(1e-3);
  });

  it.each([
    ["nothing gains", -0.25, NEVER_THRESHOLD],
    ["everything gains alike", 0.25, -1],
  ])("knows one gain for all metrics: %s", (_, gain, threshold) => {
    const flat: TrafficModel = {
      ...independent,
      bandGains: new Float64Array(BANDS).fill(gain),
      gain: { metrics: Float64Array.of(0.5), gains: Float64Array.of(gain) },
    };
    expect(thresholdAt(beliefParameters(flat, { rate: 10, depth: 4 }), 4)).toBe(threshold);
  });
});

describe("priceGrid", () => {
  it.each<[string, number, number, number[], { q: number; p: number; m: number }]>([
    ["a tenth a second", 0.1, 2, [1], { q: 1, p: 10, m: 20 }],
    ["a twentieth, the finest", 0.05, 2, [1], { q: 1, p: 20, m: 40 }],
    ["finer than that", 0.04, 2, [1], { q: 0.8, p: 20, m: 40 }],
    ["whole tokens", 3, 2, [1], { q: 3, p: 1, m: 2 }],
    ["all intervals at once", 0.25, 2, [1, 2, 3], { q: 1, p: 4, m: 8 }],
    ["longer intervals only", 0.25, 2, [2, 4], { q: 0.5, p: 2, m: 4 }],
    ["a depth in halves", 1, 2.5, [1], { q: 2, p: 2, m: 5 }],
    ["a depth in tenths but for rounding", 0.1, 0.7 + 0.6, [1], { q: 1, p: 10, m: 13 }],
    ["a depth of no such kind", 1, 2.03, [1], { q: 20, p: 20, m: 40 }],
    ["ten tokens, which 20 levels each fit", 0.05, 10, [1], { q: 1, p: 20, m: 200 }],
    ["one more, which they do not", 0.05, 11, [1], { q: 0.9, p: 18, m: 198 }],
    ["as many tokens as are priced", 0.3, MAX_PRICED_TOKENS, [1], { q: 0.6, p: 2, m: 200 }],
    ["one more", 0.3, MAX_PRICED_TOKENS + 1, [1], { q: 0.6, p: 2, m: 200 }],
    ["far more", 0.3, 1e9, [1], { q: 0.6, p: 2, m: 200 }],
    ["one token", 0.5, 1, [1], { q: 1, p: 2, m: 2 }],
    ["one token but for rounding", 0.5, WHOLE_TOKEN, [1], { q: 1, p: 2, m: 2 }],
    ["less than one", 0.5, 0.25, [1], { q: 1, p: 2, m: 2 }],
    ["no room", 0.5, 0, [1], { q: 1, p: 2, m: 2 }],
    ["no new tokens", 0, 2, [1], { q: 0, p: 1, m: 2 }],
    ["no time between images", 0.1, 2, [0], { q: 0.1, p: 1, m: 2 }],
  ])("has as few levels as will do, within limits: %s", (_, rate, depth, seconds, grid) => {
    const { q, p, m } = priceGrid({ rate, depth }, Float64Array.from(seconds));
    expect({ p, m }).toEqual({ p: grid.p, m: grid.m });
    expect(q).toBeCloseTo(grid.q, 12);
  });
});
