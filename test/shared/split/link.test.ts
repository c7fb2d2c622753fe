// One link as a reducer: what is under way, what waits, and when a send is overdue.

import { UNKNOWN_LINK } from "@spillway/shared/split/bandwidth";
import {
  endSend,
  FIRST_ALONE,
  FORGET_UNDERWAY_MS,
  forgetSend,
  giveUpSend,
  IDLE_LINK,
  type LinkState,
  MAX_UNDERWAY,
  startSend,
  viewLink,
} from "@spillway/shared/split/link";
import { describe, expect, it } from "vitest";

const send = (id: string, startedMs: number, bytes = 1000) => ({ id, startedMs, bytes, route: "tail" as const });

/** Has seen 20 sends of various sizes over 100 bytes a millisecond and 20 ms of latency, the last over at 1,000 ms. */
const KNOWN = Array.from({ length: 20 }, (_, index) => index).reduce<LinkState>((state, index) => {
  const bytes = 200 + (index % 5) * 400;
  const endedMs = 50 * (index + 1);
  return endSend(startSend(state, send("x", endedMs - 20 - bytes / 100, bytes)), "x", endedMs);
}, IDLE_LINK);

describe("a link that is known", () => {
  it("has no queue while nothing is under way", () => {
    const { link, queuedBytes } = viewLink(KNOWN, 1010);
    expect(queuedBytes).toBe(0);
    expect(link.throughput).toBeCloseTo(100, 0);
    expect(link.latencyMs.tail).toBeCloseTo(20, 0);
  });

  it("works off what is under way, one send after the other", () => {
    const two = startSend(startSend(KNOWN, send("a", 1100)), send("b", 1101, 500));
    expect(viewLink(two, 1101).queuedBytes).toBeCloseTo(1400, -1);
    expect(viewLink(two, 1105).queuedBytes).toBeCloseTo(1000, -1);
    expect(viewLink(two, 1116).queuedBytes).toBe(0);
  });

  it("is slower than was believed once an answer is overdue", () => {
    const one = startSend(KNOWN, send("a", 1100));
    // Due at 1,130.
    const fast = viewLink(one, 1129).link.throughput;
    expect(viewLink(one, 1220).link.throughput).toBeLessThan(fast / 5);
    expect(viewLink(one, 1220).link.robustThroughput).toBeLessThanOrEqual(viewLink(one, 1220).link.throughput);
  });

  it("learns from an answer, from one that was given up too late, and from neither a refusal nor a stranger", () => {
    const one = startSend(KNOWN, send("a", 1100));
    expect(endSend(one, "a", 1130).underway).toEqual([]);
    expect(endSend(one, "a", 1130).bandwidth).not.toEqual(KNOWN.bandwidth);
    expect(giveUpSend(one, "a", 1500).bandwidth).not.toEqual(KNOWN.bandwidth);
    expect(giveUpSend(one, "a", 1110)).toEqual({ bandwidth: KNOWN.bandwidth, underway: [] });
    expect(forgetSend(one, "a")).toEqual({ bandwidth: KNOWN.bandwidth, underway: [] });
    for (const end of [endSend, giveUpSend]) expect(end(one, "b", 1130)).toEqual(one);
    expect(forgetSend(one, "b")).toEqual(one);
  });
});

describe("a link of which nothing is known", () => {
  it("takes one send at a time until the third answer", () => {
    let state = IDLE_LINK;
    for (let index = 0; index <= FIRST_ALONE; index++) {
      const startedMs = index * 100;
      expect(viewLink(state, startedMs).queuedBytes).toBe(0);
      state = startSend(state, send("a", startedMs, 300 + 100 * index));
      const longestDeadlineMs = 60_000 * UNKNOWN_LINK.throughput;
      if (index < FIRST_ALONE) expect(viewLink(state, startedMs + 1).queuedBytes).toBeGreaterThan(longestDeadlineMs);
      else expect(viewLink(state, startedMs + 1).queuedBytes).toBeLessThan(1000);
      state = endSend(state, "a", startedMs + 30);
    }
  });
});

describe("sends under way", () => {
  it("are at most so many, and forgotten when their answer never comes", () => {
    let state = KNOWN;
    for (let index = 0; index <= MAX_UNDERWAY; index++) state = startSend(state, send(String(index), 2000 + index));
    expect(state.underway).toHaveLength(MAX_UNDERWAY);
    expect(state.underway[0].id).toBe("1");
    const few = startSend(startSend(KNOWN, send("a", 2000)), send("b", 2001));
    const namesAfter = (ms: number) => startSend(few, send("c", ms + FORGET_UNDERWAY_MS)).underway.map(({ id }) => id);
    expect(namesAfter(2000)).toEqual(["a", "b", "c"]);
    expect(namesAfter(2001)).toEqual(["b", "c"]);
    expect(structuredClone(state)).toEqual(state);
  });

  it("have one name each", () => {
    const twice = startSend(startSend(KNOWN, send("a", 1100)), send("a", 1200));
    expect(twice.underway).toEqual([send("a", 1200)]);
  });
});
