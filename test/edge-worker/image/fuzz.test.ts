// Whatever bytes come, decoding ends with pixels of the stated size or with a failure; it never
// throws, and the next good picture is decoded rightly.
import fc from "fast-check";
import { expect, test } from "vitest";
import { MAX_PICTURE_BYTES } from "../../../edge-worker/src/image/limits.ts";
import { decode, good, patched, smallPictures } from "./fixtures.ts";

const SEED = 20261120;
const REASONS = ["not-an-image", "unsupported-image", "too-many-pixels", "corrupt-image"];
const pictures = smallPictures.map(([name]) => good(name));
const witnesses = ["baseline.jpg", "lossy.webp", "type6-8bit.png"].map((name) => {
  const bytes = good(name);
  return { bytes, pixels: pixelsOf(bytes) };
});

function pixelsOf(bytes: Uint8Array): Uint8Array {
  const result = decode(bytes);
  if ("reason" in result) throw new Error(result.detail);
  return result.rgba;
}

function expectSafe(bytes: Uint8Array): void {
  const result = decode(bytes);
  if ("reason" in result) {
    expect(REASONS).toContain(result.reason);
    expect(result.detail.length).toBeLessThan(200);
    const next = witnesses[bytes.length % witnesses.length];
    if (result.reason === "corrupt-image") expect(pixelsOf(next.bytes)).toEqual(next.pixels);
  } else {
    expect(result.rgba.length).toBe(result.header.width * result.header.height * 4);
    expect(result.rgba.length).toBeLessThanOrEqual(MAX_PICTURE_BYTES * 4);
  }
}

const anyPicture = fc.constantFrom(...pictures);

test("random bytes", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), expectSafe), { seed: SEED, numRuns: 300 });
});

test("random bytes after the beginning of a picture", () => {
  const start = fc.tuple(anyPicture, fc.nat(60), fc.uint8Array({ maxLength: 100 }));
  const joined = ([bytes, length, tail]: [Uint8Array, number, Uint8Array]) =>
    expectSafe(new Uint8Array([...bytes.subarray(0, length), ...tail]));
  fc.assert(fc.property(start, joined), { seed: SEED, numRuns: 300 });
});

test("pictures cut anywhere", () => {
  const cut = fc.tuple(anyPicture, fc.double({ min: 0, max: 1, noNaN: true }));
  const check = ([bytes, share]: [Uint8Array, number]) =>
    expectSafe(bytes.subarray(0, Math.floor(share * bytes.length)));
  fc.assert(fc.property(cut, check), { seed: SEED, numRuns: 300 });
});

test("pictures with one byte changed anywhere", () => {
  const change = fc.tuple(anyPicture, fc.double({ min: 0, max: 0.999, noNaN: true }), fc.nat(255));
  const check = ([bytes, share, value]: [Uint8Array, number, number]) =>
    expectSafe(patched(bytes, Math.floor(share * bytes.length), value));
  fc.assert(fc.property(change, check), { seed: SEED, numRuns: 1500 });
});

test("headers with one byte changed, each byte in turn", () => {
  for (const name of ["baseline.jpg", "progressive.jpg", "orientation-6.jpg", "turned.webp", "type3-4bit.png"]) {
    const bytes = good(name);
    const headerBytes = Math.min(bytes.length, 700);
    for (let at = 0; at < headerBytes; at++) expectSafe(patched(bytes, at, bytes[at] ^ 0xff));
  }
});
