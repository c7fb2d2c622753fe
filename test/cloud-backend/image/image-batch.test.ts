// Encoded images become the tensor that their pixels make: upright, over white, in the graph's layout,
// and however large they are, the thread stays free for others.
import { setImmediate } from "node:timers/promises";
import { imageTensor } from "@spillway/shared/preprocess/image-tensor";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { limitConcurrency } from "../../../cloud-backend/src/image/concurrency.ts";
import { decodeImage } from "../../../cloud-backend/src/image/decode-image.ts";
import { type ImageRecipe, imageBatch } from "../../../cloud-backend/src/image/image-batch.ts";
import { DECODING_SLICE_MS, MAX_IMAGE_PIXELS, MAX_REQUEST_PIXELS } from "../../../cloud-backend/src/limits.ts";
import { shareThread } from "../../../cloud-backend/src/slices.ts";
import { samplePixels } from "../setup/messages.ts";
import { shippedManifest } from "../setup/model-folder.ts";
import { drawnPicture } from "../setup/pictures.ts";

const { large } = (await shippedManifest()).cloud;
const decoding = { limitImages: limitConcurrency(2), inSlices: shareThread(DECODING_SLICE_MS) };
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
      const batch = await imageBatch([stored], ofSize(4, 6), decoding, signal);
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
    const batch = await imageBatch([image], ofSize(4, 6), decoding, signal);
    expect(batch.ok && [...batch.value.bytes]).toEqual(expected.flat());
  });

  it("keeps the images' order", async () => {
    const images = await Promise.all([10, 20, 30].map(greyPng));
    const batch = await imageBatch(images, ofSize(1, 1), decoding, signal);
    expect(batch.ok && [...batch.value.bytes]).toEqual([10, 10, 10, 20, 20, 20, 30, 30, 30]);
  });

  it("stops when nobody waits for it any more", async () => {
    const batch = await imageBatch([await greyPng(1)], ofSize(1, 1), decoding, AbortSignal.abort());
    expect(batch).toMatchObject({ ok: false, reason: "client-gone" });
  });

  it("refuses a batch that no tensor can hold, before it decodes", async () => {
    const batch = await imageBatch(Array(22).fill(new Uint8Array(0)), ofSize(1024, 1024), decoding, signal);
    expect(batch).toMatchObject({ ok: false, reason: "bad-request" });
  });
});

describe("a large JPEG, shrunk while it is decoded", () => {
  const picture = drawnPicture(4032, 3024);

  it.each([
    ["stretched", "fill", picture.clone().jpeg({ quality: 85 })],
    ["cropped", "cover", picture.clone().jpeg({ quality: 85 })],
    ["with all its colours", "cover", picture.clone().jpeg({ quality: 85, chromaSubsampling: "4:4:4" })],
    ["progressive", "cover", picture.clone().jpeg({ quality: 85, progressive: true })],
    ["stored on its side", "cover", picture.clone().withMetadata({ orientation: 6 }).jpeg({ quality: 85 })],
    ["grey", "fill", picture.clone().toColourspace("b-w").jpeg({ quality: 85 })],
  ] as const)("differs from the exact way by less than half a level in the mean: %s", async (_, fit, image) => {
    const recipe = inLevels(fit);
    const jpeg = await image.toBuffer();
    const levels = await levelsOf(jpeg, recipe);
    const whole = await decodeImage(jpeg, MAX_IMAGE_PIXELS);
    if (!whole.ok) throw new Error(whole.message);
    const { pixels, orientation } = whole.value;
    expect(pixels.width * pixels.height).toBe(4032 * 3024);
    const exact = imageTensor(pixels, orientation, recipe.preprocessing, recipe.input);
    const differences = Array.from(levels, (level, at) => Math.abs(level - exact[at]));
    const mean = differences.reduce((sum, difference) => sum + difference, 0) / differences.length;
    expect(mean).toBeLessThan(0.5);
    // The worst are edges of letters that lie on the border of two output pixels.
    expect(Math.max(...differences)).toBeLessThan(8);
    // It was shrunk.
    expect(mean).toBeGreaterThan(0);
  });
});

