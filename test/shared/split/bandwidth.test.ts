// Predicting a link: what it learns from a link that is known, and the laws that hold whatever comes.
import { mulberry32 } from "@spillway/shared/random/mulberry32";
import {
  type BandwidthState,
  estimates,
  observeSend,
  observeUnfinished,
  predictLink,
  type Send,
  UNKNOWN_LINK,
} from "@spillway/shared/split/bandwidth";
import { FITTED_SENDS, type Route } from "@spillway/shared/split/link-fit";
import fc from "fast-check";
import { describe, expect, it } from "vitest";

const LATENCY_MS: Record<Route, number> = { tail: 22, large: 27 };

interface World {
  /** Bytes a millisecond at a time. */
  throughput(ms: number): number;
  bytes(): number;
  jitterMs(): number;
  route(): Route;
  intervalMs: number;
}

const random = mulberry32(60);
const WORLD: World = {
  throughput: () => 125,
  bytes: () => 40 + random() * 1500,
  jitterMs: () => 0,
  route: () => "tail",
  intervalMs: 8,
};

/** Sends over a link that is first in, first out, in the order in which their answers come. */
function sendsIn(change: Partial<World>, count: number): Send[] {
  const world = { ...WORLD, ...change };
  let freeMs = 0;
  const sends = Array.from({ length: count }, (_, index): Send => {
    const startedMs = index * world.intervalMs;
    const [bytes, route] = [world.bytes(), world.route()];
    const fromMs = Math.max(startedMs, freeMs);
    freeMs = fromMs + bytes / world.throughput(fromMs);
    return { bytes, route, startedMs, endedMs: freeMs + LATENCY_MS[route] + world.jitterMs() };
  });
  return sends.sort((a, b) => a.endedMs - b.endedMs);
}

const learn = (sends: readonly Send[]) =>
  sends.reduce<BandwidthState | null>((state, send) => observeSend(state, send), null) as BandwidthState;

const predictionAfter = (sends: readonly Send[]) => predictLink(learn(sends), sends[sends.length - 1].endedMs);

describe("a constant link", () => {
  it("is found with its latencies, though nearly all sends wait or overlap", () => {
    const { throughput, latencyMs } = predictionAfter(
      sendsIn({ route: () => (random() < 0.2 ? "large" : "tail") }, 400),
    );
    expect(throughput).toBeCloseTo(125, 0);
    expect(latencyMs.tail).toBeCloseTo(22, 0);
    expect(Math.abs(latencyMs.large - 27)).toBeLessThan(1);
  });

  it("is found where no send waits, and where most do", () => {
    for (const intervalMs of [3.5, 7, 20, 500]) {
      const { throughput, latencyMs } = predictionAfter(sendsIn({ intervalMs, bytes: () => 40 + random() * 800 }, 300));
      expect(Math.abs(throughput - 125)).toBeLessThan(10);
      expect(Math.abs(latencyMs.tail - 22)).toBeLessThan(1.5);
    }
  });

  it.each([1, 4])("is found within bounds under jitter of %i ms", (scale) => {
    const jitterMs = () => Math.abs(random() + random() + random() - 1.5) * 2 * scale;
    const { throughput, latencyMs, robustThroughput } = predictionAfter(sendsIn({ jitterMs, intervalMs: 12 }, 500));
    expect(throughput).toBeGreaterThan(125 / 1.5);
    expect(throughput).toBeLessThan(125 * 1.5);
    expect(robustThroughput).toBeLessThanOrEqual(throughput);
    expect(latencyMs.tail).toBeGreaterThan(20);
    expect(latencyMs.tail).toBeLessThan(22 + 2.5 * scale);
  });

  it("is not taken for another by whoever sends less the slower it is", () => {
    // All sends take equally long: their duration alone does not tell bytes from latency.
    const throughput = (ms: number) => 60 + 50 * Math.sin(ms / 900);
    let sentAt = 0;
    const bytes = () => {
      sentAt += 12;
      return throughput(sentAt) * (6 + 4 * random());
    };
    const sends = sendsIn({ throughput, bytes, intervalMs: 12 }, 600);
    const { latencyMs } = predictionAfter(sends);
    expect(Math.abs(latencyMs.tail - 22)).toBeLessThan(3);
  });
});

describe("a changed link", () => {
  it.each([
    [125, 40],
    [40, 160],
  ])("from %i to %i is followed within twenty sends, mostly within ten", (before, after) => {
    const errorsAfter: Record<number, number[]> = { 10: [], 20: [] };
    for (let draw = 0; draw < 60; draw++) {
      const throughput = (ms: number) => (ms < 2000 ? before : after);
      const sends = sendsIn({ throughput, bytes: () => 100 + random() * 200 }, 300);
      const since = sends.findIndex(({ startedMs }) => startedMs >= 2000);
      for (const count of [10, 20]) {
        const { throughput: found } = predictionAfter(sends.slice(0, since + count));
        errorsAfter[count].push(Math.abs(found - after) / after);
      }
    }
    const close = (count: number) => errorsAfter[count].filter((error) => error < 0.25).length / 60;
    expect(close(10)).toBeGreaterThan(0.5);
    expect(close(20)).toBeGreaterThan(0.95);
  });

  it("lowers the lower estimate until the error is old", () => {
    const sends = sendsIn({ throughput: (ms) => (ms < 2000 ? 125 : 40), bytes: () => 100 + random() * 200 }, 800);
    const since = sends.findIndex(({ startedMs }) => startedMs >= 2000);
    const doubt = (count: number) => {
      const { throughput, robustThroughput } = predictionAfter(sends.slice(0, count));
      return throughput / robustThroughput;
    };
    expect(doubt(since + 10)).toBeGreaterThan(1.3);
    expect(doubt(sends.length)).toBeLessThan(doubt(since + 10));
  });
});

