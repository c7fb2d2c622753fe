import { describe, expect, test } from "vitest";
import { decoderMemoryBytes, withDecodedImage } from "../../../edge-worker/src/image/decode.ts";
import { MAX_DECODER_BYTES, MAX_JPEG_SCANS, MAX_PICTURE_BYTES } from "../../../edge-worker/src/image/limits.ts";
import {
  bad,
  type Decoded,
  decode,
  type Expected,
  good,
  goodPictures,
  headerOf,
  patched,
  reasonOf,
} from "./fixtures.ts";

import { lossless, losslessOfManyGroups, webpFile } from "./webp-files.ts";

/** Largest difference of a cell's mean from libvips', of 255; its decoders for lossy formats are the same but newer. */
const TOLERANCE = 1;

async function expectSame(decoded: ReturnType<typeof decode>, { sha256, cells, ...size }: Expected): Promise<void> {
  const { header, rgba, cells: actual } = decoded as Decoded;
  const { width, height, orientation } = header;
  expect({ width, height, orientation }).toEqual(size);
  if (sha256 !== undefined) expect(await hash(rgba)).toBe(sha256);
  const differences = (cells ?? []).map((mean, k) => Math.abs(mean - actual[k]));
  expect(Math.max(0, ...differences)).toBeLessThan(TOLERANCE);
}

async function hash(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
}

function indexOf(bytes: Uint8Array, text: string): number {
  return String.fromCharCode(...bytes).indexOf(text);
}

describe("good pictures look as libvips decodes them", () => {
  test.each(goodPictures)("%s", async (name, expected) => {
    await expectSame(decode(good(name)), expected);
  });
});

describe("bad pictures are refused", () => {
  test.each([
    ["cmyk.jpg", "unsupported-image"],
    ["damaged.jpg", "corrupt-image"],
    ["large-progressive.jpg", "too-many-pixels"],
    ["animation.gif", "unsupported-image"],
    ["animated.webp", "unsupported-image"],
    ["bomb.png", "too-many-pixels"],
  ])("%s: %s", (name, reason) => {
    expect(reasonOf(bad(name))).toBe(reason);
  });

  test("a JPEG that ends before its end marker, wherever it is cut", () => {
    for (const name of ["baseline.jpg", "progressive.jpg", "grey.jpg"]) {
      const bytes = good(name);
      for (let length = 3; length < bytes.length; length++) {
        expect(reasonOf(bytes.subarray(0, length)), `${name} cut to ${length} bytes`).toBe("corrupt-image");
      }
    }
  });

  test("a PNG that ends before its data does", () => {
    for (const name of ["type2-8bit.png", "type3-4bit-interlaced.png"]) {
      const bytes = good(name);
      const dataEnd = bytes.length - 12;
      for (let length = 8; length < dataEnd; length++) {
        expect(reasonOf(bytes.subarray(0, length)), `${name} cut to ${length} bytes`).toBe("corrupt-image");
      }
      expect(reasonOf(bytes.subarray(0, dataEnd))).toBe("decoded");
    }
  });

  test("a WebP that ends early", () => {
    for (const name of ["lossy.webp", "lossless.webp", "lossy-alpha.webp"]) {
      const bytes = good(name);
      for (let length = 12; length < bytes.length; length++) {
        expect(reasonOf(bytes.subarray(0, length)), `${name} cut to ${length} bytes`).toBe("corrupt-image");
      }
    }
  });

  test("a JPEG that ends early, also when its decoder already complained of something harmless", () => {
    const jpeg = good("baseline.jpg");
    // Bytes that belong to nothing, as some cameras leave them.
    const frame = jpeg.indexOf(0xc0) - 1;
    const sloppy = new Uint8Array([...jpeg.subarray(0, frame), 1, 2, 3, ...jpeg.subarray(frame)]);
    expect(reasonOf(sloppy)).toBe("decoded");
    for (const share of [0.7, 0.8, 0.9, 0.99]) {
      expect(reasonOf(sloppy.subarray(0, Math.floor(share * sloppy.length)))).toBe("corrupt-image");
    }
  });

  test.each(["IDAT", "PLTE", "tRNS"])("a PNG whose chunk %s does not match its checksum", (type) => {
    const bytes = good("type3-8bit-transparent.png");
    const data = indexOf(bytes, type) + 4;
    expect(reasonOf(patched(bytes, data + 1, bytes[data + 1] ^ 1))).toBe("corrupt-image");
  });

  test("more scans in a JPEG than the limit", () => {
    const jpeg = good("progressive.jpg");
    const scan = jpeg.subarray(jpeg.lastIndexOf(0xda) - 1, jpeg.length - 2);
    const withScans = (count: number) =>
      new Uint8Array([...jpeg.subarray(0, -2), ...Array.from({ length: count }, () => [...scan]).flat(), 0xff, 0xd9]);
    const ownScans = jpeg.filter((byte, k) => byte === 0xda && jpeg[k - 1] === 0xff).length;
    expect(decode(withScans(MAX_JPEG_SCANS - ownScans + 1))).toMatchObject({ reason: "unsupported-image" });
    expect(reasonOf(withScans(MAX_JPEG_SCANS - ownScans))).not.toBe("unsupported-image");
  });
});

