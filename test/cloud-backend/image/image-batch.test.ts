// Encoded images become the tensor that their pixels make: upright, over white, in the graph's layout.
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { limitConcurrency } from "../../../cloud-backend/src/image/concurrency.ts";
import { type ImageRecipe, imageBatch } from "../../../cloud-backend/src/image/image-batch.ts";
import { samplePixels } from "../setup/messages.ts";
import { shippedManifest } from "../setup/model-folder.ts";

const { large } = (await shippedManifest()).cloud;
const limit = limitConcurrency(2);
const { signal } = new AbortController();

describe("imageBatch", () => {
  it.each([1, 2, 3, 4, 5, 6, 7, 8])(
    "shows a picture upright that is stored with orientation %i",
    async (orientation) => {
      const [width, height] = orientation < 5 ? [4, 6] : [6, 4];
      const stored = await sharp(samplePixels().slice(0, 72), { raw: { width, height, channels: 3 } })
        .withMetadata({ orientation })
        .png()
        .toBuffer();
      const upright = await sharp(stored).autoOrient().raw().toBuffer({ resolveWithObject: true });
      expect(upright.info).toMatchObject({ width: 4, height: 6 });
      const batch = await imageBatch([stored], ofSize(4, 6), limit, signal);
      expect(batch).toMatchObject({ ok: true, value: { name: "image", datatype: "UINT8", shape: [1, 6, 4, 3] } });
      expect(batch.ok && [...batch.value.bytes]).toEqual([...upright.data]);
    },
  );

  it("lays opacity over white", async () => {
    const rgba = samplePixels().slice(0, 4 * 24);
    const image = await sharp(rgba, { raw: { width: 4, height: 6, channels: 4 } })
      .png()
      .toBuffer();
    const expected = Array.from({ length: 24 }, (_, at) => {
      const [opacity, ...colours] = [rgba[at * 4 + 3], rgba[at * 4], rgba[at * 4 + 1], rgba[at * 4 + 2]];
      return colours.map((value) => Math.round(255 + ((value - 255) * opacity) / 255));
    });
    const batch = await imageBatch([image], ofSize(4, 6), limit, signal);
    expect(batch.ok && [...batch.value.bytes]).toEqual(expected.flat());
  });

  it("keeps the images' order", async () => {
    const images = await Promise.all([10, 20, 30].map(greyPng));
    const batch = await imageBatch(images, ofSize(1, 1), limit, signal);
    expect(batch.ok && [...batch.value.bytes]).toEqual([10, 10, 10, 20, 20, 20, 30, 30, 30]);
  });

  it("stops when nobody waits for it any more", async () => {
    const batch = await imageBatch([await greyPng(1)], ofSize(1, 1), limit, AbortSignal.abort());
    expect(batch).toMatchObject({ ok: false, reason: "client-gone" });
  });

  it("refuses a batch that no tensor can hold, before it decodes", async () => {
    const batch = await imageBatch(Array(22).fill(new Uint8Array(0)), ofSize(1024, 1024), limit, signal);
    expect(batch).toMatchObject({ ok: false, reason: "bad-request" });
  });
});

function ofSize(width: number, height: number): ImageRecipe {
  return { input: large.input, preprocessing: { ...large.preprocessing, width, height } };
}

function greyPng(level: number): Promise<Buffer> {
  const background = { r: level, g: level, b: level };
  return sharp({ create: { width: 2, height: 2, channels: 3, background } })
    .png()
    .toBuffer();
}
