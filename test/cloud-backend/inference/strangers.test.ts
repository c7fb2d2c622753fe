// An answer does not depend on whom a request travels with.
import { type Tensor, tensorOf } from "@spillway/shared/protocol/tensor";
import { describe, expect, it } from "vitest";
import { largeGraph, logitsOf, perRowSettingGraph, servedModel } from "../setup/graphs.ts";
import { samplePixels } from "../setup/messages.ts";

/** Bar of the project: the same bit for bit, or to this. */
const TOLERANCE = 1e-5;

describe("a request in a batch of strangers", () => {
  it("of images is answered as if it were alone", async () => {
    const model = await servedModel(await largeGraph());
    const pixels = samplePixels(23);
    const images = [1, 4, 2, 16].map((count, index) => imagesOf(pixels.slice(index * 3072, (index + count) * 3072)));
    const alone: Float32Array[] = [];
    for (const image of images) alone.push(await logitsOf(model, [image]));
    const before = model.statistics.executionCount;
    const together = await Promise.all(images.map((image) => logitsOf(model, [image])));
    // The first finds the thread idle, the others wait for it together.
    expect(model.statistics.executionCount - before).toBe(2);
    for (const [index, logits] of together.entries()) expect(difference(logits, alone[index])).toBeLessThan(TOLERANCE);
  });

  it("with another setting is computed with its own", async () => {
    const model = await servedModel(await perRowSettingGraph());
    const requests = Array.from({ length: 40 }, (_, index) => codesOf([index, 1, 2, 3], index % 2));
    const together = await Promise.all(requests.map((inputs) => logitsOf(model, inputs)));
    expect(model.statistics.executionCount).toBe(2);
    for (const [index, logits] of together.entries()) {
      const expected = productOf([index, 1, 2, 3], index % 2);
      expect(difference(logits, new Float32Array(expected))).toBeLessThan(1e-4);
    }
  });

  it("whose batch is padded is answered as if it were alone", async () => {
    const batching = { maxBatch: 8, delayMs: 0, preferredSizes: [1, 4, 8], isPadded: true };
    const model = await servedModel(await perRowSettingGraph(), { batching });
    const requests = Array.from({ length: 8 }, (_, index) => codesOf([index, 7, 9, 1], 1));
    const together = await Promise.all(requests.map((inputs) => logitsOf(model, inputs)));
    // One alone, then seven that are padded to eight.
    expect([...model.statistics.batches.keys()]).toEqual([1, 7]);
    for (const [index, logits] of together.entries()) {
      expect(difference(logits, new Float32Array(productOf([index, 7, 9, 1], 1)))).toBeLessThan(1e-4);
    }
  });

  it("that ONNX Runtime refuses fails alone", async () => {
    const model = await servedModel(await perRowSettingGraph());
    const first = logitsOf(model, codesOf([0, 0, 0, 0], 0));
    const requests = [0, 1, 99, 0].map((setting) => logitsOf(model, codesOf([1, 2, 3, 4], setting)));
    await first;
    const settled = await Promise.allSettled(requests);
    expect(settled.map(({ status }) => status)).toEqual(["fulfilled", "fulfilled", "rejected", "fulfilled"]);
    expect(model.statistics.failures.BACKEND).toBe(1);
    expect(model.statistics.success.count).toBe(4);
  });
});

describe("several instances", () => {
  it("share the work", async () => {
    const batching = { maxBatch: 2, delayMs: 0, preferredSizes: [2], isPadded: false };
    const model = await servedModel(await perRowSettingGraph(), { instances: 2, batching });
    const requests = Array.from({ length: 200 }, (_, index) => codesOf([index, 0, 0, 0], 0));
    const answers = await Promise.all(requests.map((inputs) => logitsOf(model, inputs)));
    for (const [index, logits] of answers.entries()) {
      expect(difference(logits, new Float32Array(productOf([index, 0, 0, 0], 0)))).toBeLessThan(1e-4);
    }
  });
});

function imagesOf(pixels: Uint8Array<ArrayBuffer>): Tensor {
  return tensorOf("image", [pixels.byteLength / 3072, 32, 32, 3], pixels);
}

/** One row for the per-row-setting graph. */
function codesOf(codes: number[], setting: number): Tensor[] {
  const bytes = new Uint8Array(new BigInt64Array([BigInt(setting)]).buffer);
  return [tensorOf("codes", [1, 4], new Uint8Array(codes)), { name: "setting", datatype: "INT64", shape: [1], bytes }];
}

/** What the graph computes, by its definition in test/vectors/graphs/per_row_setting.py. */
function productOf(codes: number[], setting: number): number[] {
  return [0, 1, 2].map((column) =>
    codes.reduce((sum, code, row) => sum + (code * (setting * 12 + row * 3 + column)) / 10, 0),
  );
}

function difference(a: Float32Array, b: Float32Array): number {
  expect(a.length).toBe(b.length);
  return Math.max(...a.map((value, index) => Math.abs(value - b[index])));
}
