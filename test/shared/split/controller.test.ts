// The controller: why it decides as it does, and that its plan is the best of all plans.

import { mulberry32 } from "@spillway/shared/random/mulberry32";
import {
  type ControllerInput,
  type ControllerWeights,
  chooseOption,
  DEFAULT_WEIGHTS,
  onTimeProbability,
  paretoOptions,
  type SendOption,
} from "@spillway/shared/split/controller";
import { planTerms } from "@spillway/shared/split/plan";
import fc from "fast-check";
import { describe, expect, it } from "vitest";

const LEAN: SendOption = { route: "tail", setting: "8x1", bytes: 100, gainShare: 0.4 };
const FULL: SendOption = { route: "tail", setting: "64x4", bytes: 2000, gainShare: 0.9 };
const LARGE: SendOption = { route: "large", setting: null, bytes: 3000, gainShare: 1 };

const INPUT: ControllerInput = {
  options: [LEAN, FULL, LARGE],
  metric: 0.2,
  futureMetrics: [],
  queuedBytes: 0,
  deadlineLeftMs: 100,
  deadlineMs: 100,
  intervalMs: null,
  tokens: 10,
  bucket: { rate: 1, depth: 10 },
  tokenPrice: 0,
  link: { throughput: 100, robustThroughput: 50, latencyMs: { tail: 20, large: 25 }, latencySpreadMs: 0 },
};

const choose = (change: Partial<ControllerInput>, weights?: ControllerWeights) =>
  chooseOption({ ...INPUT, ...change }, weights);

describe("a single request", () => {
  it("takes what gains most where there is time for it", () => {
    // 30 ms of bytes at best, 60 at worst, 25 of latency.
    expect(choose({})).toEqual({ option: LARGE, reason: "offloaded", arrivalMs: 55, onTime: 1 });
    expect(choose({ deadlineLeftMs: null }).option).toBe(LARGE);
  });

  it("takes less where the lower estimate would be late", () => {
    expect(choose({ deadlineLeftMs: 85 }).option).toBe(LARGE);
    expect(choose({ deadlineLeftMs: 60 }).option).toBe(FULL);
    expect(choose({ deadlineLeftMs: 30 }).option).toBe(LEAN);
    expect(choose({ queuedBytes: 20_000 })).toMatchObject({ option: null, reason: "no-time" });
  });

  it("says why it answers at the edge", () => {
    expect(choose({ tokens: 0.5 })).toMatchObject({ option: null, reason: "no-tokens" });
    expect(choose({ deadlineLeftMs: 20 })).toMatchObject({ option: null, reason: "no-time" });
    expect(choose({ deadlineLeftMs: -5 })).toMatchObject({ option: null, reason: "no-time" });
    expect(choose({ metric: 0 })).toMatchObject({ option: null, reason: "not-worth-it" });
    expect(choose({ metric: -0.1 })).toMatchObject({ option: null, reason: "not-worth-it" });
    expect(choose({ tokenPrice: 0.2 })).toMatchObject({ option: null, reason: "not-worth-it" });
    expect(choose({ options: [] })).toMatchObject({ option: null, reason: "not-worth-it" });
    expect(choose({ bucket: { rate: 1, depth: 0.9 } })).toMatchObject({ option: null, reason: "no-tokens" });
  });

  it("counts a latency that is known better than by the link", () => {
    expect(choose({ options: [{ ...LARGE, latencyMs: 90 }] })).toMatchObject({ reason: "no-time" });
    expect(choose({ options: [{ ...LARGE, latencyMs: 0 }], deadlineLeftMs: 60 }).arrivalMs).toBe(30);
  });
});

describe("the probability to be in time", () => {
  const { link } = INPUT;
  it("is certain by the lower estimate, even by the plain one, and none as far beyond", () => {
    expect(onTimeProbability(30, 55, 85, link)).toBe(1);
    expect(onTimeProbability(30, 55, 55, link)).toBe(0.5);
    expect(onTimeProbability(30, 55, 70, link)).toBe(0.75);
    expect(onTimeProbability(30, 55, 25, link)).toBe(0);
    expect(onTimeProbability(30, 55, null, link)).toBe(1);
  });

  it("is a step where nothing is in doubt", () => {
    const sure = { ...link, robustThroughput: 100 };
    expect(onTimeProbability(30, 55, 55, sure)).toBe(1);
    expect(onTimeProbability(30, 55, 54.999, sure)).toBe(0);
  });
});

