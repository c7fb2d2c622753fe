// The frame in which quantised features travel from the edge to the tail. A frame is whole or refused: a reason says
// why, nothing is allocated before all that it declares is checked, and its checksum covers every byte before it.
//
//   byte 0        magic
//   byte 1        version (bits 0-2), coder (bits 3-5), log2 of the setting's bits (bits 6-7)
//   varints       channels sent; channels, height and width of the map; bytes of the payload
//   payload       ranges and codes, as the coder writes them
//   4 bytes       CRC-32C of all that, little-endian
//
// Varints are little-endian in groups of 7 bits (LEB128), in their shortest form. Whatever is free of choice has one
// form, so equal features make equal frames, in every engine.
//
// The checksum has 32 bits: 16 would save 2 of some 70 bytes, but of a million damaged frames let 15 pass as the
// features of another image, and a wrong answer is dearer than a refused one.
import { crc32c } from "./checksum.ts";
import type { CodedMap, MapContent } from "./entropy/coded-map.ts";
import { decodeStored, encodeStored } from "./entropy/stored.ts";
import { checkSetting, LARGEST_HALF, type QuantisedFeatures } from "./quantiser.ts";
import { type FeatureShape, quantiserLevels, type Setting, settingName } from "./setting.ts";

/** Values in a whole map; a first stage of 64x112x112 has fewer. */
export const MAX_MAP_VALUES = 2 ** 20;
/** Of a whole map. */
export const MAX_MAP_CHANNELS = 4096;
const MAGIC = 0xf7;
const VERSION = 1;
const STORED = 0;
const CHECKSUM_BYTES = 4;
/** Magic, the byte after it, and five varints of at most 2^21 - 1. */
const MAX_HEADER_BYTES = 2 + 5 * 3;
const MIN_HEADER_BYTES = 2 + 5;
/** No frame is longer: stored features of the largest map. */
export const MAX_FRAME_BYTES = MAX_HEADER_BYTES + MAX_MAP_CHANNELS * 4 + MAX_MAP_VALUES + CHECKSUM_BYTES;

export type FrameRefusal =
  | "too-long"
  | "not-a-frame"
  | "version"
  | "truncated"
  | "trailing-bytes"
  | "checksum"
  | "shape"
  | "setting"
  | "coder"
  | "ranges"
  | "codes";

/** What the receiver's model reads. */
export interface ExpectedFeatures {
  shape: FeatureShape;
  settings: readonly Setting[];
}

export type DecodedFrame =
  /** `setting` is the index in the expected settings. */
  { ok: true; features: QuantisedFeatures; setting: number } | { ok: false; reason: FrameRefusal; detail: string };

type Refused = Extract<DecodedFrame, { ok: false }>;

/** @throws RangeError for features that the quantiser does not make, and for maps beyond the limits */
export function encodeFrame(features: QuantisedFeatures): Uint8Array<ArrayBuffer> {
  checkFeatures(features);
  const { shape, setting } = features;
  const [channels, height, width] = shape;
  const payload = encodeStored({ setting, height, width }, features);
  const header = [MAGIC, VERSION | (STORED << 3) | (Math.log2(setting.bits) << 6)];
  for (const value of [setting.channels, channels, height, width, payload.length]) pushVarint(header, value);
  const frame = new Uint8Array(header.length + payload.length + CHECKSUM_BYTES);
  frame.set(header);
  frame.set(payload, header.length);
  const end = frame.length - CHECKSUM_BYTES;
  new DataView(frame.buffer).setUint32(end, crc32c(frame.subarray(0, end)), true);
  return frame;
}

/** Never throws; allocates no more than the features of the expected shape take, and that only for a frame of it. */
export function decodeFrame(frame: Uint8Array, expected: ExpectedFeatures): DecodedFrame {
  const header = readHeader(frame);
  if ("reason" in header) return header;
  const { setting, shape, payload } = header;
  const [channels, height, width] = shape;
  if (!shape.every((side, index) => side === expected.shape[index])) {
    return refuse("shape", `expected ${expected.shape.join("x")}, got ${shape.join("x")}`);
  }
  // The caller's own map may be beyond the limits; then there is no frame for it.
  if (channels > MAX_MAP_CHANNELS || channels * height * width > MAX_MAP_VALUES) {
    return refuse("shape", `expected at most ${MAX_MAP_VALUES} values, got ${shape.join("x")}`);
  }
  const index = expected.settings.findIndex(
    ({ channels, bits }) => channels === setting.channels && bits === setting.bits,
  );
  if (index === -1 || setting.channels > channels) {
    return refuse("setting", `expected one of the model's, got ${settingName(setting)}`);
  }
  if (header.coder !== STORED) return refuse("coder", `expected ${STORED}, got ${header.coder}`);
  const map = { setting, height, width };
  const content = decodeStored(map, payload);
  if (content === null) return refuse("codes", "the payload is not what the coder writes");
  const fault = contentFault(map, content);
  if (fault !== null) return refuse(...fault);
  return { ok: true, setting: index, features: { shape: [channels, height, width], setting, ...content } };
}