describe("laws", () => {
  const anySend = fc.record({
    bytes: fc.double({ min: 1, max: 1e9, noNaN: true }),
    startedMs: fc.double({ min: -1e15, max: 1e15, noNaN: true }),
    endedMs: fc.double({ min: -1e15, max: 1e15, noNaN: true }),
    route: fc.constantFrom<Route>("tail", "large"),
  });

  it("whatever comes, predictions are finite, above 0, and the lower one is the lower", () => {
    fc.assert(
      fc.property(
        fc.array(anySend, { minLength: 1, maxLength: 60 }),
        fc.double({ min: -1e15, max: 1e15, noNaN: true }),
        (sends, nowMs) => {
          const state = learn(sends);
          const { throughput, robustThroughput, latencyMs, latencySpreadMs } = predictLink(state, nowMs);
          for (const value of [throughput, robustThroughput]) expect(value > 0 && Number.isFinite(value)).toBe(true);
          expect(robustThroughput).toBeLessThanOrEqual(throughput);
          for (const value of [latencyMs.tail, latencyMs.large, latencySpreadMs]) {
            expect(value >= 0 && Number.isFinite(value)).toBe(true);
          }
        },
      ),
      { numRuns: 300 },
    );
  });

  it("twice the bytes in the same time are twice the throughput", () => {
    const sends = sendsIn({}, 80);
    const twice = sends.map((send) => ({ ...send, bytes: send.bytes * 2 }));
    const prior = { ...UNKNOWN_LINK, throughput: UNKNOWN_LINK.throughput * 2 };
    const one = learn(sends);
    const two = twice.reduce<BandwidthState | null>(
      (state, send) => observeSend(state, send, prior),
      null,
    ) as BandwidthState;
    const [a, b] = [one, two].map((state) => predictLink(state, 1e4));
    expect(b.throughput).toBeCloseTo(2 * a.throughput, 6);
    expect(b.robustThroughput).toBeCloseTo(2 * a.robustThroughput, 6);
    expect(b.latencyMs).toEqual(a.latencyMs);
  });

  it("the state is plain and does not grow, nor is it changed in place", () => {
    const state = learn(sendsIn({}, 500));
    expect(structuredClone(state)).toEqual(state);
    expect(JSON.parse(JSON.stringify(state))).toEqual(state);
    expect(state.sends).toHaveLength(FITTED_SENDS);
    expect(JSON.stringify(state).length).toBeLessThan(5000);
    const before = structuredClone(state);
    observeSend(state, { bytes: 10, startedMs: 1e5, endedMs: 2e5, route: "large" });
    expect(state).toEqual(before);
  });

  it("both estimators agree on a link that does not change", () => {
    const { harmonic, weighted } = estimates(learn(sendsIn({ intervalMs: 30 }, 100)));
    expect(harmonic).toBeCloseTo(weighted, 0);
  });

  it("an old estimate loses trust, down to less than half of what it had", () => {
    const sends = sendsIn({}, 200);
    const state = learn(sends);
    const atMs = state.last.endedMs;
    const robust = [0, 1000, 10_000, 100_000, 1e9].map((ms) => predictLink(state, atMs + ms).robustThroughput);
    const last = robust[robust.length - 1];
    expect(last).toBeLessThan(0.6 * predictLink(state, atMs).throughput);
    expect(last).toBeGreaterThan(0.4 * predictLink(state, atMs).throughput);
    expect(predictLink(state, atMs + 1e9).throughput).toBe(predictLink(state, atMs).throughput);
  });

  it("what is no send is refused", () => {
    const send: Send = { bytes: 100, startedMs: 0, endedMs: 10, route: "tail" };
    for (const bytes of [0, -1, 0.5, Number.NaN, Infinity]) {
      expect(() => observeSend(null, { ...send, bytes })).toThrow(`bytes: expected 1 to ${2 ** 40}, got ${bytes}`);
    }
    expect(() => observeSend(null, { ...send, startedMs: Number.NaN })).toThrow(
      "startedMs: expected a finite number, got NaN",
    );
    expect(() => observeSend(null, { ...send, endedMs: Infinity })).toThrow(
      "endedMs: expected a finite number, got Infinity",
    );
  });
});

describe("a link of which little is known", () => {
  it("is what it is taken for", () => {
    expect(predictLink(null, 0)).toBe(UNKNOWN_LINK);
    const prior = { ...UNKNOWN_LINK, throughput: 7 };
    expect(predictLink(null, 0, prior)).toBe(prior);
  });

  it("has the latency of the other route where one was never used", () => {
    const { latencyMs } = predictionAfter(sendsIn({}, 50));
    expect(latencyMs.large).toBe(latencyMs.tail);
  });
});

describe("a send that was given up", () => {
  const state = learn(sendsIn({}, 200));
  const startedMs = state.last.endedMs + 100;
  const send = { bytes: 1250, startedMs, route: "tail" as const };

  it("before it was due teaches nothing", () => {
    expect(observeUnfinished(state, send, startedMs + 20)).toBe(state);
    expect(observeUnfinished(null, send, startedMs + 20)).toBeNull();
  });

  it("after it was due makes the link slower", () => {
    const after = observeUnfinished(state, send, startedMs + 500) as BandwidthState;
    const [slow, fast] = [after, state].map((known) => predictLink(known, startedMs + 500));
    expect(slow.robustThroughput).toBeLessThan(fast.robustThroughput / 2);
    expect(slow.throughput).toBeLessThan(fast.throughput);
  });
});
