// One at a time, and how long that takes.
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { createEdgeTurn, type Turn } from "../../../edge-worker/src/stream/edge-turn.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test("gives turns in the order in which they were asked for, each after the one before has ended", async () => {
  const turns = createEdgeTurn(() => Date.now());
  const taken: number[] = [];
  const ends: Turn[] = [];
  for (const number of [1, 2, 3]) {
    void turns.take().then((turn) => {
      taken.push(number);
      ends.push(turn);
    });
  }
  await vi.advanceTimersByTimeAsync(1000);
  expect(taken).toEqual([1]);
  ends[0].end();
  ends[0].end();
  await vi.advanceTimersByTimeAsync(1000);
  expect(taken).toEqual([1, 2]);
  ends[1].pass();
  await vi.advanceTimersByTimeAsync(0);
  expect(taken).toEqual([1, 2, 3]);
});

test("expects what turns took of late", async () => {
  const turns = createEdgeTurn(() => Date.now());
  expect(turns.expectedMs).toBe(0);
  for (let turn = 0; turn < 30; turn++) {
    const turn = await turns.take();
    vi.setSystemTime(Date.now() + 40);
    turn.end();
    await vi.advanceTimersByTimeAsync(0);
  }
  const { expectedMs } = turns;
  expect(expectedMs).toBeCloseTo(40, 0);
  // Nobody ran the network: nothing is learnt.
  (await turns.take()).pass();
  await vi.advanceTimersByTimeAsync(0);
  expect(turns.expectedMs).toBe(expectedMs);
});
