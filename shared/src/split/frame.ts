// The frame in which quantised features travel from the edge to the tail: a few hundred bytes that decode to exactly
// what was quantised, or are refused with a reason. What a frame declares is held against what the receiver's model
// reads before anything is allocated. Equal features make equal frames, in every engine.
import type { CodedMap, MapContent } from "./entropy/coded-map.ts";
import { decodeModelled, encodeModelled } from "./entropy/modelled.ts";
import { decodeStored, encodeStored, storedBytes } from "./entropy/stored.ts";
import {
  type FrameParts,
  type LayoutRefusal,
  MAX_FRAME_BYTES,
  MAX_MAP_CHANNELS,
  MAX_MAP_VALUES,
  readParts,
  writeParts,
} from "./frame-layout.ts";
import { checkSetting, LARGEST_HALF, type QuantisedFeatures } from "./quantiser.ts";
import { type FeatureShape, quantiserLevels, type Setting, settingName } from "./setting.ts";

export { MAX_FRAME_BYTES, MAX_MAP_CHANNELS, MAX_MAP_VALUES };

/** The coders' numbers in a frame. Whatever changes what a coder writes, its prior included, needs a number of its own. */
const STORED = 0;
const MODELLED = 1;

export type FrameRefusal = LayoutRefusal | "shape" | "setting" | "coder" | "ranges" | "codes";

/** What the receiver's model reads. */
export interface ExpectedFeatures {
  shape: FeatureShape;
  settings: readonly Setting[];
}

export type DecodedFrame =
  /** `setting` is the index in the expected settings. */
  { ok: true; features: QuantisedFeatures; setting: number } | { ok: false; reason: FrameRefusal; detail: string };

/** @throws RangeError for features that the quantiser does not make, and for maps beyond the limits */
export function encodeFrame(features: QuantisedFeatures): Uint8Array<ArrayBuffer> {
  checkFeatures(features);
  const { shape, setting } = features;
  const map = { setting, height: shape[1], width: shape[2] };
  const modelled = encodeModelled(map, features);
  if (modelled.length < storedBytes(map)) return writeParts({ coder: MODELLED, setting, shape, payload: modelled });
  return writeParts({ coder: STORED, setting, shape, payload: encodeStored(map, features) });
}

/** Never throws. Allocates what the features of the expected shape and setting take, and only for a frame of these. */
export function decodeFrame(frame: Uint8Array, expected: ExpectedFeatures): DecodedFrame {
  const read = readParts(frame);
  if (!read.ok) return read;
  const { setting, shape, coder, payload } = read.parts;
  const [channels, height, width] = shape;
  if (!shape.every((side, index) => side === expected.shape[index])) {
    return refuse("shape", `expected ${expected.shape.join("x")}, got ${shape.join("x")}`);
  }
  const beyond = beyondLimits(shape);
  if (beyond !== null) return refuse("shape", beyond);
  const index = expected.settings.findIndex((one) => one.channels === setting.channels && one.bits === setting.bits);
  if (index === -1 || setting.channels < 1 || setting.channels > channels) {
    return refuse("setting", `expected one of the model's, got ${settingName(setting)}`);
  }
  if (coder !== MODELLED && coder !== STORED) return refuse("coder", `expected 0 or 1, got ${coder}`);
  const map = { setting, height, width };
  const content = decodePayload(map, { coder, payload });
  if (content === null) return refuse("codes", "the payload is not what the coder writes");
  const fault = contentFault(map, content);
  if (fault !== null) return refuse(...fault);
  return { ok: true, setting: index, features: { shape: [channels, height, width], setting, ...content } };
}

function refuse(reason: FrameRefusal, detail: string): DecodedFrame {
  return { ok: false, reason, detail };
}

function decodePayload(map: CodedMap, { coder, payload }: Pick<FrameParts, "coder" | "payload">): MapContent | null {
  // Anything longer would have been stored.
  if (coder === MODELLED) return payload.length < storedBytes(map) ? decodeModelled(map, payload) : null;
  return decodeStored(map, payload);
}

/** What is wrong with a map's size, or null. */
function beyondLimits([channels, height, width]: FeatureShape): string | null {
  if (channels > MAX_MAP_CHANNELS) return `expected at most ${MAX_MAP_CHANNELS} channels, got ${channels}`;
  const values = channels * height * width;
  if (values < 1 || values > MAX_MAP_VALUES) return `expected 1 to ${MAX_MAP_VALUES} values, got ${values}`;
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
  const [, height, width] = shape;
  const beyond = beyondLimits(shape);
  if (beyond !== null) throw new RangeError(`shape: ${beyond}`);
  const [rangeCount, codeCount] = [setting.channels * 2, setting.channels * height * width];
  if (ranges.length !== rangeCount) throw new RangeError(`ranges: expected ${rangeCount}, got ${ranges.length}`);
  if (codes.length !== codeCount) throw new RangeError(`codes: expected ${codeCount}, got ${codes.length}`);
  if (!ranges.every((value) => Math.f16round(value) === value)) throw new RangeError("ranges: expected 16-bit floats");
  const levels = quantiserLevels(setting.bits);
  if (!codes.every((code) => code <= levels)) throw new RangeError(`codes: expected at most ${levels}`);
  const fault = contentFault({ setting, height, width }, { ranges, codes });
  if (fault !== null) throw new RangeError(fault[1]);
}