describe("the decoders", () => {
  test("work on after pictures that made them give up", async () => {
    const names = ["baseline.jpg", "lossy.webp", "type6-8bit.png"];
    for (const name of names) {
      const bytes = good(name);
      const broken = bytes.slice();
      broken.fill(0x55, Math.floor(bytes.length / 2), bytes.length - 4);
      for (let k = 0; k < 50; k++) reasonOf(broken);
      await expectSame(decode(bytes), Object.fromEntries(goodPictures)[name]);
    }
  });

  test("a quantisation table that is missing makes MozJPEG leave its work; the next picture is right", async () => {
    const bytes = good("baseline.jpg");
    // The frame names table 3 for its first component, which is not there.
    const frame = bytes.indexOf(0xc0) + 1;
    for (let k = 0; k < 50; k++) expect(reasonOf(patched(bytes, frame + 10, 3))).toBe("corrupt-image");
    await expectSame(decode(bytes), Object.fromEntries(goodPictures)["baseline.jpg"]);
  });

  test.each(["baseline.jpg", "lossy.webp", "type2-8bit.png"])("throw what `use` throws, and go on: %s", (name) => {
    const bytes = good(name);
    const header = headerOf(bytes);
    const fail = () => {
      throw new RangeError("from use");
    };
    expect(() => withDecodedImage(bytes, header, fail)).toThrow("from use");
    expect(withDecodedImage(bytes, header, ({ channels }) => channels)).toBeGreaterThanOrEqual(3);
  });

  test("leave the global object as it was, already when the pixels are handed on", () => {
    const globals = () => ({ Uint8ClampedArray, ImageData: Reflect.get(globalThis, "ImageData") });
    reasonOf(good("baseline.jpg"));
    const before = globals();
    for (const bytes of [good("baseline.jpg"), good("lossy.webp")]) {
      const header = headerOf(bytes);
      expect(withDecodedImage(bytes, header, globals)).toEqual(before);
      expect(globals()).toEqual(before);
    }
    reasonOf(bad("damaged.jpg"));
    expect(globals()).toEqual(before);
  });

  test("hand on pixels only of the size that the header states", () => {
    const bytes = good("baseline.jpg");
    const header = headerOf(bytes);
    expect(withDecodedImage(bytes, { ...header, width: 44 }, () => "used")).toMatchObject({ reason: "corrupt-image" });
  });

  test("grow no further than allowed when a picture takes more than its header lets expect", async () => {
    const bytes = webpFile([losslessOfManyGroups()]);
    expect(headerOf(bytes)).toMatchObject({ width: 1024, height: 1024, bytesPerPixel: 8 });
    expect(decode(bytes)).toMatchObject({ reason: "too-many-pixels" });
    expect(decoderMemoryBytes()).toBeLessThanOrEqual(MAX_DECODER_BYTES);
    await expectSame(decode(good("lossy.webp")), Object.fromEntries(goodPictures)["lossy.webp"]);
  });

  test("take a baseline JPEG of 16 megapixels and 15 MB, and no larger one", () => {
    const header = { kind: "jpeg", width: 4000, height: 4000, orientation: 1, bytesPerPixel: 4 } as const;
    const decodeFile = (fileBytes: number) => withDecodedImage(new Uint8Array(fileBytes), header, () => "used");
    expect(decodeFile(15_000_000)).toMatchObject({ reason: "corrupt-image" });
    expect(decodeFile(15_000_001)).toMatchObject({ reason: "too-many-pixels" });
  });

  test("are limited whatever a header says", () => {
    const bytes = webpFile([lossless(9000, 9000)]);
    const header = { ...headerOf(bytes), bytesPerPixel: 0 };
    expect(withDecodedImage(bytes, header, () => "used")).toMatchObject({ reason: "too-many-pixels" });
    expect(decoderMemoryBytes()).toBeLessThanOrEqual(MAX_PICTURE_BYTES);
  });

  test("keep to their memory with large pictures of all kinds, eight at once", async () => {
    const names = ["jpg", "jpg", "png", "jpg", "webp", "jpg", "png", "jpg"].map((ending) => `large.${ending}`);
    const mostBytes: number[] = [];
    const decodeLater = async (name: string) => {
      const bytes = good(name);
      await scheduler.wait(1);
      const header = headerOf(bytes);
      return withDecodedImage(bytes, header, ({ data, width, height, channels }) => {
        mostBytes.push(decoderMemoryBytes());
        expect(data.length).toBe(width * height * channels);
        return Array.from(data.subarray(0, 3));
      });
    };
    for (const corner of await Promise.all(names.map(decodeLater))) {
      expect(corner).toEqual([expect.closeTo(230, -1), expect.closeTo(40, -1), expect.closeTo(40, -1)]);
    }
    expect(mostBytes).toHaveLength(names.length);
    expect(Math.max(...mostBytes)).toBeLessThanOrEqual(MAX_DECODER_BYTES);
  });
});
