import {
  BY_CLOUD,
  BY_VOTE,
  CLOSED,
  cumulative,
  isCorrect,
  OFFLOAD_NOTHING,
  OFFLOAD_UNDECIDED,
  performanceOf,
  selectRows,
  whoAnswers,
} from "@spillway/shared/offload/system-outcomes";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { anyCosts, anySystem, systemOf } from "./systems.ts";

const SEED = { seed: 12, numRuns: 200 };

const image = (first: [number, number], second: [number, number], rest: [number, number, number]) => ({
  exits: [first, second].map(([confidence, correct]) => ({ confidence, correct })),
  metric: rest[0],
  voteCorrect: rest[1],
  cloudCorrect: rest[2],
});

/** One image for each way to an answer, some on a threshold and some just below. */
const outcomes = systemOf([
  image([0.8, 1], [0.9, 0], [0.9, 0, 0]),
  image([0.9, 0], [0.1, 1], [0.1, 1, 1]),
  image([0.79, 0], [0.6, 1], [0.9, 0, 0]),
  image([0.1, 0], [0.59, 0], [0.2, 0, 1]),
  image([0.1, 1], [0.2, 1], [0.19, 1, 0]),
]);
const costs = { stageMs: [10, 5], cloudMs: 100 };
const thresholds = { exits: [0.8, 0.6], offload: 0.2 };

/** Anything from always to never open. */
const anyThreshold = fc.constantFrom(0, 0.25, 0.5, 0.625, 0.75, 1, CLOSED);
const anyThresholds = fc.record({
  exits: fc.tuple(anyThreshold, anyThreshold).map((exits): number[] => exits),
  offload: fc.constantFrom(OFFLOAD_UNDECIDED, 0, 0.25, 0.625, OFFLOAD_NOTHING),
});

describe("performanceOf", () => {
  it("is the hand-computed case", () => {
    const performance = performanceOf(outcomes, costs, thresholds);
    expect([0, 1, 2, 3, 4].map((row) => whoAnswers(outcomes, thresholds, row))).toEqual([0, 0, 1, BY_CLOUD, BY_VOTE]);
    expect([0, 1, 2, 3, 4].map((row) => isCorrect(outcomes, thresholds, row))).toEqual([1, 0, 1, 1, 1]);
    expect(performance).toEqual({
      accuracy: 0.8,
      offloadRate: 0.2,
      meanLatencyMs: (10 + 10 + 15 + 115 + 15) / 5,
      exitShares: [0.4, 0.2],
    });
  });

  it("sends what is undecided, or nothing", () => {
    const closed = [CLOSED, CLOSED];
    expect(performanceOf(outcomes, costs, { exits: closed, offload: OFFLOAD_UNDECIDED })).toEqual({
      accuracy: 0.4,
      offloadRate: 1,
      meanLatencyMs: 115,
      exitShares: [0, 0],
    });
    expect(performanceOf(outcomes, costs, { exits: closed, offload: OFFLOAD_NOTHING })).toMatchObject({
      accuracy: 0.4,
      offloadRate: 0,
      meanLatencyMs: 15,
    });
  });

  it("offloads a certain gain even where nothing short of certainty is", () => {
    const certain = systemOf([image([0, 0], [0, 0], [1, 0, 1]), image([0, 0], [0, 0], [1 - 2 ** -53, 0, 1])]);
    const { offloadRate } = performanceOf(certain, costs, { exits: [CLOSED, CLOSED], offload: OFFLOAD_NOTHING });
    expect(offloadRate).toBe(0.5);
  });

  it("accounts for every image and every millisecond", () => {
    fc.assert(
      fc.property(anySystem(2, 12), anyCosts(2), anyThresholds, (system, prices, chosen) => {
        const { accuracy, offloadRate, meanLatencyMs, exitShares } = performanceOf(system, prices, chosen);
        const who = Array.from({ length: system.rows }, (_, row) => whoAnswers(system, chosen, row));
        const share = (answerer: number) => who.filter((other) => other === answerer).length / system.rows;
        expect(exitShares).toEqual([share(0), share(1)]);
        expect(offloadRate).toBe(share(BY_CLOUD));
        expect(exitShares[0] + exitShares[1] + offloadRate + share(BY_VOTE)).toBeCloseTo(1, 12);
        const [firstMs, secondMs] = prices.stageMs;
        const latency = firstMs + (1 - share(0)) * secondMs + offloadRate * prices.cloudMs;
        expect(meanLatencyMs).toBeCloseTo(latency, 9);
        const right = who.filter((_, row) => isCorrect(system, chosen, row) === 1).length;
        expect(accuracy).toBe(right / system.rows);
      }),
      SEED,
    );
  });

  it.each([
    ["no rows", selectRows(outcomes, []), costs, thresholds, "outcomes: expected at least one row, got none"],
    ["a missing threshold", outcomes, costs, { ...thresholds, exits: [1] }, got(1, 2)],
    ["a threshold too many", outcomes, costs, { ...thresholds, exits: [1, 1, 1] }, got(3, 2)],
    ["a missing cost", outcomes, { ...costs, stageMs: [1] }, thresholds, got(2, 1)],
  ])("refuses %s", (_, system, prices, chosen, message) => {
    expect(() => performanceOf(system, prices, chosen)).toThrow(new RangeError(message));
  });
});

it("cumulative adds up the stages and leaves them as they were", () => {
  const stages = [3, 0, 4];
  expect(cumulative(stages)).toEqual([3, 3, 7]);
  expect(stages).toEqual([3, 0, 4]);
  expect(cumulative([])).toEqual([]);
});

describe("selectRows", () => {
  it("gives the outcomes of the chosen rows, in their order, as often as they are chosen", () => {
    fc.assert(
      fc.property(anySystem(2, 8), fc.array(fc.nat(7), { maxLength: 12 }), anyThresholds, (system, picks, chosen) => {
        const rows = picks.filter((row) => row < system.rows);
        const selected = selectRows(system, rows);
        expect(selected.rows).toBe(rows.length);
        rows.forEach((row, index) => {
          expect(whoAnswers(selected, chosen, index)).toBe(whoAnswers(system, chosen, row));
          expect(isCorrect(selected, chosen, index)).toBe(isCorrect(system, chosen, row));
        });
      }),
      SEED,
    );
  });

  it("copies", () => {
    const selected = selectRows(outcomes, [0]);
    selected.cloud.correct[0] = 1;
    selected.vote.metric[0] = 7;
    expect([outcomes.cloud.correct[0], outcomes.vote.metric[0]]).toEqual([0, 0.9]);
  });
});

function got(thresholdCount: number, costCount: number): string {
  return `thresholds and stageMs: expected 2 each, got ${thresholdCount} and ${costCount}`;
}
