// Offline tools see what the Worker sees, level for level, and refuse by a header what it refuses.
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { resizeImage } from "@spillway/shared/preprocess/image-tensor";
import sharp, { type JpegOptions, type Sharp } from "sharp";
import { describe, expect, it } from "vitest";
import { readImageHeader } from "../../../edge-worker/src/image/header.ts";
import { MAX_PICTURE_BYTES } from "../../../edge-worker/src/image/limits.ts";
import { readPicture } from "../../../models/src/images/read-picture.ts";
import { MAX_WORKER_BYTES, workerBytes } from "../../../models/src/images/worker-memory.ts";
import { noise, pictureOf, temporaryFolder, writeAt } from "./picture-folder.ts";
import { toRgba, workerPicture } from "./worker-pixels.ts";

const root = temporaryFolder();
const VECTORS = new URL("../../vectors/images/", import.meta.url).pathname;
const bytesOf = (name: string) => new Uint8Array(readFileSync(path.join(VECTORS, name)));
const goodNames = readdirSync(path.join(VECTORS, "good")).map((name) => `good/${name}`);
const badNames = readdirSync(path.join(VECTORS, "bad")).map((name) => `bad/${name}`);

const [WIDTH, HEIGHT] = [61, 47];
const photo = pictureOf(noise(WIDTH * HEIGHT * 3), WIDTH, HEIGHT);
const EDGE = { width: 32, height: 32, fit: "cover" } as const;

/** Primaries of Adobe RGB (1998) as a profile states them: XYZ under D50. */
const ADOBE_RGB = {
  rXYZ: [0.60974, 0.31111, 0.01947],
  gXYZ: [0.20528, 0.62567, 0.06087],
  bXYZ: [0.14919, 0.06322, 0.74457],
};

/** A profile with Adobe RGB's primaries, made from that of Display P3. */
async function adobeRgbProfile(): Promise<string> {
  const { icc } = await sharp(await photo.clone().withIccProfile("p3").jpeg().toBuffer()).metadata();
  if (icc === undefined) throw new Error("expected a profile");
  for (const [tag, values] of Object.entries(ADOBE_RGB)) {
    // A tag's entry is its name, then its place; there, after 8 bytes, come numbers with 16 binary places.
    const place = icc.readUInt32BE(icc.indexOf(tag) + 4);
    for (const [k, value] of values.entries()) icc.writeInt32BE(Math.round(value * 65_536), place + 8 + 4 * k);
  }
  return writeAt(root, "adobe-rgb.icc", icc);
}

async function expectSamePixels(name: string, bytes: Uint8Array): Promise<void> {
  const worker = workerPicture(bytes);
  if ("reason" in worker) throw new Error(worker.detail);
  const { data, ...picture } = await readPicture(writeAt(root, name, bytes));
  const { width, height, orientation } = worker.header;
  expect(picture).toMatchObject({ width, height, orientation });
  expect(Buffer.compare(toRgba(data, picture.channels), worker.rgba)).toBe(0);
}

describe("the Worker's pixels", () => {
  it.each(goodNames.filter((name) => !name.includes("/large")))("%s", async (name) => {
    await expectSamePixels(name, bytesOf(name));
  });

  const SUBSAMPLINGS = ["4:4:4", "4:2:0"].flatMap((chromaSubsampling) =>
    [false, true].map((progressive): JpegOptions => ({ chromaSubsampling, progressive, quality: 75 })),
  );
  const profiles: [string, () => Promise<string>][] = [
    ["no", async () => ""],
    ["a Display P3", async () => "p3"],
    ["an Adobe RGB", adobeRgbProfile],
  ];
  const withProfile = (profile: string): Sharp =>
    profile === "" ? photo.clone() : photo.clone().withIccProfile(profile);

  it.each(profiles.flatMap(([name, profile]) => SUBSAMPLINGS.map((options) => ({ name, options, profile }))))(
    "a JPEG with $name profile, $options",
    async ({ profile, options }) => {
      const bytes = await withProfile(await profile())
        .jpeg(options)
        .toBuffer();
      expect((await sharp(bytes).metadata()).hasProfile).toBe((await profile()) !== "");
      await expectSamePixels("photo.jpg", bytes);
    },
  );

  it.each(["png", "webp"] as const)("a %s with a Display P3 profile", async (format) => {
    await expectSamePixels(`photo.${format}`, await withProfile("p3").toFormat(format).toBuffer());
  });

  it("a JPEG with odd bytes between two segments, which is no damage", async () => {
    const bytes = bytesOf("good/baseline.jpg");
    const frame = bytes.findIndex((byte, k) => byte === 0xff && bytes[k + 1] === 0xc0);
    const odd = Buffer.concat([bytes.subarray(0, frame), Buffer.from([1, 2, 3]), bytes.subarray(frame)]);
    await expect(sharp(odd, { failOn: "warning" }).raw().toBuffer()).rejects.toThrow("extraneous");
    await expectSamePixels("odd.jpg", odd);
  });

  it("differ by tens of levels, at the network's size too, when a profile is applied", async () => {
    const bytes = await withProfile("p3").jpeg(SUBSAMPLINGS[0]).toBuffer();
    const converted = await sharp(bytes).raw().toBuffer({ resolveWithObject: true });
    const picture = await readPicture(writeAt(root, "p3.jpg", bytes));
    const [seen, wrong] = [picture, { ...picture, data: converted.data }].map((pixels) => resizeImage(pixels, 1, EDGE));
    expect(Math.max(...seen.data.map((value, at) => Math.abs(value - wrong.data[at])))).toBeGreaterThan(10);
  });
});