interface FrameHeader {
  coder: number;
  setting: Setting;
  shape: [channels: number, height: number, width: number];
  payload: Uint8Array;
}

/** What the frame declares, and that it is all there and undamaged. */
function readHeader(frame: Uint8Array): FrameHeader | Refused {
  if (frame.length > MAX_FRAME_BYTES) {
    return refuse("too-long", `expected at most ${MAX_FRAME_BYTES} bytes, got ${frame.length}`);
  }
  if (frame.length > 0 && frame[0] !== MAGIC) return refuse("not-a-frame", "it does not begin as one");
  if (frame.length < MIN_HEADER_BYTES + CHECKSUM_BYTES) return refuse("truncated", `got ${frame.length} bytes`);
  const version = frame[1] & 7;
  if (version !== VERSION) return refuse("version", `expected ${VERSION}, got ${version}`);
  const fields: number[] = [];
  let at = 2;
  while (fields.length < 5) {
    const varint = readVarint(frame, at);
    if (varint === null) return refuse("not-a-frame", "its header holds a number that no frame has");
    fields.push(varint.value);
    at = varint.end;
  }
  const [sent, channels, height, width, payloadBytes] = fields;
  const end = at + payloadBytes;
  const left = frame.length - CHECKSUM_BYTES - end;
  if (left < 0) return refuse("truncated", `${-left} bytes are missing`);
  if (left > 0) return refuse("trailing-bytes", `${left} bytes too many`);
  const declared = new DataView(frame.buffer, frame.byteOffset).getUint32(end, true);
  if (declared !== crc32c(frame.subarray(0, end))) return refuse("checksum", "the frame is damaged");
  const setting = { channels: sent, bits: 1 << (frame[1] >> 6) };
  return {
    coder: (frame[1] >> 3) & 7,
    setting,
    shape: [channels, height, width],
    payload: frame.subarray(at, end),
  };
}

function refuse(reason: FrameRefusal, detail: string): Refused {
  return { ok: false, reason, detail };
}

function pushVarint(bytes: number[], value: number): void {
  let rest = value;
  for (; rest > 0x7f; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80);
  bytes.push(rest);
}

/** Null for numbers of more than three bytes, and for zeros at the end that say nothing. */
function readVarint(bytes: Uint8Array, start: number): { value: number; end: number } | null {
  let value = 0;
  for (let group = 0; group < 3; group++) {
    const byte = bytes[start + group];
    if (byte === undefined) return null;
    value |= (byte & 0x7f) << (group * 7);
    if (byte < 0x80) return byte === 0 && group > 0 ? null : { value, end: start + group + 1 };
  }
  return null;
}

/** What a coder can write down and the quantiser never makes. */
function contentFault(
  { setting, height, width }: CodedMap,
  { ranges, codes }: MapContent,
): ["ranges" | "codes", string] | null {
  const area = height * width;
  for (let channel = 0; channel < setting.channels; channel++) {
    const [low, high] = [ranges[channel * 2], ranges[channel * 2 + 1]];
    if (!(low >= -LARGEST_HALF && low <= high && high <= LARGEST_HALF)) {
      return ["ranges", `channel ${channel}: expected a range, got ${low} to ${high}`];
    }
    if (low < high) continue;
    if (codes.subarray(channel * area, (channel + 1) * area).some((code) => code !== 0)) {
      return ["codes", `channel ${channel}: expected only 0 in a channel of one value`];
    }
  }
  return null;
}

function checkFeatures({ shape, setting, ranges, codes }: QuantisedFeatures): void {
  checkSetting(setting, shape);
  const [channels, height, width] = shape;
  const values = channels * height * width;
  if (channels > MAX_MAP_CHANNELS) throw new RangeError(`channels: expected at most ${MAX_MAP_CHANNELS}`);
  if (values > MAX_MAP_VALUES) throw new RangeError(`shape: expected at most ${MAX_MAP_VALUES} values, got ${values}`);
  const [rangeCount, codeCount] = [setting.channels * 2, setting.channels * height * width];
  if (ranges.length !== rangeCount) throw new RangeError(`ranges: expected ${rangeCount}, got ${ranges.length}`);
  if (codes.length !== codeCount) throw new RangeError(`codes: expected ${codeCount}, got ${codes.length}`);
  if (!ranges.every((value) => Math.f16round(value) === value)) throw new RangeError("ranges: expected 16-bit floats");
  const levels = quantiserLevels(setting.bits);
  if (!codes.every((code) => code <= levels)) throw new RangeError(`codes: expected at most ${levels}`);
  const fault = contentFault({ setting, height, width }, { ranges, codes });
  if (fault !== null) throw new RangeError(fault[1]);
}
