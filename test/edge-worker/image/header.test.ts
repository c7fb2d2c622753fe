import { describe, expect, test } from "vitest";
import { exifOrientation } from "../../../edge-worker/src/image/exif.ts";
import { readImageHeader } from "../../../edge-worker/src/image/header.ts";
import { jpegSegments } from "../../../edge-worker/src/image/jpeg-segments.ts";
import { MAX_IMAGE_CHUNKS, MAX_IMAGE_SIDE } from "../../../edge-worker/src/image/limits.ts";
import { pngChunks } from "../../../edge-worker/src/image/png-chunks.ts";
import { bad, good, patched, reasonOf } from "./fixtures.ts";
import { canvas, lossless, lossy, webpFile } from "./webp-files.ts";

const latin1 = (text: string) => Uint8Array.from(text, (character) => character.charCodeAt(0));
const refusal = (bytes: Uint8Array) => {
  const header = readImageHeader(bytes);
  return "reason" in header ? `${header.reason}: ${header.detail}` : "none";
};

describe("the format is found from the bytes", () => {
  test.each([
    ["nothing", ""],
    ["text", "a picture of a cat"],
    ["HTML", "<!doctype html><title>413</title>"],
    ["text that begins like a BMP", "BMW is not a picture"],
    ["the beginning of a PNG's signature", "\x89PNG\r\n"],
    ["another RIFF file", "RIFF\x10\0\0\0WAVEfmt "],
  ])("%s is not an image", (_, text) => {
    expect(refusal(latin1(text))).toMatch(/^not-an-image/);
  });

  test.each([
    ["GIF", "GIF89a"],
    ["BMP", "BM\x46\0\0\0\0\0\0\0"],
    ["TIFF", "II*\0"],
    ["TIFF", "MM\0*"],
    ["JPEG XL", "\xff\x0a"],
    ["AVIF", "\0\0\0\x1cftypavif"],
    ["HEIC", "\0\0\0\x18ftypheic"],
  ])("%s is named and refused", (format, text) => {
    expect(refusal(latin1(text))).toMatch(new RegExp(`^unsupported-image: .* got ${format}$`));
  });

  test("wherever they lie in their buffer", () => {
    for (const name of ["baseline.jpg", "turned.png", "turned.webp"]) {
      const bytes = good(name);
      const shifted = new Uint8Array([1, 2, 3, ...bytes]).subarray(3);
      expect(readImageHeader(shifted)).toEqual(readImageHeader(bytes));
    }
  });
});

describe("JPEG", () => {
  const jpeg = good("baseline.jpg");
  /** Where the code of the frame's marker is; then come length (2), precision, height (2), width (2), components. */
  const frame = jpeg.findIndex((byte, k) => byte === 0xc0 && jpeg[k - 1] === 0xff);

  test.each([
    ["lossless", patched(jpeg, frame, 0xc3), "unsupported-image"],
    ["hierarchical", patched(jpeg, frame, 0xc5), "unsupported-image"],
    ["arithmetic-coded", patched(jpeg, frame, 0xc9), "unsupported-image"],
    ["of 12 bits", patched(jpeg, frame + 3, 12), "unsupported-image"],
    ["in CMYK", bad("cmyk.jpg"), "unsupported-image"],
    ["without height", patched(jpeg, frame + 4, 0, 0), "corrupt-image"],
    ["without width", patched(jpeg, frame + 6, 0, 0), "corrupt-image"],
    ["with a frame shorter than its components", patched(jpeg, frame + 8, 2), "corrupt-image"],
    ["with a sampling factor of 0", patched(jpeg, frame + 10, 0x02), "corrupt-image"],
    ["with a scan before its frame", patched(jpeg, frame, 0xda), "corrupt-image"],
    ["that ends after its signature", jpeg.subarray(0, 3), "corrupt-image"],
  ])("%s", (_, bytes, reason) => {
    expect(refusal(bytes)).toMatch(new RegExp(`^${reason}`));
  });

  test("of several scans needs memory for its coefficients: 3 bytes a pixel with 4:2:0", () => {
    expect(readImageHeader(jpeg)).toMatchObject({ bytesPerPixel: 4 });
    expect(readImageHeader(good("progressive.jpg"))).toMatchObject({ bytesPerPixel: 7 });
    expect(readImageHeader(bad("large-progressive.jpg"))).toMatchObject({ width: 4000, bytesPerPixel: 10 });
  });
});

