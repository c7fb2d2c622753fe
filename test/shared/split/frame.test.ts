import { mulberry32 } from "@spillway/shared/random/mulberry32";
import { crc32c } from "@spillway/shared/split/checksum";
import {
  decodeFrame,
  encodeFrame,
  MAX_FRAME_BYTES,
  MAX_MAP_CHANNELS,
  MAX_MAP_VALUES,
} from "@spillway/shared/split/frame";
import { type QuantisedFeatures, quantiseFeatures } from "@spillway/shared/split/quantiser";
import type { FeatureShape, Setting } from "@spillway/shared/split/setting";
import { describe, expect, it } from "vitest";
import { drawCodes, drawHalf } from "./drawn-features.ts";
import { GOLDEN_FRAMES, GOLDEN_SHAPE, goldenFeatures } from "./golden-frames.ts";
import { repaired } from "./repaired.ts";

const shape: FeatureShape = [2, 2, 3];
const setting: Setting = { channels: 1, bits: 4 };
const settings = [{ channels: 1, bits: 1 }, setting, { channels: 2, bits: 8 }];
const features: QuantisedFeatures = {
  shape,
  setting,
  ranges: Float32Array.of(-1.5, 2),
  codes: Uint8Array.of(0, 15, 3, 9, 1, 12),
};
const frame = encodeFrame(features);
const expected = { shape, settings };

function reasonFor(bytes: Uint8Array, of = expected): string {
  const decoded = decodeFrame(bytes, of);
  return decoded.ok ? "none" : decoded.reason;
}

/** The frame with some bytes in the place of others, and a checksum that fits. */
function changed(at: number, bytes: number[], removed = bytes.length): Uint8Array {
  return repaired(Uint8Array.from([...frame.slice(0, at), ...bytes, ...frame.slice(at + removed)]));
}

/** A stored frame of one channel. */
function stored(ranges: number[], codes: number[]): Uint8Array {
  const halves = new Uint8Array(Float16Array.from(ranges).buffer);
  return repaired(
    Uint8Array.of(0xf7, 0x81, 1, ...shape, halves.length + codes.length, ...halves, ...codes, 0, 0, 0, 0),
  );
}

describe("crc32c", () => {
  it("is RFC 3720's", () => {
    expect(crc32c(new TextEncoder().encode("123456789"))).toBe(0xe3069283);
    expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa);
    expect(crc32c(new Uint8Array())).toBe(0);
  });
});

describe("encodeFrame", () => {
  it("writes a header, the payload and a checksum", () => {
    // Noise is stored: two halves, then codes of 4 bits, the first in the lower half of its byte.
    const payload = [0x00, 0xbe, 0x00, 0x40, 0xf0, 0x93, 0xc1];
    const body = [0xf7, 0x81, 1, 2, 2, 3, payload.length, ...payload];
    expect([...frame.slice(0, -4)]).toEqual(body);
    expect(new DataView(frame.buffer).getUint32(body.length, true)).toBe(crc32c(Uint8Array.from(body)));
  });

  it.each(GOLDEN_FRAMES)("writes the same bytes as ever at $bits bits", ({ bits, frame: hex }) => {
    expect(Buffer.from(encodeFrame(goldenFeatures(bits))).toString("hex")).toBe(hex);
  });

  it("remembers nothing of the frames before, and leaves the features as they are", () => {
    const one = goldenFeatures(4);
    const copy = structuredClone(one);
    const first = encodeFrame(one);
    encodeFrame(drawCodes([64, 8, 8], { channels: 64, bits: 8 }, mulberry32(3)));
    expect(encodeFrame(one)).toEqual(first);
    expect(one).toEqual(copy);
  });

  it.each<[string, Partial<QuantisedFeatures>]>([
    ["ranges: expected 2, got 3", { ranges: new Float32Array(3) }],
    ["codes: expected 6, got 12", { codes: new Uint8Array(12) }],
    ["codes: expected at most 15", { codes: Uint8Array.of(0, 0, 16, 0, 0, 0) }],
    ["ranges: expected 16-bit floats", { ranges: Float32Array.of(0, 0.1) }],
    ["ranges: expected 16-bit floats", { ranges: Float32Array.of(Number.NaN, 1) }],
    ["channel 0: expected a range, got 0 to Infinity", { ranges: Float32Array.of(0, Number.POSITIVE_INFINITY) }],
    ["channel 0: expected a range, got 1 to 0", { ranges: Float32Array.of(1, 0) }],
    ["channel 0: expected only 0 in a channel of one value", { ranges: Float32Array.of(1, 1) }],
    ["channels: expected a whole number from 1 to 2, got 3", { setting: { channels: 3, bits: 4 } }],
    ["bits: expected 1, 2, 4 or 8, got 5", { setting: { channels: 1, bits: 5 } }],
  ])("throws where the quantiser made nothing of the kind: %s", (message, fault) => {
    expect(() => encodeFrame({ ...features, ...fault })).toThrow(new RangeError(message));
  });
});

