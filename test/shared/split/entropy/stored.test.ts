import { decodeStored, encodeStored, storedBytes } from "@spillway/shared/split/entropy/stored";
import { describe, expect, it } from "vitest";

const map = (channels: number, bits: number) => ({ setting: { channels, bits }, height: 1, width: 5 });

describe("the stored form", () => {
  it.each([
    [1, [1, 0, 1, 1, 0], [0b01101]],
    [2, [3, 0, 1, 2, 1], [0b10010011, 0b01]],
    [4, [15, 0, 1, 2, 3], [0x0f, 0x21, 0x03]],
    [8, [255, 0, 1, 2, 3], [255, 0, 1, 2, 3]],
  ])("packs %i bits from the lowest up, after the range", (bits, codes, packed) => {
    const content = { ranges: Float32Array.of(0, 1), codes: Uint8Array.from(codes) };
    const bytes = encodeStored(map(1, bits), content);
    expect([...bytes]).toEqual([0, 0, 0x00, 0x3c, ...packed]);
    expect(bytes.length).toBe(storedBytes(map(1, bits)));
    expect(decodeStored(map(1, bits), bytes)).toEqual(content);
  });

  it("is refused with a byte more or less, and with bits that are nobody's", () => {
    const bytes = Uint8Array.of(0, 0, 0, 0x3c, 0b11111);
    expect(decodeStored(map(1, 1), bytes)).not.toBeNull();
    expect(decodeStored(map(1, 1), bytes.slice(0, 4))).toBeNull();
    expect(decodeStored(map(1, 1), Uint8Array.of(...bytes, 0))).toBeNull();
    expect(decodeStored(map(1, 1), Uint8Array.of(0, 0, 0, 0x3c, 0b100000))).toBeNull();
  });
});
