// How a frame lies in its bytes, whatever it holds:
//
//   byte 0        magic
//   byte 1        version (bits 0-2), coder (bits 3-5), log2 of the setting's bits (bits 6-7)
//   varints       channels sent; channels, height and width of the map; bytes of the payload
//   payload       ranges and codes, as the coder writes them
//   4 bytes       CRC-32C of all that, little-endian
//
// Varints are little-endian in groups of 7 bits (LEB128), in their shortest form.
//
// The checksum has 32 bits: 16 would save 2 of some 60 bytes, but of a million damaged frames let 15 pass as the
// features of some other image, and a wrong answer is dearer than a refused one.
import { crc32c } from "./checksum.ts";
import type { Setting } from "./setting.ts";

/** Values in a whole map; a first stage of 64x112x112 has fewer. */
export const MAX_MAP_VALUES = 2 ** 20;
/** Of a whole map. */
export const MAX_MAP_CHANNELS = 4096;

const MAGIC = 0xf7;
const VERSION = 1;
const VARINTS = 5;
/** Three groups hold 2^21 - 1, more than any of these numbers may be. */
const MAX_VARINT_BYTES = 3;
const CHECKSUM_BYTES = 4;
const SHORTEST_FRAME = 2 + VARINTS + CHECKSUM_BYTES;
/** No frame is longer: the largest map, 4 bytes for each channel's range and 1 for each value. */
export const MAX_FRAME_BYTES = 2 + VARINTS * MAX_VARINT_BYTES + MAX_MAP_CHANNELS * 4 + MAX_MAP_VALUES + CHECKSUM_BYTES;

export type LayoutRefusal = "too-long" | "not-a-frame" | "version" | "truncated" | "trailing-bytes" | "checksum";

export interface FrameParts {
  /** 0 to 7. */
  coder: number;
  setting: Setting;
  shape: readonly [channels: number, height: number, width: number];
  payload: Uint8Array;
}

export type ReadParts = { ok: true; parts: FrameParts } | { ok: false; reason: LayoutRefusal; detail: string };

export function writeParts({ coder, setting, shape, payload }: FrameParts): Uint8Array<ArrayBuffer> {
  const header = [MAGIC, VERSION | (coder << 3) | ((31 - Math.clz32(setting.bits)) << 6)];
  for (const value of [setting.channels, ...shape, payload.length]) pushVarint(header, value);
  const frame = new Uint8Array(header.length + payload.length + CHECKSUM_BYTES);
  frame.set(header);
  frame.set(payload, header.length);
  const end = frame.length - CHECKSUM_BYTES;
  new DataView(frame.buffer).setUint32(end, crc32c(frame.subarray(0, end)), true);
  return frame;
}

/** What a frame declares, once it is known to be whole and undamaged. The payload is a view of it. */
export function readParts(frame: Uint8Array): ReadParts {
  const { length } = frame;
  if (length > MAX_FRAME_BYTES) return refuse("too-long", `expected at most ${MAX_FRAME_BYTES} bytes, got ${length}`);
  if (length > 0 && frame[0] !== MAGIC) return refuse("not-a-frame", "its first byte is another");
  if (length < SHORTEST_FRAME) return refuse("truncated", `expected at least ${SHORTEST_FRAME} bytes, got ${length}`);
  const version = frame[1] & 7;
  if (version !== VERSION) return refuse("version", `expected ${VERSION}, got ${version}`);
  const fields: number[] = [];
  let at = 2;
  while (fields.length < VARINTS) {
    const varint = readVarint(frame, at);
    if (varint === null) return refuse("not-a-frame", "its header holds a number that no frame holds");
    fields.push(varint.value);
    at = varint.end;
  }
  const [sent, channels, height, width, payloadBytes] = fields;
  const end = at + payloadBytes;
  const left = length - CHECKSUM_BYTES - end;
  if (left < 0) return refuse("truncated", `${-left} bytes are missing`);
  if (left > 0) return refuse("trailing-bytes", `${left} bytes too many`);
  const declared = new DataView(frame.buffer, frame.byteOffset, length).getUint32(end, true);
  if (declared !== crc32c(frame.subarray(0, end))) return refuse("checksum", "the frame is damaged");
  const setting = { channels: sent, bits: 1 << (frame[1] >> 6) };
  const coder = (frame[1] >> 3) & 7;
  return { ok: true, parts: { coder, setting, shape: [channels, height, width], payload: frame.subarray(at, end) } };
}

function refuse(reason: LayoutRefusal, detail: string): ReadParts {
  return { ok: false, reason, detail };
}

function pushVarint(bytes: number[], value: number): void {
  let rest = value;
  for (; rest > 0x7f; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80);
  bytes.push(rest);
}

/** Null for a number that goes on too long, or ends in a group of zeros that says nothing. */
function readVarint(bytes: Uint8Array, start: number): { value: number; end: number } | null {
  let value = 0;
  for (let group = 0; group < MAX_VARINT_BYTES; group++) {
    const byte = bytes[start + group];
    if (byte === undefined) return null;
    value |= (byte & 0x7f) << (group * 7);
    if (byte < 0x80) return byte === 0 && group > 0 ? null : { value, end: start + group + 1 };
  }
  return null;
}
