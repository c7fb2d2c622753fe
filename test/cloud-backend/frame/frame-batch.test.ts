// Frames become the tensors that the edge would send in their place, a few in each turn of the event loop.
import type { Tensor } from "@spillway/shared/protocol/tensor";
import { tailTensors } from "@spillway/shared/split/tail-input";
import { describe, expect, it } from "vitest";
import { frameBatch } from "../../../cloud-backend/src/frame/frame-batch.ts";
import { settingProblem } from "../../../cloud-backend/src/frame/setting-problem.ts";
import { shareThread } from "../../../cloud-backend/src/slices.ts";
import { smallFeatures, smallTail } from "../../setup/small-tail.ts";

const tail = await smallTail();
const recipe = { tail, shape: [4, 3, 2] } as const;
const sent = await Promise.all([2, 0, 1, 2].map((setting, row) => smallFeatures(setting, row + 1)));
const frames = sent.map(({ frame }) => frame);
const inSlices = shareThread(2);
const { signal } = new AbortController();

describe("frameBatch", () => {
  it("is what the edge makes of the same features for a server without frames", async () => {
    const rows = sent.map(({ quantised, setting }) => ({ features: quantised, setting }));
    expect(await frameBatch(frames, recipe, inSlices, signal)).toEqual({ ok: true, value: tailTensors(tail, rows) });
  });

  it("names the first frame that is damaged, and goes no further", async () => {
    const damaged = frames[2].slice(0, -1);
    expect(await frameBatch([frames[0], frames[1], damaged, damaged], recipe, inSlices, signal)).toEqual({
      ok: false,
      reason: "bad-frame",
      message: expect.stringMatching(/^frame 2: truncated: /),
    });
  });

  it("does a frame in each turn where its slice allows no more", async () => {
    let turns = 0;
    let isDone = false;
    const count = () => {
      turns += 1;
      if (!isDone) setImmediate(count);
    };
    setImmediate(count);
    await frameBatch(Array(50).fill(frames[0]), recipe, shareThread(0), signal);
    isDone = true;
    expect(turns).toBeGreaterThanOrEqual(50);
  });

  it("stops between two frames when nobody waits for it any more", async () => {
    const client = new AbortController();
    const running = frameBatch([frames[0], new Uint8Array(0)], recipe, shareThread(0), client.signal);
    setImmediate(() => client.abort());
    expect(await running).toMatchObject({ ok: false, reason: "client-gone" });
  });

  it("refuses more frames than a tensor can hold, before it decodes", async () => {
    const large = { tail, shape: [64, 1024, 1024] } as const;
    expect(await frameBatch(Array(2).fill(new Uint8Array(0)), large, inSlices, signal)).toMatchObject({
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
