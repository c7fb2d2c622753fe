// One job at a time, in the thread and back.
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { SessionThread, type ThreadEvent } from "../../../cloud-backend/src/inference/session-thread.ts";
import { samplePixels } from "../setup/messages.ts";
import { modelFolder, shippedManifest } from "../setup/model-folder.ts";

const { large } = (await shippedManifest()).cloud;
const events: ThreadEvent[] = [];
let thread: SessionThread;
beforeAll(async () => {
  const started = await SessionThread.start({
    session: { path: join(modelFolder, large.file), sha256: large.sha256, threads: 1 },
    restartDelaysMs: [],
    onEvent: (event) => events.push(event),
  });
  if (!started.ok) throw new Error(started.error);
  thread = started.value;
});
afterAll(() => thread.stop());

describe("SessionThread", () => {
  it("moves the tensors' buffers instead of copying them", async () => {
    const bytes = samplePixels();
    const outcome = thread.run(jobOf(bytes));
    expect(bytes.byteLength).toBe(0);
    expect(await outcome).toMatchObject({ ok: true, value: [{ name: "logits", datatype: "FP32", shape: [1, 100] }] });
  });

  it("copies what is part of a larger buffer, and leaves that whole", async () => {
    const body = samplePixels(2);
    const part = await thread.run(jobOf(body.subarray(3072)));
    expect(body.byteLength).toBe(6144);
    expect(part).toEqual(await thread.run(jobOf(body.slice(3072))));
  });

  it("runs one job at a time", async () => {
    const first = thread.run(jobOf(samplePixels()));
    expect(() => thread.run(jobOf(samplePixels()))).toThrow(TypeError);
    expect(await first).toMatchObject({ ok: true });
  });

  it("survives a job that ONNX Runtime refuses, and keeps the details to itself", async () => {
    const outcome = await thread.run({ ...jobOf(samplePixels()), outputs: ["nothing"] });
    expect(outcome).toEqual({
      ok: false,
      reason: "inference-failed",
      message: "the model could not process this input",
    });
    expect(events).toEqual([{ event: "run-failed", error: expect.stringContaining("nothing") }]);
    expect(await thread.run(jobOf(samplePixels()))).toMatchObject({ ok: true });
  });
});

function jobOf(bytes: Uint8Array<ArrayBuffer>) {
  const input = { name: "image", datatype: "UINT8" as const, shape: [1, 32, 32, 3], bytes };
  return { inputs: [input], outputs: ["logits"] };
}
