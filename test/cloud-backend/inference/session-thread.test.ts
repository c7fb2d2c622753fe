// One batch at a time, in the thread and back.
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
    session: {
      path: join(modelFolder, large.file),
      sha256: large.sha256,
      providers: ["cpu"],
      threads: 1,
      warmUpRows: [1],
    },
    restartDelaysMs: [],
    onEvent: (event) => events.push(event),
  });
  if (!started.ok) throw new Error(started.error);
  thread = started.value;
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

  it("survives a batch that ONNX Runtime refuses, and keeps the details to itself", async () => {
    const result = await thread.run({ ...batchOf(samplePixels()), outputs: ["nothing"] });
    expect(result).toEqual({ kind: "failed" });
    expect(events).toEqual([{ event: "run-failed", error: expect.stringContaining("nothing") }]);
    expect(await thread.run(batchOf(samplePixels()))).toMatchObject({ kind: "done" });
  });
});

function batchOf(bytes: Uint8Array<ArrayBuffer>) {
  const input = { name: "image", datatype: "UINT8" as const, shape: [1, 32, 32, 3], bytes };
  return { inputs: [input], outputs: ["logits"] };
}
