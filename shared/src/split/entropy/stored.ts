// Features as they are, for maps that no model of ours makes smaller: ranges as float16, little-endian, then all codes
// in one string of bits, the first in the lowest bits of a byte. What is left of the last byte is 0.
import type { Setting } from "../setting.ts";
import type { CodedMap, MapContent } from "./coded-map.ts";

export function storedBytes({ setting, height, width }: CodedMap): number {
  return setting.channels * 4 + packedBytes(setting, height * width);
}

export function encodeStored({ setting }: CodedMap, { ranges, codes }: MapContent): Uint8Array<ArrayBuffer> {
  const rangeBytes = ranges.length * 2;
  const bytes = new Uint8Array(rangeBytes + Math.ceil((codes.length * setting.bits) / 8));
  const view = new DataView(bytes.buffer);
  ranges.forEach((value, index) => {
    view.setFloat16(index * 2, value, true);
  });
  const perByte = 8 / setting.bits;
  for (let at = 0; at < codes.length; at++) {
    bytes[rangeBytes + Math.floor(at / perByte)] |= codes[at] << ((at % perByte) * setting.bits);
  }
  return bytes;
}

/** Null for bytes that the encoder does not write. */
export function decodeStored(map: CodedMap, bytes: Uint8Array): MapContent | null {
  if (bytes.length !== storedBytes(map)) return null;
  const { setting, height, width } = map;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const ranges = new Float32Array(setting.channels * 2);
  for (let index = 0; index < ranges.length; index++) ranges[index] = view.getFloat16(index * 2, true);
  const codes = new Uint8Array(setting.channels * height * width);
  const perByte = 8 / setting.bits;
  const mask = 2 ** setting.bits - 1;
  for (let at = 0; at < codes.length; at++) {
    const byte = bytes[ranges.length * 2 + Math.floor(at / perByte)];
    codes[at] = (byte >> ((at % perByte) * setting.bits)) & mask;
  }
  const usedBits = (codes.length * setting.bits) % 8;
  if (usedBits > 0 && bytes[bytes.length - 1] >> usedBits !== 0) return null;
  return { ranges, codes };
}

function packedBytes({ channels, bits }: Setting, area: number): number {
  return Math.ceil((channels * area * bits) / 8);
}
