// Whose turn it is.
import { describe, expect, it } from "vitest";
import type { PendingRequest } from "../../../cloud-backend/src/batching/pending-request.ts";
import { WaitingLine } from "../../../cloud-backend/src/batching/waiting-line.ts";

describe("WaitingLine", () => {
  it("serves in the order of arrival, as many as fit", () => {
    const [a, b, c] = [waiting({ rows: 2 }), waiting({ rows: 2 }), waiting({ rows: 2 })];
    const line = lineOf(a, b, c);
    expect(line.rows).toBe(6);
    expect(line.take(4)).toEqual([a, b]);
    expect(line.rows).toBe(2);
    expect(line.take(4)).toEqual([c]);
    expect(line.take(4)).toEqual([]);
  });

  it("serves the higher priority first", () => {
    const [low, normal, high] = [3, 2, 1].map((priority) => waiting({ priority }));
    expect(lineOf(low, normal, high).take(2)).toEqual([high, normal]);
  });

  it("does not let a small request overtake a large one", () => {
    const [first, large, small] = [waiting({ rows: 2 }), waiting({ rows: 4 }), waiting({ rows: 1 })];
    const line = lineOf(first, large, small);
    expect(line.take(4)).toEqual([first]);
    expect(line.take(4)).toEqual([large]);
    expect(line.take(4)).toEqual([small]);
  });

  it("serves one with more rows than fit by itself", () => {
    const large = waiting({ rows: 9 });
    expect(lineOf(large, waiting({})).take(4)).toEqual([large]);
  });

  it("serves one that is to run alone by itself, before anybody else", () => {
    const [other, alone] = [waiting({ priority: 1 }), waiting({ priority: 3, isAlone: true })];
    const line = lineOf(other, alone);
    expect(line.oldestMs()).toBe(Number.NEGATIVE_INFINITY);
    expect(line.take(4)).toEqual([alone]);
    expect(line.take(4)).toEqual([other]);
  });

  it("knows who has waited longest, whatever the priority", () => {
    const line = lineOf(waiting({ priority: 1, arrivedMs: 30 }), waiting({ priority: 3, arrivedMs: 10 }));
    expect(line.oldestMs()).toBe(10);
    expect(new WaitingLine().oldestMs()).toBe(Number.POSITIVE_INFINITY);
  });

  it("forgets who leaves, once", () => {
    const [a, b] = [waiting({ rows: 3 }), waiting({ isAlone: true })];
    const line = lineOf(a, b);
    expect([line.remove(a), line.remove(a), line.remove(b)]).toEqual([true, false, true]);
    expect(line.rows).toBe(0);
    expect(line.takeAll()).toEqual([]);
  });
});

function lineOf(...requests: PendingRequest[]): WaitingLine {
  const line = new WaitingLine();
  for (const request of requests) line.add(request);
  return line;
}

function waiting({ rows = 1, priority = 2, arrivedMs = 0, isAlone = false }): PendingRequest {
  const { signal } = new AbortController();
  return { work: { inputs: [], rows, outputs: [], priority, signal }, arrivedMs, isAlone, settle: () => undefined };
}
