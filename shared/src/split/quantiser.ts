// The uniform quantiser of feature maps: what of a map is sent, and as what codes. Its twin, which the tail was trained
// on, is models/training/spillway_training/quantise.py; both compute the very same codes, in float32.
//
// A channel's values between its smallest m and largest M become round((x - m) / (M - m) * levels), and come back as
// m + code (M - m) / levels: at most half a step away, but for the rounding of m and M to the 16-bit floats that travel.
// The range is this image's own, so that codes never depend on other images.
import { type FeatureShape, quantiserLevels, type Setting } from "./setting.ts";

/** The largest finite 16-bit float. */
export const LARGEST_HALF = 65504;

export interface QuantisedFeatures {
  /** Of the whole map. */
  shape: FeatureShape;
  setting: Setting;
  /** [channels sent, 2]: smallest and largest value; each a float16's value. */
  ranges: Float32Array;
  /** [channels sent, H, W], 0 to quantiserLevels(bits); all 0 in a channel of one value. */
  codes: Uint8Array;
}

/**
 * Codes of the first `setting.channels` channels of features [C,H,W]. Halves are rounded to the even code; a value that
 * the rounding of its range left outside has the code of its end.
 *
 * @throws RangeError for features that are not of the shape or not finite, and for a setting that no such map has
 */
export function quantiseFeatures(features: Float32Array, shape: FeatureShape, setting: Setting): QuantisedFeatures {
  checkSetting(setting, shape);
  const [channels, height, width] = shape;
  const area = height * width;
  if (features.length !== channels * area) {
    throw new RangeError(`features: expected ${channels * area} values, got ${features.length}`);
  }
  const levels = quantiserLevels(setting.bits);
  const ranges = new Float32Array(setting.channels * 2);
  const codes = new Uint8Array(setting.channels * area);
  for (let channel = 0; channel < setting.channels; channel++) {
    const values = features.subarray(channel * area, (channel + 1) * area);
    const [low, high] = halfRange(values);
    ranges[channel * 2] = low;
    ranges[channel * 2 + 1] = high;
    if (high > low) quantiseChannel(values, low, high, levels, codes.subarray(channel * area, (channel + 1) * area));
  }
  return { shape, setting, ranges, codes };
}

/** The inverse up to rounding, as the tail sees it: [C,H,W], with 0 for channels that are not sent. */
export function dequantiseFeatures({ shape, setting, ranges, codes }: QuantisedFeatures): Float32Array<ArrayBuffer> {
  const [channels, height, width] = shape;
  const area = height * width;
  const levels = quantiserLevels(setting.bits);
  const features = new Float32Array(channels * area);
  for (let channel = 0; channel < setting.channels; channel++) {
    const [low, high] = [ranges[channel * 2], ranges[channel * 2 + 1]];
    const step = Math.fround(Math.fround(high - low) / levels);
    for (let at = channel * area; at < (channel + 1) * area; at++) {
      features[at] = low + Math.fround(codes[at] * step);
    }
  }
  return features;
}

/** @throws RangeError for a shape that no map has, and a setting that a map of this shape does not have */
export function checkSetting({ channels, bits }: Setting, shape: FeatureShape): void {
  if (shape.length !== 3 || !shape.every((side) => Number.isInteger(side) && side >= 1)) {
    throw new RangeError(`shape: expected three whole numbers from 1, got [${shape.join(", ")}]`);
  }
  if (!Number.isInteger(channels) || channels < 1 || channels > shape[0]) {
    throw new RangeError(`channels: expected a whole number from 1 to ${shape[0]}, got ${channels}`);
  }
  if (bits !== 1 && bits !== 2 && bits !== 4 && bits !== 8) {
    throw new RangeError(`bits: expected 1, 2, 4 or 8, got ${bits}`);
  }
}

/** Smallest and largest value as 16-bit floats can say them. */
function halfRange(values: Float32Array): [low: number, high: number] {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of values) {
    // Infinities are seen in the result, NaN only here: it is neither smaller nor larger.
    if (Number.isNaN(value)) throw new RangeError("features: expected finite values, got NaN");
    if (value < low) low = value;
    if (value > high) high = value;
  }
  if (low === Number.NEGATIVE_INFINITY || high === Number.POSITIVE_INFINITY) {
    throw new RangeError("features: expected finite values, got an infinity");
  }
  return [toHalf(low), toHalf(high)];
}

function toHalf(value: number): number {
  // Adding 0 makes -0, which says nothing more, a plain 0.
  return Math.f16round(Math.min(Math.max(value, -LARGEST_HALF), LARGEST_HALF)) + 0;
}

/** Adding and taking away 2^52 rounds a double below it to a whole number, halves to the even one. */
const ROUNDER = 2 ** 52;

function quantiseChannel(values: Float32Array, low: number, high: number, levels: number, codes: Uint8Array): void {
  const scale = Math.fround(levels / Math.fround(high - low));
  for (let at = 0; at < values.length; at++) {
    const scaled = Math.fround(Math.fround(values[at] - low) * scale);
    codes[at] = scaled <= 0 ? 0 : scaled >= levels ? levels : scaled + ROUNDER - ROUNDER;
  }
}