describe("decodeFrame", () => {
  it("brings back the features and the index of their setting", () => {
    expect(decodeFrame(frame, expected)).toEqual({ ok: true, setting: 1, features });
  });

  it("reads a frame that is a view into more bytes", () => {
    const around = new Uint8Array(frame.length + 20);
    around.set(frame, 7);
    expect(decodeFrame(around.subarray(7, 7 + frame.length), expected)).toMatchObject({ ok: true, features });
  });

  it.each(GOLDEN_FRAMES)("reads what was written as ever at $bits bits", ({ bits, frame: hex }) => {
    const bytes = Uint8Array.from(Buffer.from(hex, "hex"));
    const decoded = decodeFrame(bytes, { shape: GOLDEN_SHAPE, settings: [{ channels: 3, bits }] });
    expect(decoded).toEqual({ ok: true, setting: 0, features: goldenFeatures(bits) });
  });

  it.each<[string, string, Uint8Array]>([
    ["nothing", "truncated", new Uint8Array()],
    ["another first byte", "not-a-frame", changed(0, [0xf6])],
    ["an image", "not-a-frame", Uint8Array.of(0x89, 0x50, 0x4e, 0x47)],
    ["only the first byte", "truncated", frame.slice(0, 1)],
    ["another version", "version", changed(1, [0x82])],
    ["no such coder", "coder", changed(1, [0x91])],
    ["another number of bits", "setting", changed(1, [0x41])],
    ["another number of channels", "setting", changed(2, [2])],
    ["no channels", "setting", changed(2, [0])],
    ["another number of the map's channels", "shape", changed(3, [3])],
    ["another height", "shape", changed(4, [3])],
    ["no width", "shape", changed(5, [0])],
    ["a number that ends in zeros", "not-a-frame", changed(2, [0x81, 0x00], 1)],
    ["a number that does not end", "not-a-frame", changed(2, [0x81, 0x80, 0x80, 0x01], 1)],
    ["more payload than there is", "truncated", changed(6, [8])],
    ["less payload than there is", "trailing-bytes", changed(6, [6])],
    ["a byte after it", "trailing-bytes", Uint8Array.of(...frame, 0)],
    ["another checksum", "checksum", Uint8Array.of(...frame.slice(0, -1), frame[frame.length - 1] ^ 1)],
    ["a payload one byte short", "codes", changed(6, [6, ...frame.slice(7, 13)], 8)],
    ["bits that are nobody's", "codes", repaired(encodeStoredOneBit(0x40))],
    ["codes in a channel of one value", "codes", stored([1, 1], [0x10, 0, 0])],
    ["a range that is not a number", "ranges", stored([0, Number.NaN], [0, 0, 0])],
    ["an endless range", "ranges", stored([0, Number.POSITIVE_INFINITY], [0, 0, 0])],
    ["a range upside down", "ranges", stored([1, 0], [0, 0, 0])],
  ])("refuses %s: %s", (_, reason, bytes) => {
    expect(reasonFor(bytes)).toBe(reason);
  });

  it("refuses a coded payload that no coder writes", () => {
    const of = { shape: GOLDEN_SHAPE, settings: [{ channels: 3, bits: 1 }] };
    const coded = Uint8Array.from(Buffer.from(GOLDEN_FRAMES[0].frame, "hex"));
    const longer = (last: number) =>
      repaired(Uint8Array.from([...coded.slice(0, 6), coded[6] + 1, ...coded.slice(7, -4), last, 0, 0, 0, 0]));
    // A zero at the end goes without saying.
    expect(reasonFor(longer(0), of)).toBe("codes");
    const long = new Uint8Array(12 + 13 + 4).fill(1);
    long.set(coded.slice(0, 6));
    long[6] = long.length - 11;
    // Stored, it would be no longer.
    expect(reasonFor(repaired(long), of)).toBe("codes");
  });

  it("refuses any bit flip, any truncation and anything appended", () => {
    for (const { bits, frame: hex } of GOLDEN_FRAMES) {
      const whole = Uint8Array.from(Buffer.from(hex, "hex"));
      const of = { shape: GOLDEN_SHAPE, settings: [{ channels: 3, bits }] };
      for (let bit = 0; bit < whole.length * 8; bit++) {
        const flipped = whole.slice();
        flipped[bit >> 3] ^= 1 << (bit & 7);
        expect(reasonFor(flipped, of)).not.toBe("none");
      }
      for (let length = 0; length < whole.length; length++) {
        expect(reasonFor(whole.slice(0, length), of)).not.toBe("none");
      }
      for (let byte = 0; byte < 256; byte++)
        expect(reasonFor(Uint8Array.of(...whole, byte), of)).toBe("trailing-bytes");
    }
  });

  it("refuses a model's map that is beyond the limits, as it cannot have been sent", () => {
    const huge = changed(4, [0xff, 0xff, 0x7f, 0xff, 0xff, 0x7f], 2);
    expect(reasonFor(huge, { shape: [2, 2 ** 21 - 1, 2 ** 21 - 1], settings })).toBe("shape");
  });
});