describe("PNG", () => {
  const png = good("type2-8bit.png");

  test.each([
    ["without width", patched(png, 16, 0, 0, 0, 0)],
    ["larger than the format allows", patched(png, 16, 0x80, 0, 0, 0)],
    ["of 3 bits a sample", patched(png, 24, 3)],
    ["in colour with 4 bits a sample", patched(png, 24, 4)],
    ["of an unknown colour type", patched(png, 25, 5)],
    ["of an unknown interlacing", patched(png, 28, 2)],
    ["that begins with another chunk", patched(png, 12, 0x74, 0x45, 0x58, 0x74)],
    ["that ends inside its header", png.subarray(0, 30)],
  ])("%s is corrupt", (_, bytes) => {
    expect(refusal(bytes)).toMatch(/^corrupt-image/);
  });
});

describe("WebP", () => {
  const webp = good("lossy-alpha.webp");

  test.each([
    ["with a canvas of another size", patched(webp, 24, 99)],
    ["with a list of features that is too short", patched(webp, 16, 2)],
    ["without a picture", patched(good("lossless.webp"), 12, 0x58, 0x58, 0x58, 0x58)],
    ["with a damaged start code", patched(good("lossy.webp"), 23, 0)],
    ["of another version", patched(good("lossless.webp"), 24, 0xff)],
    ["that is shorter than it says", webp.subarray(0, webp.length - 2)],
  ])("%s is corrupt", (_, bytes) => {
    expect(refusal(bytes)).toMatch(/^corrupt-image/);
  });

  test("that is animated is not supported", () => {
    expect(refusal(bad("animated.webp"))).toMatch(/^unsupported-image: .*animated/);
  });
});

describe("EXIF orientation", () => {
  const tiff = (value: number) =>
    latin1(`MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0${String.fromCharCode(value)}\0\0`);
  const littleEndian = latin1("II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0");

  test("in either byte order, with and without the prefix of JPEG", () => {
    for (const value of [1, 2, 3, 4, 5, 6, 7, 8]) expect(exifOrientation(tiff(value))).toBe(value);
    expect(exifOrientation(littleEndian)).toBe(6);
    expect(exifOrientation(new Uint8Array([...latin1("Exif\0\0"), ...littleEndian]))).toBe(6);
  });

  test("is 1 when the block is damaged, wherever it is cut or changed", () => {
    for (const value of [0, 9, 255]) expect(exifOrientation(tiff(value))).toBe(1);
    const whole = tiff(6);
    for (let length = 0; length < whole.length; length++) expect(exifOrientation(whole.subarray(0, length))).toBe(1);
    for (const at of [0, 2, 4, 7, 10, 13]) expect(exifOrientation(patched(whole, at, 0xff))).toBe(1);
  });
});