describe("options that another beats", () => {
  it("are left out, the leanest first", () => {
    const beaten = { ...FULL, setting: "32x8", bytes: 2500, gainShare: 0.85 };
    expect(paretoOptions([LARGE, beaten, FULL, LEAN])).toEqual([LEAN, FULL, LARGE]);
    expect(paretoOptions([LEAN, { ...LEAN, setting: "same" }])).toEqual([LEAN]);
    expect(paretoOptions([{ ...LEAN, gainShare: 0 }])).toEqual([]);
  });

  it("of another route are compared only where latencies are known", () => {
    const raw = { ...FULL, setting: "64x8", bytes: 4000, gainShare: 0.95 };
    expect(paretoOptions([raw, LARGE])).toEqual([LARGE, raw]);
    expect(paretoOptions([raw, LARGE], { tail: 20, large: 25 })).toEqual([LARGE, raw]);
    expect(paretoOptions([raw, LARGE], { tail: 25, large: 25 })).toEqual([LARGE]);
  });
});

describe("frames to come", () => {
  const stream = { intervalMs: 10, futureMetrics: [0.2], deadlineMs: 100 };
  it("leave the link to an image that is worth more", () => {
    // Each 10 ms carry 1,000 bytes: the whole image takes what three frames have.
    expect(choose({ ...stream, metric: 0.01 }).option).not.toBe(LARGE);
    expect(choose({ ...stream, metric: 0.9 }).option).toBe(LARGE);
    expect(choose({ ...stream, metric: 0.01, futureMetrics: [0.0001] }).option).toBe(LARGE);
  });

  it("cost nothing where the link is empty again before they come", () => {
    for (const metric of [0.001, 0.1, 1]) expect(choose({ ...stream, intervalMs: 1000, metric }).option).toBe(LARGE);
  });

  it("take the last token only where this frame is not worth it more", () => {
    const scarce = { ...stream, intervalMs: 1000, deadlineMs: 100, tokens: 1, bucket: { rate: 0, depth: 5 } };
    expect(choose({ ...scarce, metric: 0.1, futureMetrics: [0.3] })).toMatchObject({ reason: "not-worth-it" });
    expect(choose({ ...scarce, metric: 0.3, futureMetrics: [0.1] }).option).toBe(LARGE);
    // A token a second: there is one for each.
    expect(choose({ ...scarce, bucket: { rate: 1, depth: 5 }, metric: 0.1, futureMetrics: [0.3] }).option).toBe(LARGE);
  });

  it("do not stop a decision, whatever the numbers are", () => {
    const positive = fc.double({ min: 1e-6, max: 1e7, noNaN: true });
    fc.assert(
      fc.property(
        positive,
        positive,
        positive,
        fc.double({ min: -1, max: 1, noNaN: true }),
        positive,
        (a, b, c, m, d) => {
          const link = {
            throughput: a,
            robustThroughput: Math.min(a, b),
            latencyMs: { tail: c, large: d },
            latencySpreadMs: c,
          };
          const decision = choose({ link, intervalMs: d, deadlineMs: b, deadlineLeftMs: c, metric: m, queuedBytes: d });
          expect(["offloaded", "no-time", "not-worth-it"]).toContain(decision.reason);
          expect(decision.option === null || decision.onTime !== null).toBe(true);
        },
      ),
      { numRuns: 500 },
    );
  });
});

describe("the plan", () => {
  it("is as good as the best of all sequences of actions, over thousands of instances", () => {
    const random = mulberry32(61);
    let tight = 0;
    for (let instance = 0; instance < 3000; instance++) {
      const { input, weights } = randomInstance(random);
      const decision = chooseOption(input, weights);
      const values = [null, ...input.options].map((option) => bestSequence(input, weights, option));
      const most = Math.max(...values);
      const chosen = values[decision.option === null ? 0 : 1 + input.options.indexOf(decision.option)];
      expect(chosen, `instance ${instance}`).toBeCloseTo(most, 9);
      if (values.filter((value) => value > most - 1e-3).length < values.length) tight += 1;
    }
    // Nearly all instances can tell a wrong choice.
    expect(tight).toBeGreaterThan(2500);
  });

  it("is the best policy where metrics to come are drawn", () => {
    const random = mulberry32(62);
    for (let instance = 0; instance < 300; instance++) {
      const { input, weights } = randomInstance(random, 3);
      const decision = chooseOption(input, { ...weights, horizon: 3 });
      const values = [null, ...input.options].map((option) => bestSequence(input, { ...weights, horizon: 3 }, option));
      const chosen = values[decision.option === null ? 0 : 1 + input.options.indexOf(decision.option)];
      expect(chosen).toBeCloseTo(Math.max(...values), 9);
    }
  });

  it("ends with a price at which frames to come fill the link and no more", () => {
    const random = mulberry32(63);
    for (let instance = 0; instance < 400; instance++) {
      const { input: drawn, weights } = randomInstance(random, 4);
      // A policy may offload at a loss: then a token is worth less than nothing.
      const input = instance % 2 === 0 ? drawn : { ...drawn, tokenPrice: -random() };
      const { options, metrics, price } = planTerms(input, input.intervalMs as number, weights);
      const taken = (at: number) =>
        metrics.reduce((sum, metric) => {
          const worth = options.map(
            ({ gain, cost, ticks, transferMs }) => metric * gain[ticks] + cost[ticks] - at * transferMs,
          );
          const most = Math.max(0, ...worth);
          return sum + (most === 0 ? 0 : options[worth.indexOf(most)].transferMs);
        }, 0) / metrics.length;
      expect(taken(price * (1 + 1e-6))).toBeLessThanOrEqual((input.intervalMs as number) + 1e-9);
      if (price > 0) expect(taken(price * (1 - 1e-5) - 1e-7)).toBeGreaterThan(input.intervalMs as number);
    }
  });
});

