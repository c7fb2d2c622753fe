// The size in the header is the size that libwebp decodes, whatever the order of the chunks: else a
// small file could say 1 x 1 and take hundreds of megabytes.
import { describe, expect, test } from "vitest";
import { decoderMemoryBytes } from "../../../edge-worker/src/image/decode.ts";
import { readImageHeader } from "../../../edge-worker/src/image/header.ts";
import { MAX_IMAGE_CHUNKS } from "../../../edge-worker/src/image/limits.ts";
import { type Decoded, decode, good, reasonOf } from "./fixtures.ts";
import { canvas, chunk, lossless, lossy, webpFile } from "./webp-files.ts";

const BIG = 9000;
const big = lossless(BIG, BIG);
const opacity = chunk("ALPH", [0, 1, 2, 3]);
const unknown = chunk("JUNK", [1, 2, 3]);

describe("the size is that of the picture that is decoded", () => {
  test.each([
    ["a lossless picture", [lossless(7, 5)]],
    ["a lossless picture before one of another size", [lossless(7, 5), lossless(1, 1)]],
    ["a lossless picture before a lossy one", [lossless(7, 5), lossy(1, 1)]],
    ["a lossless picture before a list of features", [lossless(7, 5), canvas(1, 1), lossless(1, 1)]],
    ["a canvas and its picture", [canvas(7, 5), lossless(7, 5)]],
    ["a canvas, unknown chunks and its picture", [canvas(7, 5), unknown, unknown, lossless(7, 5), unknown]],
    ["a canvas, opacity that is not used, and its picture", [canvas(7, 5, 0x10), opacity, lossless(7, 5)]],
  ])("%s", (_, chunks) => {
    const { header } = decode(webpFile(chunks)) as Decoded;
    expect(header).toMatchObject({ width: 7, height: 5, bytesPerPixel: 8 });
  });

  test("a lossy picture before a lossless one", () => {
    expect(readImageHeader(webpFile([lossy(7, 5), big]))).toMatchObject({ width: 7, height: 5, bytesPerPixel: 4 });
  });

  test("bytes after the end that the file states do not count", () => {
    const picture = lossless(7, 5);
    expect(decode(webpFile([picture, big], 4 + picture.length))).toMatchObject({ header: { width: 7, height: 5 } });
    expect(decode(webpFile([canvas(7, 5), picture, big], 4 + 18 + picture.length))).toMatchObject({
      header: { width: 7, height: 5 },
    });
  });
});

describe("a large picture is found wherever it would be decoded", () => {
  test.each([
    ["alone", [big]],
    ["before a lossy one", [big, lossy(1, 1)]],
    ["before a lossless one", [big, lossless(1, 1)]],
    ["on its canvas", [canvas(BIG, BIG), big]],
    ["after unknown chunks", [canvas(BIG, BIG), unknown, opacity, big]],
  ])("%s", (_, chunks) => {
    expect(reasonOf(webpFile(chunks))).toBe("too-many-pixels");
  });

  test.each([
    ["on a smaller canvas", [canvas(1, 1), big]],
    ["on a smaller canvas, with a small one after it", [canvas(1, 1), big, lossless(1, 1)]],
    ["on a smaller canvas, with a small one before it", [canvas(1, 1), lossless(1, 1), big]],
    ["behind opacity without a list of features", [opacity, big]],
    ["behind an unknown chunk without a list of features", [unknown, big]],
    ["without a header of its chunk", [big.slice(8)]],
    ["behind a list of features that is too long", [chunk("VP8X", [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]), big]],
    ["behind a second list of features", [canvas(1, 1), canvas(BIG, BIG), big]],
    ["longer than the file", [chunk("VP8L", big.slice(8), 1000)]],
    ["behind a chunk whose length goes round", [canvas(BIG, BIG), chunk("JUNK", [], 0xffffffff), big]],
  ])("%s: refused", (_, chunks) => {
    expect(reasonOf(webpFile(chunks))).toBe("corrupt-image");
  });

  test("beyond the end that the file states: refused", () => {
    expect(reasonOf(webpFile([canvas(BIG, BIG), big], 4 + 18))).toBe("corrupt-image");
    expect(reasonOf(webpFile([big], 1000))).toBe("corrupt-image");
  });

  test("none of them made the decoder's memory grow", () => {
    expect(decoderMemoryBytes()).toBeLessThan(18_000_000);
  });
});

test("opacity before a lossy picture is counted as a second picture and a plane", () => {
  expect(readImageHeader(webpFile([canvas(7, 5), opacity, lossy(7, 5)]))).toMatchObject({ bytesPerPixel: 9 });
  expect(readImageHeader(webpFile([canvas(7, 5), lossy(7, 5), opacity]))).toMatchObject({ bytesPerPixel: 4 });
  expect(readImageHeader(good("lossy-alpha.webp"))).toMatchObject({ bytesPerPixel: 9 });
});

test("as many chunks as are allowed, and one more", () => {
  const file = (chunks: number) =>
    webpFile([canvas(7, 5), lossless(7, 5), ...Array.from({ length: chunks - 2 }, () => chunk("JUNK"))]);
  expect(reasonOf(file(MAX_IMAGE_CHUNKS))).toBe("decoded");
  expect(readImageHeader(file(MAX_IMAGE_CHUNKS + 1))).toMatchObject({
    reason: "unsupported-image",
    detail: `expected a WebP of at most ${MAX_IMAGE_CHUNKS} chunks, got more`,
  });
});