describe("sides are limited, also when the pixels are few", () => {
  const jpeg = good("baseline.jpg");
  const frame = jpeg.findIndex((byte, k) => byte === 0xc0 && jpeg[k - 1] === 0xff);
  const png = good("type2-8bit.png");
  const halves = (value: number) => [value >> 8, value & 255];
  /** Pictures by width and height; those of WebP cannot say more than the limit. */
  const files: [string, (width: number, height: number) => Uint8Array][] = [
    ["JPEG", (width, height) => patched(jpeg, frame + 4, ...halves(height), ...halves(width))],
    ["PNG", (width, height) => patched(png, 16, 0, 0, ...halves(width), 0, 0, ...halves(height))],
  ];

  test.each(files)("%s: at the limit and one past it", (_, file) => {
    const past = MAX_IMAGE_SIDE + 1;
    expect(readImageHeader(file(MAX_IMAGE_SIDE, 1))).toMatchObject({ width: MAX_IMAGE_SIDE, height: 1 });
    expect(readImageHeader(file(1, MAX_IMAGE_SIDE))).toMatchObject({ width: 1, height: MAX_IMAGE_SIDE });
    expect(refusal(file(past, 1))).toBe(`too-many-pixels: expected sides of at most 16384 pixels, got ${past} x 1`);
    expect(refusal(file(1, past))).toBe(`too-many-pixels: expected sides of at most 16384 pixels, got 1 x ${past}`);
  });

  test("WebP: at the limit, which is the most that it can state", () => {
    const file = webpFile([lossless(1, MAX_IMAGE_SIDE)]);
    expect(readImageHeader(file)).toMatchObject({ width: 1, height: MAX_IMAGE_SIDE });
    expect(reasonOf(file)).toBe("decoded");
    expect(readImageHeader(webpFile([lossy(0x3fff, 1)]))).toMatchObject({ width: MAX_IMAGE_SIDE - 1 });
    expect(refusal(webpFile([canvas(MAX_IMAGE_SIDE + 1, 1), lossless(1, 1)]))).toMatch(/^corrupt-image/);
  });
});

describe("chunks are limited", () => {
  const filled = (name: string, start: number, filler: number[], count: number) => {
    const bytes = good(name);
    const many = Array.from({ length: count }, () => filler).flat();
    return new Uint8Array([...bytes.subarray(0, start), ...many, ...bytes.subarray(start)]);
  };
  const ownJpegSegments = [...jpegSegments(good("baseline.jpg"))].length;
  const ownPngChunks = [...pngChunks(good("type2-8bit.png"))].length;
  const emptyChunk = [0, 0, 0, 0, 0x74, 0x45, 0x58, 0x74, 0, 0, 0, 0];
  const jpegOf = (segments: number) => filled("baseline.jpg", 2, [0xff, 0xfe, 0, 2], segments - ownJpegSegments);
  const pngOf = (chunks: number) => filled("type2-8bit.png", 33, emptyChunk, chunks - ownPngChunks);

  test("PNG: at the limit and one past it", () => {
    expect(reasonOf(pngOf(MAX_IMAGE_CHUNKS))).toBe("decoded");
    expect(refusal(pngOf(MAX_IMAGE_CHUNKS + 1))).toBe(
      `unsupported-image: expected a PNG of at most ${MAX_IMAGE_CHUNKS} chunks, got more`,
    );
  });

  test("JPEG: at the limit and one past it, before and after the first scan", () => {
    expect(reasonOf(jpegOf(MAX_IMAGE_CHUNKS))).toBe("decoded");
    expect(readImageHeader(jpegOf(MAX_IMAGE_CHUNKS + 1))).toMatchObject({ kind: "jpeg" });
    expect(reasonOf(jpegOf(MAX_IMAGE_CHUNKS + 1))).toBe("corrupt-image");
    expect(refusal(jpegOf(2 * MAX_IMAGE_CHUNKS))).toMatch(/^corrupt-image: .*too many segments/);
  });
});

test.each([
  ["a JPEG of fill bytes", "baseline.jpg", 2, [0xff]],
  ["a JPEG of empty segments", "baseline.jpg", 2, [0xff, 0xfe, 0, 2]],
  ["a PNG of empty chunks", "type2-8bit.png", 33, [0, 0, 0, 0, 0x74, 0x45, 0x58, 0x74, 0, 0, 0, 0]],
])("%s is read through in bounded time", (_, name, start, filler) => {
  const bytes = new Uint8Array(1_000_000).map((_, k) => filler[(k - start + 12) % filler.length]);
  bytes.set(good(name).subarray(0, start));
  readImageHeader(bytes);
});
