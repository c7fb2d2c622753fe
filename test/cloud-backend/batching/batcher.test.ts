// When batches start, who is in them, and what becomes of everybody when one fails. Runners are
// played here, since what is tested is the order of things; real sessions run in test/cloud-backend/inference.
import type { Tensor } from "@spillway/shared/protocol/tensor";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type Batch, Batcher, type BatchResult, type Runner } from "../../../cloud-backend/src/batching/batcher.ts";
import type { BatchingOptions } from "../../../cloud-backend/src/batching/batching-options.ts";
import type { Share, Work } from "../../../cloud-backend/src/batching/pending-request.ts";
import type { Outcome } from "../../../cloud-backend/src/errors.ts";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
});
afterEach(() => {
  vi.useRealTimers();
});

describe("a batch starts", () => {
  it("once the first request has waited its time", () => {
    const { runner, submit } = batcherOf({ delayMs: 5 });
    submit(1);
    vi.advanceTimersByTime(4);
    submit(2);
    expect(runner.batches).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(runner.batches).toEqual([[1, 2]]);
  });

  it("at once when it is full", () => {
    const { runner, submit } = batcherOf({ delayMs: 5, maxBatch: 2 });
    submit(1);
    submit(2);
    submit(3);
    expect(runner.batches).toEqual([[1, 2]]);
  });

  it("at once without a delay", () => {
    const { runner, submit } = batcherOf({ delayMs: 0 });
    submit(1);
    expect(runner.batches).toEqual([[1]]);
  });

  it("as soon as the runner is free, with all who came meanwhile", async () => {
    const { runner, submit } = batcherOf({ delayMs: 5 });
    submit(1);
    vi.advanceTimersByTime(5);
    submit(2);
    vi.advanceTimersByTime(3);
    submit(3);
    vi.advanceTimersByTime(2);
    await runner.finish();
    expect(runner.batches).toEqual([[1], [2, 3]]);
  });

  it("on another runner while the first is busy", () => {
    const second = new PlayedRunner();
    const { runner, submit } = batcherOf({ delayMs: 0 }, second);
    submit(1);
    submit(2);
    expect([runner.batches, second.batches]).toEqual([[[1]], [[2]]]);
  });

  it("when a runner says that it is ready again", () => {
    const { batcher, runner, submit } = batcherOf({ delayMs: 0 });
    runner.ready = false;
    submit(1);
    expect(runner.batches).toEqual([]);
    runner.ready = true;
    batcher.startBatches();
    expect(runner.batches).toEqual([[1]]);
  });
});

describe("everybody gets their own rows", () => {
  it("also of requests of several rows, and how long things took", async () => {
    const { runner, submit } = batcherOf({ delayMs: 3 });
    const [first, second] = [submit(1, 2), submit(3)];
    vi.advanceTimersByTime(3);
    await runner.finish();
    expect(await first.outcome).toMatchObject({ ok: true, value: { queueMs: 3, inferMs: 7, batchRows: 3 } });
    expect(valuesOf(await first.outcome)).toEqual([2, 4]);
    expect(valuesOf(await second.outcome)).toEqual([6]);
  });

  it("and nobody the padding", async () => {
    const { runner, submit } = batcherOf({ delayMs: 0, isPadded: true, preferredSizes: [4] });
    const { outcome } = submit(5, 6, 7);
    expect(runner.batches).toEqual([[5, 6, 7, 0]]);
    await runner.finish();
    expect(valuesOf(await outcome)).toEqual([10, 12, 14]);
  });
});

describe("who gives up", () => {
  it("leaves and is not worked for", async () => {
    const { runner, submitAs } = batcherOf({ delayMs: 5 });
    const client = new AbortController();
    const leaving = submitAs({ signal: client.signal }, 1);
    const staying = submitAs({}, 2);
    client.abort();
    expect(await leaving.outcome).toMatchObject({ ok: false, reason: "client-gone" });
    vi.advanceTimersByTime(5);
    expect(runner.batches).toEqual([[2]]);
    await runner.finish();
    expect(valuesOf(await staying.outcome)).toEqual([4]);
  });

  it("before it comes is not let in", async () => {
    const { runner, submitAs } = batcherOf({ delayMs: 0 });
    expect(await submitAs({ signal: AbortSignal.abort() }, 1).outcome).toMatchObject({
      ok: false,
      reason: "client-gone",
    });
    expect(runner.batches).toEqual([]);
  });
});

describe("when a batch", () => {
  it("cannot be run, each in it gets a run alone, and only the culprit fails", async () => {
    const { runner, submit } = batcherOf({ delayMs: 1 });
    const requests = [submit(1), submit(2), submit(3)];
    vi.advanceTimersByTime(1);
    await runner.finish({ kind: "failed" });
    const late = submit(4);
    await runner.finish();
    await runner.finish({ kind: "failed" });
    await runner.finish();
    vi.advanceTimersByTime(1);
    await runner.finish();
    expect(runner.batches).toEqual([[1, 2, 3], [1], [2], [3], [4]]);
    const outcomes = await Promise.all(requests.map(({ outcome }) => outcome));
    expect(outcomes.map(({ ok }) => ok)).toEqual([true, false, true]);
    expect(outcomes[1]).toMatchObject({ reason: "inference-failed" });
    expect(valuesOf(await late.outcome)).toEqual([8]);
  });

  it("of one cannot be run, it fails at once", async () => {
    const { runner, submit } = batcherOf({ delayMs: 0 });
    const { outcome } = submit(1);
    await runner.finish({ kind: "failed" });
    expect(await outcome).toMatchObject({ ok: false, reason: "inference-failed" });
    expect(runner.batches).toEqual([[1]]);
  });

  it("is lost, even one alone gets a second run, and no third", async () => {
    const { runner, submit } = batcherOf({ delayMs: 0 });
    const { outcome } = submit(1);
    await runner.finish({ kind: "lost" });
    await runner.finish({ kind: "lost" });
    expect(await outcome).toMatchObject({ ok: false, reason: "inference-failed" });
    expect(runner.batches).toEqual([[1], [1]]);
  });

  it("is lost and no runner will come back, all are refused", async () => {
    const { batcher, runner, submit } = batcherOf({ delayMs: 0 });
    const requests = [submit(1), submit(2)];
    runner.ready = false;
    await runner.finish({ kind: "lost" });
    batcher.refuseAll();
    for (const { outcome } of requests) expect(await outcome).toMatchObject({ reason: "not-ready" });
  });
});

