// What is counted, and what people are told of it.
import type { Decision } from "@spillway/shared/schema/result";
import type { FrameAnswer } from "@spillway/shared/schema/stream";
import { expect, test } from "vitest";
import {
  createStreamTally,
  progressText,
  type StreamSummary,
  summaryTable,
} from "../../../models/src/stream/stream-report.ts";

function answer(decision: Partial<Decision>): FrameAnswer {
  return { type: "answer", frame: "f", result: { decision } } as unknown as FrameAnswer;
}

const problem = { type: "problem", frame: "f", problem: { reason: "not-an-image" } } as unknown as FrameAnswer;

function tally(deadlineMs: number | null = 100) {
  const counted = createStreamTally(deadlineMs);
  counted.add(answer({ tier: "edge", reason: "confident", route: null, bytesSent: null }), 20);
  const tail = { tier: "cloud", reason: "offloaded", route: "tail", setting: "16x4", bytesSent: 300 } as const;
  counted.add(answer(tail), 60);
  counted.add(answer({ tier: "edge", reason: "deadline", route: "large", setting: null, bytesSent: 3000 }), 101);
  counted.add({ type: "dropped", frame: "f", reason: "overload" }, 5);
  counted.add(problem, 1);
  return counted.counts();
}

test("counts frames by what became of them", () => {
  expect(tally()).toMatchObject({
    told: 5,
    answered: 3,
    byTier: { edge: 2, cloud: 1 },
    reasons: { confident: 1, offloaded: 1, deadline: 1 },
    offloaded: { "tail 16x4": 1, large: 1 },
    dropped: { overload: 1 },
    problems: { "not-an-image": 1 },
    bytesToCloud: 3300,
  });
});

test("late is what was dropped or came after the deadline, and nothing without one", () => {
  expect(tally().late).toBe(2);
  expect(tally(101).late).toBe(1);
  expect(tally(null).late).toBeNull();
});

const summary: StreamSummary = {
  seconds: 2,
  taken: 8,
  sent: 6,
  skipped: 2,
  reconnects: 1,
  resent: 3,
  ...tally(),
};

test("is told in one line while it runs", () => {
  expect(progressText(summary)).toMatch(
    /^2\.0 s, sent 6, answered 3 \(1\.5\/s\), dropped 1, skipped 2, problems 1, cloud 33\.3 % \(tail 16x4 1, large 1\), late 40\.0 %, p50 60 p99 10[01] ms, 3\.3 kB to the cloud$/,
  );
});

test("is told before anything has come", () => {
  const nothing = { ...summary, seconds: 0, taken: 0, sent: 0, skipped: 0, ...createStreamTally(null).counts() };
  expect(progressText(nothing)).toBe(
    "0.0 s, sent 0, answered 0 (-/s), dropped 0, cloud -, p50 - p99 - ms, 0 B to the cloud",
  );
});

test("is told as a table at the end", () => {
  const table = summaryTable(summary);
  expect(table).toMatch(/^frames taken +8 +in 2\.0 s\n/);
  expect(table).toMatch(/^sent to the cloud: tail 16x4 +1 +33\.3 %$/m);
  expect(table).toMatch(/^later than the deadline, or dropped +2 +40\.0 %$/m);
  expect(table).toMatch(/^reconnects +1 +3 frames sent again\n$/m);
});
