import {
  cutBetween,
  jointThresholds,
  type Prices,
  quantileThresholds,
} from "@spillway/shared/offload/joint-thresholds";
import {
  CLOSED,
  OFFLOAD_NOTHING,
  OFFLOAD_UNDECIDED,
  performanceOf,
  type SystemCosts,
  type SystemOutcomes,
  type Thresholds,
} from "@spillway/shared/offload/system-outcomes";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { anyCosts, anySystem, systemOf } from "./systems.ts";

const SEED = { seed: 13, numRuns: 200 };
const anyPrices: fc.Arbitrary<Prices> = fc.record({
  perMs: fc.constantFrom(0, 0.001, 0.01, 0.1),
  perOffload: fc.constantFrom(0, 0.05, 0.3, 1),
});
const anyProblem = fc.tuple(anySystem(2, 12), anyCosts(2), anyPrices);

function worthOf(outcomes: SystemOutcomes, costs: SystemCosts, prices: Prices, thresholds: Thresholds): number {
  const { accuracy, meanLatencyMs, offloadRate } = performanceOf(outcomes, costs, thresholds);
  return accuracy - prices.perMs * meanLatencyMs - prices.perOffload * offloadRate;
}

/** Every way to part the rows by a threshold, one number for each. */
function exitCuts(outcomes: SystemOutcomes, exit: number): number[] {
  return [...new Set(outcomes.exits[exit].confidence), CLOSED];
}

function offloadCuts(outcomes: SystemOutcomes): number[] {
  return [...new Set([...outcomes.vote.metric, OFFLOAD_NOTHING])];
}

/** The same thresholds with one of them moved, in all ways there are. */
function neighbours(outcomes: SystemOutcomes, { exits, offload }: Thresholds): Thresholds[] {
  const moved = exits.flatMap((_, exit) =>
    exitCuts(outcomes, exit).map((cut) => ({ exits: exits.with(exit, cut), offload })),
  );
  return [...moved, ...offloadCuts(outcomes).map((cut) => ({ exits, offload: cut }))];
}

function everyCombination(outcomes: SystemOutcomes): Thresholds[] {
  return exitCuts(outcomes, 0).flatMap((first) =>
    exitCuts(outcomes, 1).flatMap((second) =>
      offloadCuts(outcomes).map((offload) => ({ exits: [first, second], offload })),
    ),
  );
}

describe("jointThresholds", () => {
  it("is never worse than closing every exit, sending all or nothing", () => {
    fc.assert(
      fc.property(anyProblem, ([outcomes, costs, prices]) => {
        const worth = worthOf(outcomes, costs, prices, jointThresholds(outcomes, costs, prices));
        for (const offload of [OFFLOAD_UNDECIDED, OFFLOAD_NOTHING]) {
          const closed = worthOf(outcomes, costs, prices, { exits: [CLOSED, CLOSED], offload });
          expect(worth).toBeGreaterThanOrEqual(closed - 1e-9);
        }
      }),
      SEED,
    );
  });

  it("is never worse than where it starts", () => {
    const anyStart = fc.record({
      exits: fc.tuple(fc.constantFrom(0, 0.5, 0.75), fc.constantFrom(0.25, 1, CLOSED)).map((exits): number[] => exits),
      offload: fc.constantFrom(OFFLOAD_UNDECIDED, 0.25, OFFLOAD_NOTHING),
    });
    fc.assert(
      fc.property(anyProblem, anyStart, ([outcomes, costs, prices], start) => {
        const kept = structuredClone(start);
        const found = jointThresholds(outcomes, costs, prices, start);
        const gained = worthOf(outcomes, costs, prices, found) - worthOf(outcomes, costs, prices, start);
        expect(gained).toBeGreaterThanOrEqual(-1e-9);
        expect(start).toEqual(kept);
      }),
      SEED,
    );
  });

  it("stops where no threshold alone could do better", () => {
    fc.assert(
      fc.property(anyProblem, ([outcomes, costs, prices]) => {
        const found = jointThresholds(outcomes, costs, prices);
        const worth = worthOf(outcomes, costs, prices, found);
        for (const moved of neighbours(outcomes, found)) {
          expect(worthOf(outcomes, costs, prices, moved)).toBeLessThanOrEqual(worth + 1e-9);
        }
      }),
      SEED,
    );
  });

  it("finds the best of all combinations in more than nine tenths of small systems", () => {
    const problems = fc.sample(anyProblem, { seed: 14, numRuns: 300 });
    const isBest = problems.filter(([outcomes, costs, prices]) => {
      const worth = worthOf(outcomes, costs, prices, jointThresholds(outcomes, costs, prices));
      const worths = everyCombination(outcomes).map((thresholds) => worthOf(outcomes, costs, prices, thresholds));
      return worth >= Math.max(...worths) - 1e-9;
    });
    // 283 when this was written.
    expect(isBest.length).toBeGreaterThanOrEqual(279);
  });

  it("does not care for the order of the images", () => {
    fc.assert(
      fc.property(anyProblem, ([outcomes, costs, prices]) => {
        const back = systemOf(
          Array.from({ length: outcomes.rows }, (_, row) => ({
            exits: outcomes.exits.map(({ confidence, correct }) => ({
              confidence: confidence[row],
              correct: correct[row],
            })),
            metric: outcomes.vote.metric[row],
            voteCorrect: outcomes.vote.correct[row],
            cloudCorrect: outcomes.cloud.correct[row],
          })).reverse(),
        );
        expect(jointThresholds(back, costs, prices)).toEqual(jointThresholds(outcomes, costs, prices));
      }),
      SEED,
    );
  });

  const image = (confidence: number, correct: number, metric: number, cloudCorrect: number) => ({
    exits: [{ confidence, correct }],
    metric,
    voteCorrect: correct,
    cloudCorrect,
  });
  // Sure and right twice; unsure and wrong three times, of which the cloud knows two.
  const hand = systemOf([
    image(0.9, 1, 0, 1),
    image(0.8, 1, 0, 1),
    image(0.4, 0, 0.5, 1),
    image(0.2, 0, 0.7, 1),
    image(0.1, 0, 0.1, 0),
  ]);

  it("cuts midway between neighbours, and offloads what is worth its price", () => {
    const found = jointThresholds(hand, { stageMs: [1], cloudMs: 10 }, { perMs: 0.01, perOffload: 0 });
    // An exit cannot gain here: its answer comes at the same time as the vote's, and is the same.
    expect(found).toEqual({ exits: [CLOSED], offload: 0.3 });
  });

  it.each([
    ["just below what the cloud gains", 0.99, 0.3],
    ["just above what the cloud gains", 1.01, OFFLOAD_NOTHING],
    ["exactly what the cloud gains, which is not worth it", 1, OFFLOAD_NOTHING],
  ])("offloads or not at a price %s", (_, perOffload, offload) => {
    const found = jointThresholds(hand, { stageMs: [1], cloudMs: 10 }, { perMs: 0, perOffload });
    expect(found.offload).toBe(offload);
  });

  it("lets images leave early where a later stage costs more than it gains", () => {
    const exits = (first: number, second: number) => [
      { confidence: first, correct: 1 },
      { confidence: second, correct: 1 },
    ];
    const rest = { metric: 0, voteCorrect: 1, cloudCorrect: 1 };
    const sure = systemOf([
      { exits: exits(0.9, 0.9), ...rest },
      { exits: exits(0.6, 0.9), ...rest },
    ]);
    const found = jointThresholds(sure, { stageMs: [1, 10], cloudMs: 50 }, { perMs: 0.001, perOffload: 0 });
    expect(found.exits).toEqual([0.6, CLOSED]);
    expect(performanceOf(sure, { stageMs: [1, 10], cloudMs: 50 }, found).meanLatencyMs).toBe(1);
  });
});

