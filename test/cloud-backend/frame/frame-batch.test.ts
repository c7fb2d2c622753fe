// Frames become the tensors that the edge would send in their place, decoded by threads of their own.
import type { Tensor } from "@spillway/shared/protocol/tensor";
import { tailTensors } from "@spillway/shared/split/tail-input";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { frameBatch } from "../../../cloud-backend/src/frame/frame-batch.ts";
import { FrameThreads } from "../../../cloud-backend/src/frame/frame-threads.ts";
import { settingProblem } from "../../../cloud-backend/src/frame/setting-problem.ts";
import { smallFeatures, smallTail } from "../../setup/small-tail.ts";

const tail = await smallTail();
const recipe = { tail, shape: [4, 3, 2] } as const;
const sent = await Promise.all([2, 0, 1, 2].map((setting, row) => smallFeatures(setting, row + 1)));
const frames = sent.map(({ frame }) => frame);
const { signal } = new AbortController();

let threads: FrameThreads;
beforeAll(async () => {
  const expected = { shape: recipe.shape, settings: tail.settings };
  const started = await FrameThreads.start({ expected, maxThreads: 1, onLost: () => undefined });
  if (!started.ok) throw new Error(started.error);
  threads = started.value;
});
afterAll(() => threads.stop());

describe("frameBatch", () => {
  it("is what the edge makes of the same features for a server without frames", async () => {
    const rows = sent.map(({ quantised, setting }) => ({ features: quantised, setting }));
    expect(await frameBatch(frames, recipe, threads, signal)).toEqual({ ok: true, value: tailTensors(tail, rows) });
  });

  it("names the first frame that is damaged, and goes no further", async () => {
    const damaged = frames[2].slice(0, -1);
    expect(await frameBatch([frames[0], frames[1], damaged, damaged], recipe, threads, signal)).toEqual({
      ok: false,
      reason: "bad-frame",
      message: expect.stringMatching(/^frame 2: truncated: /),
    });
  });

  it("stops between two frames when nobody waits for it any more", async () => {
    const client = new AbortController();
    const running = frameBatch([frames[0], new Uint8Array(0)], recipe, threads, client.signal);
    client.abort();
    expect(await running).toMatchObject({ ok: false, reason: "client-gone" });
  });

  it("refuses more frames than a tensor can hold, before it decodes", async () => {
    const large = { tail, shape: [64, 1024, 1024] } as const;
    expect(await frameBatch(Array(2).fill(new Uint8Array(0)), large, threads, signal)).toMatchObject({
      ok: false,
      reason: "bad-request",
    });
  });
});

describe("settingProblem", () => {
  const settings = (...values: bigint[]): Tensor => {
    // At an odd place, as in a body.
    const bytes = new Uint8Array(1 + values.length * 8);
    bytes.set(new Uint8Array(BigInt64Array.from(values).buffer), 1);
    return { name: "setting", datatype: "INT64", shape: [values.length, 1], bytes: bytes.subarray(1) };
  };

  it("is none for the first and the last that the tail has", () => {
    expect(settingProblem([...sent[0].tensors.slice(0, 2), settings(0n, 2n)], tail)).toBeNull();
  });

  it.each([-1n, 3n, -(2n ** 63n), 2n ** 63n - 1n])("names the row of %s", (setting) => {
    expect(settingProblem([settings(1n, setting)], tail)).toEqual({
      ok: false,
      reason: "bad-request",
      message: `setting: expected 0 to 2, got ${setting} in row 1`,
    });
  });
});
