// One batch at a time, in the thread and back.
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { SessionOptions } from "../../../cloud-backend/src/inference/session-messages.ts";
import { SessionThread, type ThreadEvent } from "../../../cloud-backend/src/inference/session-thread.ts";
import { samplePixels } from "../setup/messages.ts";
import { modelFolder, shippedManifest } from "../setup/model-folder.ts";

const { large } = (await shippedManifest()).cloud;
const events: ThreadEvent[] = [];
let thread: SessionThread;
beforeAll(async () => {
  thread = await startThread();
});
afterAll(() => thread.stop());

describe("SessionThread", () => {
  it("says on which provider it runs", () => {
    expect(thread.provider).toBe("cpu");
  });

  it("moves the tensors' buffers instead of copying them", async () => {
    const bytes = samplePixels();
    const result = thread.run(batchOf(bytes));
    expect(bytes.byteLength).toBe(0);
    expect(await result).toMatchObject({
      kind: "done",
      outputs: [{ name: "logits", datatype: "FP32", shape: [1, 100] }],
      inferMs: expect.any(Number),
    });
  });

  it("runs one batch at a time", async () => {
    const first = thread.run(batchOf(samplePixels()));
    expect(() => thread.run(batchOf(samplePixels()))).toThrow(TypeError);
    expect(await first).toMatchObject({ kind: "done" });
  });

  it("that is stopped finishes the batch that it runs, and takes no other", async () => {
    const other = await startThread();
    const running = other.run(batchOf(samplePixels(64)));
    const stopped = other.stop();
    expect(other.isReady()).toBe(false);
    expect(await running).toMatchObject({ kind: "done" });
    await stopped;
    expect(() => other.run(batchOf(samplePixels()))).toThrow(TypeError);
  });

  it("that nobody wants any more is not warmed up", async () => {
    await expect(startThread(AbortSignal.abort())).rejects.toThrow(/large\.onnx: no longer wanted$/);
  });

  it("survives a batch that ONNX Runtime refuses, and keeps the details to itself", async () => {
    const result = await thread.run({ ...batchOf(samplePixels()), outputs: ["nothing"] });
    expect(result).toEqual({ kind: "failed" });
    expect(events).toEqual([{ event: "run-failed", error: expect.stringContaining("nothing") }]);
    expect(await thread.run(batchOf(samplePixels()))).toMatchObject({ kind: "done" });
  });
});

async function startThread(signal = new AbortController().signal): Promise<SessionThread> {
  const session: SessionOptions = {
    path: join(modelFolder, large.file),
    sha256: large.sha256,
    providers: ["cpu"],
    threads: 1,
    warmUpRows: [1],
  };
  const onEvent = (event: ThreadEvent) => events.push(event);
  const started = await SessionThread.start({ session, restartDelaysMs: [], onEvent, signal });
  if (!started.ok) throw new Error(started.error);
  return started.value;
}

function batchOf(bytes: Uint8Array<ArrayBuffer>) {
  const shape = [bytes.byteLength / 3072, 32, 32, 3];
  const input = { name: "image", datatype: "UINT8" as const, shape, bytes };
  return { inputs: [input], outputs: ["logits"] };
}