describe("cutBetween", () => {
  it("parts any two numbers, even two between which there is none", () => {
    const number = fc.double({ min: -1, max: 2, noNaN: true });
    const pair = fc.oneof(
      fc.tuple(number, number),
      fc.constantFrom([0.75, 0.75 + 2 ** -53], [0.75 + 2 ** -53, 0.75 + 2 ** -52], [1 - 2 ** -53, 1], [0, 2 ** -1074]),
    );
    fc.assert(
      fc.property(pair, ([a, b]) => {
        fc.pre(a !== b);
        const [lower, higher] = [Math.min(a, b), Math.max(a, b)];
        const cut = cutBetween(lower, higher);
        expect(cut).toBeGreaterThan(lower);
        expect(cut).toBeLessThanOrEqual(higher);
      }),
      { seed: 15, numRuns: 500 },
    );
    expect(cutBetween(0.25, 0.75)).toBe(0.5);
  });
});

describe("quantileThresholds", () => {
  const distinct = (rows: number) =>
    systemOf(
      Array.from({ length: rows }, (_, row) => ({
        exits: [row, (row * 7) % rows].map((rank) => ({ confidence: (rank + 1) / (rows + 1), correct: 1 })),
        metric: 0,
        voteCorrect: 1,
        cloudCorrect: 1,
      })),
    );

  it.each([
    [0.3, 0.5, 30, 35],
    [0, 1, 0, 100],
    [1, 0.5, 100, 0],
    [0.005, 0, 0, 0],
    [0.006, 0, 1, 0],
  ])("lets shares of %d and then %d of those that stay leave", (first, second, leftFirst, leftSecond) => {
    const outcomes = distinct(100);
    const exits = quantileThresholds(outcomes, [first, second]);
    const { exitShares } = performanceOf(outcomes, { stageMs: [1, 1], cloudMs: 1 }, { exits, offload: 1 });
    expect(exitShares).toEqual([leftFirst / 100, leftSecond / 100]);
  });

  it("lets the wanted share leave within half a row, and ties with the last of them", () => {
    const share = fc.double({ min: 0, max: 1, noNaN: true });
    fc.assert(
      fc.property(anySystem(2, 12), share, share, (outcomes, first, second) => {
        const exits = quantileThresholds(outcomes, [first, second]);
        let reaching = Array.from({ length: outcomes.rows }, (_, row) => row);
        [first, second].forEach((wanted, exit) => {
          const confidence = outcomes.exits[exit].confidence;
          const leaving = reaching.filter((row) => confidence[row] >= exits[exit]);
          const surer = leaving.filter((row) => confidence[row] > exits[exit]);
          expect(leaving.length).toBeGreaterThanOrEqual(wanted * reaching.length - 0.5 - 1e-9);
          if (leaving.length > 0) expect(surer.length).toBeLessThanOrEqual(wanted * reaching.length + 0.5);
          reaching = reaching.filter((row) => confidence[row] < exits[exit]);
        });
      }),
      SEED,
    );
  });

  it.each([
    ["too few shares", [0.5], "0.5"],
    ["too many shares", [0.5, 0.5, 0.5], "0.5, 0.5, 0.5"],
    ["a share above 1", [0.5, 1.01], "0.5, 1.01"],
    ["a negative share", [-0.01, 1], "-0.01, 1"],
    ["NaN", [Number.NaN, 1], "NaN, 1"],
  ])("refuses %s", (_, shares, shown) => {
    const message = `shares: expected 2 numbers in [0, 1], got ${shown}`;
    expect(() => quantileThresholds(distinct(4), shares)).toThrow(new RangeError(message));
  });
});