describe("the Worker's refusals", () => {
  const jpeg = bytesOf("good/baseline.jpg");
  /** Where the code of the frame's marker is; then come length (2), precision, height (2), width (2), components. */
  const frame = jpeg.findIndex((byte, k) => byte === 0xc0 && jpeg[k - 1] === 0xff);
  const patched = (at: number, ...values: number[]) => {
    const copy = jpeg.slice();
    copy.set(values, at);
    return copy;
  };

  it.each(badNames)("%s", async (name) => {
    await expect(readPicture(path.join(VECTORS, name))).rejects.toThrow(`${path.basename(name)}: `);
  });

  it.each([
    ["lossless", patched(frame, 0xc3)],
    ["hierarchical", patched(frame, 0xc5)],
    ["arithmetic-coded", patched(frame, 0xc9)],
    ["of 12 bits", patched(frame + 3, 12)],
    ["in CMYK", bytesOf("bad/cmyk.jpg")],
  ])("a JPEG %s, in the same words", async (_, bytes) => {
    const failure = readImageHeader(bytes);
    if (!("reason" in failure)) throw new Error("expected a refusal");
    expect(failure.reason).toBe("unsupported-image");
    await expect(readPicture(writeAt(root, "coded.jpg", bytes))).rejects.toThrow(`coded.jpg: ${failure.detail}`);
  });

  it.each([
    ["without height", patched(frame + 4, 0, 0)],
    ["with a frame shorter than its components", patched(frame + 8, 2)],
    ["with a sampling factor of 0", patched(frame + 10, 0x02)],
    ["with a scan before its frame", patched(frame, 0xda)],
    ["that ends after its signature", jpeg.subarray(0, 3)],
  ])("a JPEG %s is damaged", async (_, bytes) => {
    expect(readImageHeader(bytes)).toMatchObject({ reason: "corrupt-image" });
    await expect(readPicture(writeAt(root, "damaged.jpg", bytes))).rejects.toThrow("is damaged or incomplete");
  });
});

describe("the Worker's memory", () => {
  it("has the same limit", () => {
    expect(MAX_WORKER_BYTES).toBe(MAX_PICTURE_BYTES);
  });

  it.each([...goodNames, "bad/large-progressive.jpg"])("is counted alike for %s", async (name) => {
    const bytes = bytesOf(name);
    const header = readImageHeader(bytes);
    if ("reason" in header) throw new Error(header.detail);
    const fileBytes = header.kind === "png" ? bytes.length : 2 * bytes.length + 2_000_000;
    const expected = header.width * header.height * header.bytesPerPixel + fileBytes;
    expect(workerBytes(bytes, await sharp(bytes).metadata())).toBeCloseTo(expected, 3);
  });

  it("takes a lossless WebP that fills it, and not one row more", async () => {
    // Eight bytes a pixel, 2 MB and the file twice: 11.7 megapixels.
    const plain = (height: number) =>
      sharp({ create: { width: 4000, height, channels: 3, background: "red" } })
        .webp({ lossless: true, effort: 0 })
        .toBuffer();
    const fileBytes = (await plain(2937)).length;
    expect(4000 * 2937 * 8 + 2 * fileBytes + 2_000_000).toBeLessThanOrEqual(MAX_WORKER_BYTES);
    expect(await readPicture(writeAt(root, "full.webp", await plain(2937)))).toMatchObject({ height: 2937 });
    await expect(readPicture(writeAt(root, "over.webp", await plain(2938)))).rejects.toThrow(
      "expected a picture that the Worker can decode in 96 MB, got a webp of 4000 x 2938 pixels that needs 97 MB",
    );
  });
});
