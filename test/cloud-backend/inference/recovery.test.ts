// The death of an inference thread: everybody is answered, /ping says so, and a new one takes over.
import { once } from "node:events";
import type { Worker } from "node:worker_threads";
import { afterEach, describe, expect, it, vi } from "vitest";
import type { SessionData } from "../../../cloud-backend/src/inference/session-messages.ts";
import { Gate } from "../setup/gate.ts";
import { jsonLogits, jsonMessage, post, readError, samplePixels } from "../setup/messages.ts";
import { type RunningApp, type RunningAppOptions, startApp } from "../setup/running-app.ts";

const message = jsonMessage(samplePixels());

describe("when the thread dies", () => {
  let gate: Gate;
  let app: RunningApp;
  async function startGated(options: RunningAppOptions = {}): Promise<void> {
    gate = new Gate();
    app = await startApp({ ...options, spawn: options.spawn ?? gate.spawn });
  }
  afterEach(() => {
    gate.open();
    return app.close();
  });

  it("nobody is lost: what ran and what waited is answered by its successor", async () => {
    await startGated({ restartDelaysMs: [0] });
    const running = infer();
    await gate.waitForJobs(1);
    const waiting = [infer(), infer()];
    await vi.waitFor(async () => expect(await probe()).toMatch(/timeout/));
    const lost = once(app.thread, "thread-lost");
    const restarted = once(app.thread, "thread-restarted");
    await gate.workers[0].terminate();
    await lost;

    expect((await fetch(`${app.url}/ping`)).status).toBe(503);
    expect((await fetch(`${app.url}/v2/health/ready`)).status).toBe(503);
    expect((await fetch(`${app.url}/v2/models/large/ready`)).status).toBe(503);
    expect((await fetch(`${app.url}/v2/health/live`)).status).toBe(200);
    expect((await fetch(`${app.url}/v2/models/large`)).status).toBe(200);

    gate.open();
    await restarted;
    expect(gate.workers).toHaveLength(2);
    for (const response of await Promise.all([running, ...waiting])) {
      expect(response.status).toBe(200);
      expect(await jsonLogits(response)).toEqual(await jsonLogits(await infer()));
    }
    expect((await fetch(`${app.url}/ping`)).status).toBe(200);
  });

  it("twice under the same request, that one fails and the others are served", async () => {
    await startGated({ restartDelaysMs: [0, 0] });
    const fatal = infer();
    for (const deaths of [1, 2]) {
      await gate.waitForJobs(deaths);
      const restarted = once(app.thread, "thread-restarted");
      await gate.workers[deaths - 1].terminate();
      await restarted;
    }
    const response = await fatal;
    expect(response.status).toBe(500);
    expect(await readError(response)).toBe("the model stopped while it processed this input");
    gate.open();
    expect((await infer()).status).toBe(200);
  });

  it("by an error of its own, the error is reported", async () => {
    await startGated({ restartDelaysMs: [0] });
    const lost = once(app.thread, "thread-lost");
    const restarted = once(app.thread, "thread-restarted");
    gate.workers[0].postMessage("die");
    gate.open();
    expect(await lost).toEqual([{ event: "thread-lost", error: "the thread was told to die" }]);
    await restarted;
    expect((await infer()).status).toBe(200);
  });

  it("it is given up after the last attempt, without a hot loop", async () => {
    let canStart = true;
    const spawned: string[] = [];
    await startGated({
      restartDelaysMs: [0, 0, 0],
      spawn: (session: SessionData): Worker => {
        spawned.push(session.path);
        return gate.spawn(canStart ? session : { ...session, path: "/nowhere/large.onnx" });
      },
    });
    canStart = false;
    const failed: string[] = [];
    app.thread.on("thread-not-restarted", ({ error }) => failed.push(error));
    const givenUp = once(app.thread, "thread-given-up");
    await gate.workers[0].terminate();
    await givenUp;
    expect(spawned).toHaveLength(4);
    expect(failed).toHaveLength(3);
    expect(failed[0]).toMatch(/ENOENT.*nowhere/);
    expect((await fetch(`${app.url}/ping`)).status).toBe(503);
    expect((await infer()).status).toBe(503);
  });

  it("a successful run refills the attempts", async () => {
    await startGated({ restartDelaysMs: [0] });
    gate.open();
    for (const deaths of [1, 2, 3]) {
      const restarted = once(app.thread, "thread-restarted");
      await gate.workers[deaths - 1].terminate();
      await restarted;
      expect((await infer()).status).toBe(200);
    }
    expect(gate.workers).toHaveLength(4);
  });

  it("and the model is stopped meanwhile, nothing is started any more", async () => {
    await startGated({ restartDelaysMs: [3_600_000] });
    const lost = once(app.thread, "thread-lost");
    await gate.workers[0].terminate();
    await lost;
    await app.close();
    expect(gate.workers).toHaveLength(1);
    await startGated();
  });

  const infer = () => post(`${app.url}/v2/models/large/infer`, message);
  const probe = async () => {
    const body = jsonMessage(samplePixels(), { parameters: { timeout: 1 } });
    return readError(await post(`${app.url}/v2/models/large/infer`, body));
  };
});