describe("the pixels of a request", () => {
  it("are counted as they are stored, also where a JPEG is shrunk", async () => {
    const jpeg = await drawnPicture(4000, 4000).jpeg().toBuffer();
    const most = MAX_REQUEST_PIXELS / 4000 / 4000;
    expect(await imageBatch(Array(most).fill(jpeg), ofSize(1, 1), decoding, signal)).toMatchObject({ ok: true });
    expect(await imageBatch(Array(most + 1).fill(jpeg), ofSize(1, 1), decoding, signal)).toMatchObject({
      ok: false,
      reason: "image-too-large",
      message: expect.stringMatching(new RegExp(`^image ${most}: .* more than the request's images may have`)),
    });
  });
});

describe("large pictures", () => {
  const picture = drawnPicture(4000, 4000);

  it.each([
    ["PNG", picture.clone().png({ compressionLevel: 1 })],
    ["WebP", picture.clone().webp({ effort: 0 })],
    ["JPEG whose sides are odd", picture.clone().resize(3999, 3001, { kernel: "nearest", fit: "fill" }).jpeg()],
  ])("become the same tensor to the bit as from their pixels: %s", async (_, image) => {
    const recipe = inLevels("cover");
    const bytes = await image.toBuffer();
    const { data, info } = await sharp(bytes).raw().toBuffer({ resolveWithObject: true });
    const pixels = { data, width: info.width, height: info.height, channels: 3 } as const;
    expect(await levelsOf(bytes, recipe)).toEqual(imageTensor(pixels, 1, recipe.preprocessing, recipe.input));
  });

  it("leave the thread free for others: a PNG of 16 megapixels that shines through", async () => {
    const image = await picture.clone().ensureAlpha(0.5).png({ compressionLevel: 1 }).toBuffer();
    const recipe = inLevels("fill");
    const whole = await decodeImage(image, MAX_IMAGE_PIXELS);
    if (!whole.ok) throw new Error(whole.message);
    const startMs = ownTimeMs();
    imageTensor(whole.value.pixels, 1, recipe.preprocessing, recipe.input);
    const atOnceMs = ownTimeMs() - startMs;
    const longest = await longestStretchMs(() => levelsOf(image, recipe));
    // Measured: 105 to 110 ms at once, 6 to 8 ms in slices.
    expect(longest).toBeLessThan(atOnceMs / 3);
  });
});

/** The longest time that this thread worked between two turns of its event loop while something was done. */
async function longestStretchMs(run: () => Promise<unknown>): Promise<number> {
  let isDone = false;
  const running = run().finally(() => {
    isDone = true;
  });
  let longest = 0;
  for (let lastMs = ownTimeMs(); !isDone; ) {
    await setImmediate();
    const nowMs = ownTimeMs();
    longest = Math.max(longest, nowMs - lastMs);
    lastMs = nowMs;
  }
  await running;
  return longest;
}

/** Time that this thread has had a processor, which does not grow while others have it. */
function ownTimeMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}

/** A recipe whose tensor holds the averaged levels, from 0 to 255, unrounded. */
function inLevels(fit: "fill" | "cover"): ImageRecipe {
  const std = 1 / 255;
  return {
    input: { name: "image", datatype: "FP32", layout: "NHWC" },
    preprocessing: { width: 32, height: 32, fit, mean: [0, 0, 0], std: [std, std, std] },
  };
}

async function levelsOf(image: Uint8Array, recipe: ImageRecipe): Promise<Float32Array> {
  const batch = await imageBatch([image], recipe, decoding, signal);
  if (!batch.ok) throw new Error(batch.message);
  return new Float32Array(batch.value.bytes.buffer);
}

function ofSize(width: number, height: number): ImageRecipe {
  return { input: large.input, preprocessing: { ...large.preprocessing, width, height } };
}

function greyPng(level: number): Promise<Buffer> {
  const background = { r: level, g: level, b: level };
  return sharp({ create: { width: 2, height: 2, channels: 3, background } })
    .png()
    .toBuffer();
}