describe("the limits", () => {
  const random = mulberry32(9);

  it("hold the largest map, and no value more", () => {
    const [height, width] = [MAX_MAP_VALUES / 1024, 1024];
    const codes = new Uint8Array(MAX_MAP_VALUES).fill(1);
    const of = { shape: [1, height, width] as const, settings: [{ channels: 1, bits: 1 }] };
    const largest = { shape: of.shape, setting: of.settings[0], ranges: Float32Array.of(0, 1), codes };
    expect(decodeFrame(encodeFrame(largest), of)).toEqual({ ok: true, setting: 0, features: largest });
    const larger = { ...largest, shape: [1, height, width + 1] as const };
    const message = `shape: expected 1 to ${MAX_MAP_VALUES} values, got ${MAX_MAP_VALUES + height}`;
    expect(() => encodeFrame(larger)).toThrow(new RangeError(message));
  });

  it("hold the longest frame, and no byte more", () => {
    const side = Math.sqrt(MAX_MAP_VALUES / MAX_MAP_CHANNELS);
    const of = { shape: [MAX_MAP_CHANNELS, side, side] as const, settings: [{ channels: MAX_MAP_CHANNELS, bits: 8 }] };
    const longest = drawNoise(of.shape);
    const bytes = encodeFrame(longest);
    expect(bytes.length).toBeGreaterThan(MAX_FRAME_BYTES - 16);
    expect(bytes.length).toBeLessThanOrEqual(MAX_FRAME_BYTES);
    expect(decodeFrame(bytes, of).ok).toBe(true);
    const padded = new Uint8Array(MAX_FRAME_BYTES);
    padded.set(bytes);
    expect(reasonFor(padded, of)).toBe(bytes.length === MAX_FRAME_BYTES ? "none" : "trailing-bytes");
    expect(reasonFor(new Uint8Array(MAX_FRAME_BYTES + 1).fill(0xf7), of)).toBe("too-long");
    const channels = MAX_MAP_CHANNELS + 1;
    const wider = quantiseFeatures(new Float32Array(channels), [channels, 1, 1], { channels: 1, bits: 1 });
    const message = `shape: expected at most ${MAX_MAP_CHANNELS} channels, got ${channels}`;
    expect(() => encodeFrame(wider)).toThrow(new RangeError(message));
  });

  it("allocate nothing for a frame that declares the largest map where another is expected", () => {
    const large = quantiseFeatures(new Float32Array(MAX_MAP_VALUES), [1, 1024, 1024], { channels: 1, bits: 8 });
    const bytes = encodeFrame(large);
    // Buffers given up only lower the count, so growth is all that was allocated at most.
    const before = process.memoryUsage().arrayBuffers;
    for (let count = 0; count < 1000; count++) expect(decodeFrame(bytes, expected).ok).toBe(false);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(MAX_MAP_VALUES);
  });

  function drawNoise(of: readonly [number, number, number]): QuantisedFeatures {
    const [channels, height, width] = of;
    const ranges = new Float32Array(channels * 2);
    for (let channel = 0; channel < channels; channel++) {
      ranges.set(
        [drawHalf(random), drawHalf(random)].sort((a, b) => a - b),
        channel * 2,
      );
    }
    const codes = Uint8Array.from({ length: channels * height * width }, () => Math.floor(random() * 256));
    return { shape: of, setting: { channels, bits: 8 }, ranges, codes };
  }
});

/** Six codes of one bit leave two bits of their byte. */
function encodeStoredOneBit(unused: number): Uint8Array {
  return Uint8Array.of(0xf7, 0x01, 1, ...shape, 5, 0, 0, 0, 0x3c, unused, 0, 0, 0, 0);
}
