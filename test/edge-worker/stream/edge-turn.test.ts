// One at a time, and how long that takes.
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { createEdgeTurn } from "../../../edge-worker/src/stream/edge-turn.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test("gives turns in the order in which they were asked for, each after the one before has ended", async () => {
  const turns = createEdgeTurn(() => Date.now());
  const taken: number[] = [];
  const ends: (() => void)[] = [];
  for (const number of [1, 2, 3]) {
    void turns.take().then((end) => {
      taken.push(number);
      ends.push(end);
    });
  }
  await vi.advanceTimersByTimeAsync(1000);
  expect(taken).toEqual([1]);
  ends[0]();
  ends[0]();
  await vi.advanceTimersByTimeAsync(1000);
  expect(taken).toEqual([1, 2]);
  ends[1]();
  await vi.advanceTimersByTimeAsync(0);
  expect(taken).toEqual([1, 2, 3]);
});

test("expects what turns took of late", async () => {
  const turns = createEdgeTurn(() => Date.now());
  expect(turns.expectedMs).toBe(0);
  for (let turn = 0; turn < 30; turn++) {
    const end = await turns.take();
    vi.setSystemTime(Date.now() + 40);
    end();
    await vi.advanceTimersByTimeAsync(0);
  }
  expect(turns.expectedMs).toBeCloseTo(40, 0);
});
