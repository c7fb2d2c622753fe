// Threads that decode: as many as are needed and no more, replaced when they die, and the main thread stays free.
import { Worker } from "node:worker_threads";
import type { ExpectedFeatures } from "@spillway/shared/split/frame";
import { describe, expect, it, onTestFinished } from "vitest";
import { FrameThreads } from "../../../cloud-backend/src/frame/frame-threads.ts";
import { smallFeatures, smallTail } from "../../setup/small-tail.ts";

const tail = await smallTail();
const expected: ExpectedFeatures = { shape: [4, 3, 2], settings: tail.settings };
const { frame, quantised } = await smallFeatures(2);
const { signal } = new AbortController();
const MAX_THREADS = 3;
const DEADLY = new Uint8Array(1);
const ENDLESS = new Uint8Array(2);

describe("FrameThreads", () => {
  it("decodes, and says why where it cannot", async () => {
    const { threads } = await start();
    expect(await threads.decode(frame, signal)).toEqual({
      ok: true,
      value: { ok: true, features: { ...quantised, setting: { channels: 4, bits: 4 } }, setting: 2 },
    });
    expect(await threads.decode(frame.subarray(1), signal)).toMatchObject({
      ok: true,
      value: { ok: false, reason: "not-a-frame" },
    });
  });

  it("leaves a frame to whoever has it: it may lie anywhere in a body", async () => {
    const { threads } = await start();
    const body = new Uint8Array([...new Uint8Array(7), ...frame, 9]);
    const decoded = await threads.decode(body.subarray(7, -1), signal);
    expect(decoded).toMatchObject({ ok: true, value: { ok: true } });
    expect(body.at(-1)).toBe(9);
  });

  it("has one thread where one is enough, and at most so many", async () => {
    const { threads, spawned } = await start();
    for (let count = 0; count < 5; count++) await threads.decode(frame, signal);
    expect(spawned()).toBe(1);
    const all = Array.from({ length: 3 * MAX_THREADS }, () => threads.decode(frame, signal));
    for (const decoded of await Promise.all(all)) expect(decoded).toMatchObject({ ok: true, value: { ok: true } });
    expect(spawned()).toBe(MAX_THREADS);
  });

  it("replaces a thread that dies; nobody but its own frame notices", async () => {
    const { threads, spawned, lost } = await start();
    const [deadly, other] = await Promise.all([threads.decode(DEADLY, signal), threads.decode(frame, signal)]);
    expect(deadly).toEqual({ ok: false, reason: "internal", message: "internal error" });
    expect(other).toMatchObject({ ok: true, value: { ok: true } });
    expect(lost).toEqual(["one byte"]);
    for (let count = 0; count < MAX_THREADS; count++) await threads.decode(DEADLY, signal);
    expect(await threads.decode(frame, signal)).toMatchObject({ ok: true, value: { ok: true } });
    expect(spawned()).toBe(MAX_THREADS + 2);
  });

  it("does not decode for who does not wait any more, also where all threads are busy", async () => {
    const { threads } = await start();
    const endless = Array.from({ length: MAX_THREADS }, () => threads.decode(ENDLESS, signal));
    const client = new AbortController();
    const waiting = threads.decode(frame, client.signal);
    client.abort();
    expect(await waiting).toMatchObject({ ok: false, reason: "client-gone" });
    await threads.stop();
    for (const decoded of await Promise.all(endless)) expect(decoded).toMatchObject({ ok: false, reason: "not-ready" });
    expect(await threads.decode(frame, signal)).toMatchObject({ ok: false, reason: "not-ready" });
  });

  it("does not start where no thread can", async () => {
    const spawn = () => new Worker("throw new Error('no decoder')", { eval: true });
    const lost: string[] = [];
    const started = await FrameThreads.start({
      expected,
      maxThreads: MAX_THREADS,
      onLost: (error) => lost.push(error),
      spawn,
    });
    expect(started).toEqual({ ok: false, error: "no thread can decode frames" });
    expect(lost).toEqual(["no decoder"]);
  });
});

async function start() {
  let spawned = 0;
  const lost: string[] = [];
  const spawn = (workerData: ExpectedFeatures) => {
    spawned += 1;
    return new Worker(new URL("../setup/failing-frame-worker.ts", import.meta.url), { workerData });
  };
  const started = await FrameThreads.start({
    expected,
    maxThreads: MAX_THREADS,
    onLost: (error) => lost.push(error),
    spawn,
  });
  if (!started.ok) throw new Error(started.error);
  onTestFinished(() => started.value.stop());
  return { threads: started.value, spawned: () => spawned, lost };
}
