// Whatever the quantiser makes, and whatever else a frame may carry, comes back exactly: 100,000 maps in all.
import { mulberry32 } from "@spillway/shared/random/mulberry32";
import { decodeFrame, encodeFrame, MAX_FRAME_BYTES } from "@spillway/shared/split/frame";
import type { QuantisedFeatures } from "@spillway/shared/split/quantiser";
import { type FeatureShape, type Setting, settingName } from "@spillway/shared/split/setting";
import { describe, expect, it } from "vitest";
import { ALL_BITS, drawCodes, drawFeatures, drawShape, type Random } from "./drawn-features.ts";

const SEEDS = [1, 2, 3, 4, 5, 6];
const MAPS_A_SEED = 16_600;
const MAPS_A_SETTING = 25;
const SHAPE: FeatureShape = [64, 8, 8];
const SETTINGS: Setting[] = [8, 16, 32, 64].flatMap((channels) => ALL_BITS.map((bits) => ({ channels, bits })));

describe("a frame brings back exactly what it was made of", () => {
  it.each(SEEDS)("16,600 maps of up to 6x5x5, at all their settings, seed %i", (seed) => {
    const random = mulberry32(seed);
    const seen = new Set<string>();
    for (let count = 0; count < MAPS_A_SEED; count++) {
      const { shape, setting } = drawShape(random);
      seen.add(settingName(setting));
      expectRoundTrip(draw(shape, setting, random), [setting]);
    }
    expect(seen.size).toBe(6 * 4);
  });

  it.each(SETTINGS.map((setting) => ({ name: settingName(setting), setting })))("64x8x8 at $name", ({ setting }) => {
    const random = mulberry32(setting.channels * 8 + setting.bits);
    for (let count = 0; count < MAPS_A_SETTING; count++) expectRoundTrip(draw(SHAPE, setting, random), SETTINGS);
  });
});

function draw(shape: FeatureShape, setting: Setting, random: Random): QuantisedFeatures {
  return random() < 0.5 ? drawFeatures(shape, setting, random) : drawCodes(shape, setting, random);
}

/** By hand where it is cheap: `expect` on every array would take most of the time. */
function expectRoundTrip(features: QuantisedFeatures, settings: Setting[]): void {
  const { shape, setting, ranges, codes } = features;
  const frame = encodeFrame(features);
  const rawBytes = Math.ceil((codes.length * setting.bits) / 8);
  // Never longer than the features as they are, and what is around them.
  if (frame.length > ranges.length * 2 + rawBytes + 15)
    throw new Error(`${settingName(setting)}: ${frame.length} bytes`);
  if (frame.length > MAX_FRAME_BYTES) throw new Error("a frame is longer than the longest");
  const decoded = decodeFrame(frame, { shape, settings });
  if (!decoded.ok) throw new Error(`${decoded.reason}: ${decoded.detail}`);
  const isSame =
    isEqual(decoded.features.codes, codes) &&
    isEqual(decoded.features.ranges, ranges) &&
    settings[decoded.setting].channels === setting.channels &&
    settings[decoded.setting].bits === setting.bits;
  if (!isSame) expect(decoded.features).toEqual(features);
}

function isEqual(one: Uint8Array | Float32Array, other: Uint8Array | Float32Array): boolean {
  return one.length === other.length && one.every((value, index) => Object.is(value, other[index]));
}