function randomInstance(random: () => number, metrics = 1): { input: ControllerInput; weights: ControllerWeights } {
  const between = (low: number, high: number) => low + random() * (high - low);
  const count = 1 + Math.floor(random() * 3);
  const options = Array.from({ length: count }, (_, index): SendOption => {
    return {
      route: random() < 0.7 ? "tail" : "large",
      setting: String(index),
      bytes: between(40, 3000),
      gainShare: between(0.1, 1),
    };
  });
  const throughput = between(20, 300);
  const isScarce = random() < 0.5;
  const input: ControllerInput = {
    options,
    metric: between(0, 0.4),
    futureMetrics: Array.from({ length: metrics }, () => between(0, 0.4)),
    queuedBytes: random() < 0.5 ? 0 : between(0, 4000),
    deadlineLeftMs: between(20, 200),
    deadlineMs: between(20, 200),
    intervalMs: between(4, 60),
    tokens: isScarce ? between(1, 3.5) : 20,
    bucket: isScarce ? { rate: between(0, 40), depth: between(1, 4) } : { rate: 100, depth: 20 },
    tokenPrice: random() < 0.5 ? 0 : between(0, 0.1),
    link: {
      throughput,
      robustThroughput: throughput * between(0.3, 1),
      latencyMs: { tail: between(5, 30), large: between(5, 40) },
      latencySpreadMs: between(0, 5),
    },
  };
  if (isScarce) input.tokens = Math.min(input.tokens, input.bucket.depth);
  return { input, weights: { horizon: 2 + Math.floor(random() * 3), missPenalty: between(0, 0.3) } };
}

/** The most that any actions after `first` can add up to; straight from the recursion's definition. */
function bestSequence(input: ControllerInput, weights: ControllerWeights, first: SendOption | null): number {
  const { link, intervalMs, bucket, deadlineLeftMs, deadlineMs, tokenPrice, options } = input;
  const { grid, metrics, price } = planTerms(input, intervalMs as number, weights);
  const ticksOf = (ms: number) => Math.ceil(ms / grid.tickMs - 1e-9);
  const worth = (metric: number, option: SendOption, linkMs: number, deadline: number | null) => {
    const onTime = onTimeProbability(linkMs, linkMs + link.latencyMs[option.route], deadline, link);
    return onTime * option.gainShare * metric - (1 - onTime) * weights.missPenalty - tokenPrice;
  };
  const refill = (tokens: number) => Math.min(tokens + ((intervalMs as number) / 1000) * bucket.rate, bucket.depth);
  const after = (queue: number) => Math.max(0, queue - grid.intervalTicks);
  const best = (step: number, queue: number, tokens: number): number => {
    if (step === weights.horizon) return -price * queue * grid.tickMs;
    const values = metrics.map((metric) => {
      let most = best(step + 1, after(queue), refill(tokens));
      if (tokens < 1 - 1e-9) return most;
      for (const option of options) {
        const total = queue + ticksOf(option.bytes / link.throughput);
        // Beyond the grid nothing is in time.
        if (total >= grid.ticks) continue;
        const value = worth(metric, option, total * grid.tickMs, deadlineMs);
        most = Math.max(most, value + best(step + 1, after(total), refill(tokens - 1)));
      }
      return most;
    });
    return values.reduce((sum, value) => sum + value, 0) / values.length;
  };
  const linkMs = (input.queuedBytes + (first?.bytes ?? 0)) / link.throughput;
  const queue = Math.min(ticksOf(Math.max(0, linkMs - (intervalMs as number))), grid.ticks - 1);
  const spent = first === null ? 0 : 1;
  const now = first === null ? 0 : worth(input.metric, first, linkMs, deadlineLeftMs);
  // What is worth nothing by itself is never sent.
  if (first !== null && now <= 0) return Number.NEGATIVE_INFINITY;
  return now + best(1, queue, refill(input.tokens - spent));
}

it("plans five frames unless told otherwise", () => {
  expect(DEFAULT_WEIGHTS).toEqual({ horizon: 5, missPenalty: 0.1 });
});