describe("whatever happens", () => {
  it("everybody is settled once, with their own rows or for a reason, and nobody runs a third time", async () => {
    const [few, some] = [fc.integer({ min: 0, max: 3 }), fc.integer({ min: 1, max: 6 })];
    const event = fc.oneof(
      fc.tuple(some, fc.integer({ min: 1, max: 3 })).map(
        ([rows, priority]) =>
          (world: World) =>
            world.submit(rows, priority),
      ),
      fc
        .constantFrom(undefined, "failed" as const, "lost" as const)
        .map((kind) => (world: World) => world.finish(kind)),
      fc.nat(40).map((which) => (world: World) => world.leave(which)),
      few.map((ms) => (_: World) => void vi.advanceTimersByTime(ms)),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(event, { maxLength: 60 }), some, few, async (events, maxBatch, delayMs) => {
        const world = new World({ maxBatch, delayMs, preferredSizes: [maxBatch] });
        for (const happen of events) await happen(world);
        await world.finishAll(delayMs);
        await world.check();
      }),
      { numRuns: 300 },
    );
  });
});

/** A batcher, its one runner, and all who came; each request's values are its number. */
class World {
  readonly #batcher: ReturnType<typeof batcherOf>;
  readonly #requests: { client: AbortController; outcome: Promise<Outcome<Share>> }[] = [];

  constructor(options: Partial<BatchingOptions>) {
    this.#batcher = batcherOf(options);
  }

  submit(rows: number, priority: number): void {
    const client = new AbortController();
    const values = Array<number>(rows).fill(this.#requests.length + 1);
    this.#requests.push({ client, ...this.#batcher.submitAs({ priority, signal: client.signal }, ...values) });
  }

  async finish(kind?: "failed" | "lost"): Promise<void> {
    const { runner } = this.#batcher;
    if (runner.isRunning) await runner.finish(kind === undefined ? undefined : { kind });
  }

  leave(which: number): void {
    this.#requests[which]?.client.abort();
  }

  async finishAll(delayMs: number): Promise<void> {
    for (let turn = 0; turn < 3 * this.#requests.length + 3; turn++) {
      vi.advanceTimersByTime(delayMs + 1);
      await this.finish();
    }
  }

  async check(): Promise<void> {
    for (const [index, { client, outcome }] of this.#requests.entries()) {
      const settled = await outcome;
      if (settled.ok) expect(new Set(valuesOf(settled))).toEqual(new Set([2 * (index + 1)]));
      else expect(["inference-failed", client.signal.aborted && "client-gone"]).toContain(settled.reason);
      const runs = this.#batcher.runner.batches.filter((batch) => batch.includes(index + 1));
      expect(runs.length).toBeLessThanOrEqual(2);
    }
  }
}

/** Doubles every value; finishes a batch when it is told to. */
class PlayedRunner implements Runner {
  ready = true;
  /** The values of every batch so far, padding included. */
  readonly batches: number[][] = [];
  #running: { batch: Batch; resolve: (result: BatchResult) => void } | null = null;

  isReady(): boolean {
    return this.ready;
  }

  run(batch: Batch): Promise<BatchResult> {
    if (this.#running !== null) throw new Error("two batches at a time");
    this.batches.push([...batch.inputs[0].bytes]);
    return new Promise((resolve) => {
      this.#running = { batch, resolve };
    });
  }

  get isRunning(): boolean {
    return this.#running !== null;
  }

  async finish(result?: BatchResult): Promise<void> {
    if (this.#running === null) throw new Error("nothing is running");
    const { batch, resolve } = this.#running;
    this.#running = null;
    const outputs = [{ ...batch.inputs[0], name: "y", bytes: batch.inputs[0].bytes.map((value) => 2 * value) }];
    resolve(result ?? { kind: "done", outputs, inputMs: 1, inferMs: 7, outputMs: 1 });
    // Everything that follows from it happens in microtasks.
    for (let turn = 0; turn < 5; turn++) await Promise.resolve();
  }
}

function batcherOf(options: Partial<BatchingOptions>, ...others: Runner[]) {
  const runner = new PlayedRunner();
  const all = { maxBatch: 8, delayMs: 0, preferredSizes: [8], isPadded: false, ...options };
  const services = { now: () => performance.now(), onBatch: () => undefined };
  const batcher = new Batcher([runner, ...others], all, services);
  const submitAs = (how: Partial<Work>, ...values: number[]) => {
    const bytes = new Uint8Array(values);
    const input: Tensor = { name: "x", datatype: "UINT8", shape: [values.length, 1], bytes };
    const { signal } = new AbortController();
    const work = { inputs: [input], rows: values.length, outputs: ["y"], priority: 2, signal, ...how };
    return { outcome: batcher.submit(work) };
  };
  return { batcher, runner, submitAs, submit: (...values: number[]) => submitAs({}, ...values) };
}

function valuesOf(outcome: Outcome<Share>): number[] {
  if (!outcome.ok) throw new Error(outcome.message);
  return [...outcome.value.outputs[0].bytes];
}
