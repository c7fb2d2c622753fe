// One file becomes pixels by the Worker's rules, or is broken, and says in one line which file and why.
import { truncateSync } from "node:fs";
import path from "node:path";
import { MAX_IMAGE_BYTES, MAX_IMAGE_PIXELS } from "@spillway/shared/schema/config";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { BrokenImageError } from "../../../models/src/images/labelled-images.ts";
import { readPicture } from "../../../models/src/images/read-picture.ts";
import { noise, pictureOf, temporaryFolder, writeAt } from "./picture-folder.ts";

const root = temporaryFolder();
const MAX_IMAGE_SIDE = 16_384;

/** A PNG of one colour: a few kilobytes, however large. */
const plain = (width: number, height: number) =>
  sharp({ create: { width, height, channels: 3, background: "red" }, limitInputPixels: false })
    .png({ compressionLevel: 1 })
    .toBuffer();

async function errorOf(name: string, bytes: Uint8Array | string): Promise<Error> {
  const error = await readPicture(writeAt(root, name, bytes)).catch((thrown: Error) => thrown);
  if (!(error instanceof Error)) throw new Error(`${name} was read`);
  return error;
}

describe("readPicture", () => {
  it("keeps the pixels of a PNG", async () => {
    const file = writeAt(
      root,
      "noise.png",
      await pictureOf(noise(4 * 3 * 3), 4, 3)
        .png()
        .toBuffer(),
    );
    const { data, ...rest } = await readPicture(file);
    expect([...data]).toEqual([...noise(36)]);
    expect(rest).toEqual({ width: 4, height: 3, channels: 3, orientation: 1 });
  });

  it("keeps opacity, makes grey three channels and 16 bits eight", async () => {
    const rgba = pictureOf(noise(4 * 3 * 4), 4, 3, 4);
    expect(await readPicture(writeAt(root, "rgba.webp", await rgba.webp({ lossless: true }).toBuffer()))).toMatchObject(
      {
        channels: 4,
      },
    );
    const grey = await pictureOf(noise(36), 4, 3).toColourspace("grey16").png().toBuffer();
    const { data, channels } = await readPicture(writeAt(root, "grey.png", grey));
    expect([channels, data.length]).toEqual([3, 36]);
  });

  it("leaves pixels as stored and reports how to turn them", async () => {
    const turned = await pictureOf(noise(36), 4, 3).withMetadata({ orientation: 6 }).jpeg().toBuffer();
    expect(await readPicture(writeAt(root, "turned.jpg", turned))).toMatchObject({
      width: 4,
      height: 3,
      orientation: 6,
    });
  });

  it("goes by what a file is, not by its name", async () => {
    expect(await readPicture(writeAt(root, "png.jpg", await plain(2, 2)))).toMatchObject({ width: 2, height: 2 });
    const gif = await pictureOf(noise(36), 4, 3).gif().toBuffer();
    const error = await errorOf("gif.png", gif);
    expect(error).toEqual(new BrokenImageError(`${path.join(root, "gif.png")}: expected a JPEG, PNG or WebP image`));
  });

  it.each(["jpeg", "png", "webp"] as const)("takes half a %s for damaged", async (format) => {
    const bytes = await pictureOf(noise(64 * 64 * 3), 64, 64)
      .toFormat(format)
      .toBuffer();
    const error = await errorOf(`half.${format}`, bytes.subarray(0, bytes.length / 2));
    expect(error).toBeInstanceOf(BrokenImageError);
    expect(error.message).toBe(`${path.join(root, `half.${format}`)}: the image is damaged or incomplete`);
  });

  it("refuses an empty file, a folder and a missing file", async () => {
    expect((await errorOf("empty.png", "")).message).toMatch(/empty\.png: expected a JPEG, PNG or WebP image$/);
    await expect(readPicture(root)).rejects.toThrow(`${root}: cannot be read (EISDIR`);
    await expect(readPicture(path.join(root, "none.png"))).rejects.toBeInstanceOf(BrokenImageError);
  });

  it("refuses an animated WebP, as the Worker does", async () => {
    const frames = await sharp(noise(4 * 4 * 3), { raw: { width: 4, height: 4, channels: 3, pageHeight: 2 } })
      .webp({ lossless: true })
      .toBuffer();
    expect((await errorOf("moving.webp", frames)).message).toMatch(/expected a still WebP, got an animated one$/);
  });

  it("takes as many pixels as the Worker, and not one row more", async () => {
    const [width, height] = [4000, MAX_IMAGE_PIXELS / 4000];
    expect(await readPicture(writeAt(root, "full.png", await plain(width, height)))).toMatchObject({ width, height });
    const error = await errorOf("over.png", await plain(width, height + 1));
    expect(error.message).toMatch(/over\.png: expected at most 16000000 pixels, got 4000 x 4001$/);
  });

  it("takes sides as long as the Worker, and not one pixel longer", async () => {
    expect(await readPicture(writeAt(root, "long.png", await plain(MAX_IMAGE_SIDE, 1)))).toMatchObject({ height: 1 });
    const error = await errorOf("longer.png", await plain(1, MAX_IMAGE_SIDE + 1));
    expect(error.message).toMatch(/expected sides of at most 16384 pixels, got 1 x 16385$/);
  });

  it("takes as many bytes as the Worker, and not one more", async () => {
    // What follows a PNG's end is not looked at.
    const file = writeAt(root, "padded.png", await plain(2, 2));
    truncateSync(file, MAX_IMAGE_BYTES);
    expect(await readPicture(file)).toMatchObject({ width: 2 });
    truncateSync(file, MAX_IMAGE_BYTES + 1);
    await expect(readPicture(file)).rejects.toThrow(
      new BrokenImageError(`${file}: expected at most ${MAX_IMAGE_BYTES} bytes, got ${MAX_IMAGE_BYTES + 1}`),
    );
  });
});
