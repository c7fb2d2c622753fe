// Every kind of picture that the three formats can hold becomes 8-bit RGB, and keeps its pixels where they fit.
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { decodeImage } from "../../../cloud-backend/src/image/decode-image.ts";
import { MAX_IMAGE_SIDE } from "../../../cloud-backend/src/limits.ts";
import { drawnPicture } from "../setup/pictures.ts";

const RED_GREEN_BLUE = [200, 100, 50];
/** What 200, 100, 50 is as grey, by sharp's own account. */
const GREY = [128, 128, 128];
/** The samples by which Display P3 shows the colour 200, 100, 50. */
const P3_SAMPLES = [187, 105, 62];
const rgb = sharp({ create: { width: 4, height: 3, channels: 3, background: { r: 200, g: 100, b: 50 } } });
const rgba = sharp({ create: { width: 4, height: 3, channels: 4, background: { r: 200, g: 100, b: 50, alpha: 0.5 } } });
const large = drawnPicture(2592, 1728);
const STORED = 2592 * 1728;

describe("decodeImage", () => {
  it.each([
    ["8-bit PNG", rgb.clone().png(), RED_GREEN_BLUE, 0],
    ["palette PNG", rgb.clone().png({ palette: true }), RED_GREEN_BLUE, 0],
    ["16-bit PNG", rgb.clone().toColourspace("rgb16").png(), RED_GREEN_BLUE, 0],
    ["grey PNG", rgb.clone().toColourspace("b-w").png(), GREY, 0],
    ["16-bit grey PNG", rgb.clone().toColourspace("grey16").png(), GREY, 0],
    ["PNG with opacity", rgba.clone().png(), [...RED_GREEN_BLUE, 128], 0],
    ["16-bit PNG with opacity", rgba.clone().toColourspace("rgb16").png(), [...RED_GREEN_BLUE, 128], 0],
    ["grey PNG with opacity", rgba.clone().toColourspace("b-w").png(), [...GREY, 128], 0],
    ["lossless WebP", rgb.clone().webp({ lossless: true }), RED_GREEN_BLUE, 0],
    ["WebP with opacity", rgba.clone().webp({ lossless: true }), [...RED_GREEN_BLUE, 128], 0],
    ["JPEG", rgb.clone().jpeg({ quality: 100, chromaSubsampling: "4:4:4" }), RED_GREEN_BLUE, 2],
    ["grey JPEG", rgb.clone().toColourspace("b-w").jpeg({ quality: 100 }), GREY, 2],
    // Samples as stored: the Worker does not apply profiles either.
    ["Display P3 PNG", rgb.clone().withIccProfile("p3").png(), P3_SAMPLES, 0],
    ["Display P3 WebP", rgb.clone().withIccProfile("p3").webp({ lossless: true }), P3_SAMPLES, 0],
    [
      "Display P3 JPEG",
      rgb.clone().withIccProfile("p3").jpeg({ quality: 100, chromaSubsampling: "4:4:4" }),
      P3_SAMPLES,
      2,
    ],
    // Ink cannot show this colour exactly.
    [
      "CMYK JPEG",
      rgb.clone().toColourspace("cmyk").jpeg({ quality: 100, chromaSubsampling: "4:4:4" }),
      RED_GREEN_BLUE,
      30,
    ],
  ])("%s", async (_, image, expected, tolerance) => {
    const decoded = await decodeImage(await image.toBuffer(), 12);
    if (!decoded.ok) throw new Error(decoded.message);
    const { pixels, orientation } = decoded.value;
    expect(orientation).toBe(1);
    expect(pixels).toMatchObject({ width: 4, height: 3, channels: expected.length });
    expect(pixels.data.byteLength).toBe(12 * expected.length);
    pixels.data.forEach((value, at) => {
      expect(Math.abs(value - expected[at % expected.length])).toBeLessThanOrEqual(tolerance);
    });
  });

  it.each([1, 2, 3, 4, 5, 6, 7, 8])("leaves the pixels as stored and reports orientation %i", async (orientation) => {
    const decoded = await decodeImage(await rgb.clone().withMetadata({ orientation }).jpeg().toBuffer(), 12);
    expect(decoded).toMatchObject({ ok: true, value: { orientation, pixels: { width: 4, height: 3 } } });
  });

  it.each([0, 9, 255])("takes the undefined orientation %i for upright", async (orientation) => {
    const jpeg = await rgb.clone().withMetadata({ orientation: 6 }).jpeg().toBuffer();
    const tag = jpeg.indexOf(Buffer.from([0x12, 0x01]));
    expect(jpeg[tag + 8]).toBe(6);
    jpeg[tag + 8] = orientation;
    expect(await decodeImage(jpeg, 12)).toMatchObject({ ok: true, value: { orientation: 1 } });
  });

  it("takes an odd but readable file: bytes between a JPEG's data and its end", async () => {
    const jpeg = await rgb.clone().jpeg().toBuffer();
    const odd = Buffer.concat([jpeg.subarray(0, -2), Buffer.from([1, 2, 3, 0xff, 0xd9])]);
    expect((await decodeImage(odd, 12)).ok).toBe(true);
  });

  it("decodes a large JPEG no finer than its target needs, and counts the pixels that are stored", async () => {
    const jpeg = await large.clone().jpeg().toBuffer();
    expect(await decodeImage(jpeg, STORED, { width: 36, height: 24 })).toMatchObject({
      ok: true,
      value: { pixels: { width: 288, height: 192 }, storedPixels: STORED },
    });
    expect(await decodeImage(jpeg, STORED)).toMatchObject({ ok: true, value: { pixels: { width: 2592 } } });
  });

  it.each([
    [1, 288],
    // What is shown 36 pixels wide is stored 36 pixels high: too little of the 1728 would be left of a factor of 8.
    [6, 518],
  ])("turns the target to lie as the picture is stored, orientation %i", async (orientation, width) => {
    const jpeg = await large.clone().withMetadata({ orientation }).jpeg().toBuffer();
    const decoded = await decodeImage(jpeg, STORED, { width: 36, height: 24 });
    expect(decoded).toMatchObject({ ok: true, value: { orientation, pixels: { width } } });
  });

  it.each([
    ["PNG", large.clone().png({ compressionLevel: 1 })],
    ["lossy WebP", large.clone().webp({ effort: 0 })],
  ])("decodes a large %s as it is", async (_, image) => {
    const bytes = await image.toBuffer();
    const whole = await sharp(bytes).raw().toBuffer();
    const decoded = await decodeImage(bytes, STORED, { width: 32, height: 32 });
    if (!decoded.ok) throw new Error(decoded.message);
    expect(decoded.value).toMatchObject({ pixels: { width: 2592, height: 1728 }, storedPixels: STORED });
    expect(whole.equals(Buffer.from(decoded.value.pixels.data))).toBe(true);
  });

  it("refuses half a large JPEG, also when it is shrunk on the way", async () => {
    const jpeg = await large.clone().jpeg().toBuffer();
    const half = jpeg.subarray(0, jpeg.byteLength / 2);
    const decoded = await decodeImage(half, STORED, { width: 32, height: 32 });
    expect(decoded).toMatchObject({ ok: false, reason: "not-an-image" });
  });

  it.each([
    [MAX_IMAGE_SIDE, 1],
    [1, MAX_IMAGE_SIDE],
  ])("takes a side as long as allowed and none longer: %i x %i", async (width, height) => {
    const long = { create: { width, height, channels: 3, background: "white" } } as const;
    expect((await decodeImage(await sharp(long).png().toBuffer(), MAX_IMAGE_SIDE)).ok).toBe(true);
    const longer = sharp(long).extend(width > 1 ? { right: 1 } : { bottom: 1 });
    const decoded = await decodeImage(await longer.png().toBuffer(), 2 * MAX_IMAGE_SIDE);
    expect(decoded).toMatchObject({
      ok: false,
      reason: "image-too-large",
      message: expect.stringContaining("at most 16384 pixels"),
    });
  });

  it("refuses what exceeds the pixels that are left, by one", async () => {
    const decoded = await decodeImage(await rgb.clone().png().toBuffer(), 11);
    expect(decoded).toMatchObject({ ok: false, reason: "image-too-large" });
  });
});
