// Images become batches of both networks' inputs, a bounded number at a time.
import { setImmediate as turn } from "node:timers/promises";
import type { Manifest } from "@spillway/shared/schema/manifest";
import { describe, expect, it } from "vitest";
import { type BatchOptions, batchSize, modelBatches } from "../../../models/src/evaluation/model-batch.ts";
import {
  BrokenImageError,
  type LabelledImage,
  type LabelledImages,
} from "../../../models/src/images/labelled-images.ts";

type Side = { width: number; height: number };

/** Only what batches need: the edge takes raw bytes, the large model floats. */
function manifestOf(edge: Side, large: Side = edge, datatype = "FP32"): Manifest {
  const preprocessing = { fit: "fill", mean: [0, 0, 0], std: [1, 1, 1] };
  return {
    edge: {
      preprocessing: { ...edge, ...preprocessing },
      input: { name: "image", datatype: "UINT8", layout: "NHWC" },
    },
    cloud: {
      large: { preprocessing: { ...large, ...preprocessing }, input: { name: "image", datatype, layout: "NHWC" } },
    },
  } as unknown as Manifest;
}

const PIXEL = { width: 1, height: 1 };

function imagesOf(count: number, read: (index: number) => Promise<LabelledImage>): LabelledImages {
  return { count, labels: new Int32Array(count), name: "made up", read };
}

/** One grey pixel whose value is the image's index. */
const grey = async (index: number): Promise<LabelledImage> => ({
  data: new Uint8Array(3).fill(index),
  width: 1,
  height: 1,
  channels: 3,
  orientation: 1,
});

async function batchesOf(images: LabelledImages, indices: number[], manifest: Manifest, options: BatchOptions = {}) {
  const batches = [];
  for await (const batch of modelBatches(images, indices, manifest, options)) batches.push(batch);
  return batches;
}

describe("modelBatches", () => {
  it("packs the chosen images in their order, for both networks", async () => {
    const [batch, ...others] = await batchesOf(imagesOf(9, grey), [7, 2], manifestOf(PIXEL));
    expect(others).toEqual([]);
    expect(batch.rows).toEqual([0, 1]);
    expect(batch.edge).toEqual(Uint8Array.of(7, 7, 7, 2, 2, 2));
    expect(batch.large).toEqual(Float32Array.of(7, 7, 7, 2, 2, 2).map((value) => value / 255));
  });

  it("cuts into batches of 25", async () => {
    const indices = Array.from({ length: 51 }, (_, index) => index);
    const batches = await batchesOf(imagesOf(51, grey), indices, manifestOf(PIXEL));
    expect(batches.map(({ rows }) => rows.length)).toEqual([25, 25, 1]);
    expect(batches.flatMap(({ rows }) => rows)).toEqual(indices);
  });

  it("resizes for each network, turns the picture upright and lays it over white", async () => {
    const transparent = [0, 0, 0, 0];
    // Stored as a column: opaque 200 above nothing. Orientation 6 shows the first stored row on the right.
    const stored: LabelledImage = {
      data: Uint8Array.of(200, 200, 200, 255, ...transparent),
      width: 1,
      height: 2,
      channels: 4,
      orientation: 6,
    };
    const manifest = manifestOf({ width: 2, height: 1 }, PIXEL);
    const [{ edge, large }] = await batchesOf(
      imagesOf(1, async () => stored),
      [0],
      manifest,
    );
    expect([...edge]).toEqual([255, 255, 255, 200, 200, 200]);
    expect([...large]).toEqual(Array(3).fill(Math.fround(227.5 / 255)));
  });

  it("leaves broken images out where that is asked for, and no other failure", async () => {
    const broken = new BrokenImageError("1.png: broken");
    const read = (index: number) => (index === 1 ? Promise.reject(broken) : grey(index));
    const heard: Error[] = [];
    const onBroken = (error: Error) => heard.push(error);
    const [batch] = await batchesOf(imagesOf(3, read), [0, 1, 2], manifestOf(PIXEL), { onBroken });
    expect(batch.rows).toEqual([0, 2]);
    expect([...batch.edge]).toEqual([0, 0, 0, 2, 2, 2]);
    expect(heard).toEqual([broken]);
    await expect(batchesOf(imagesOf(3, read), [0, 1, 2], manifestOf(PIXEL))).rejects.toBe(broken);
    const mistake = imagesOf(1, () => Promise.reject(new TypeError("a mistake")));
    await expect(batchesOf(mistake, [0], manifestOf(PIXEL), { onBroken })).rejects.toThrow(TypeError);
  });

  it("decodes four at a time, and begins none after a failure", async () => {
    const begun: PromiseWithResolvers<LabelledImage>[] = [];
    const read = () => {
      begun.push(Promise.withResolvers());
      return begun[begun.length - 1].promise;
    };
    const indices = Array.from({ length: 10 }, (_, index) => index);
    const first = modelBatches(imagesOf(10, read), indices, manifestOf(PIXEL), {}).next();
    const failed = expect(first).rejects.toThrow("disk");
    await turn();
    expect(begun).toHaveLength(4);
    begun[2].resolve(await grey(2));
    await turn();
    expect(begun).toHaveLength(5);
    begun[0].reject(new Error("disk"));
    await failed;
    for (const { resolve } of begun) resolve(await grey(0));
    await turn();
    expect(begun).toHaveLength(5);
  });
});

describe("batchSize", () => {
  it.each([
    [106_665, 25],
    [106_666, 24],
    [2_666_666, 1],
    [9_999_999, 1],
  ])("of %i pixels and one more of bytes is %i", (width, expected) => {
    expect(batchSize(manifestOf({ width, height: 1 }, PIXEL, "UINT8"))).toBe(expected);
  });

  it("counts four bytes for a float", () => {
    // (106,666 - 4 k) bytes a channel for the edge and k floats for the large model.
    expect(batchSize(manifestOf({ width: 106_662, height: 1 }, PIXEL))).toBe(25);
    expect(batchSize(manifestOf({ width: 106_663, height: 1 }, PIXEL))).toBe(24);
  });
});
