// What the models are worth: that frames are as short as the models say, that the prior helps, and that a map unlike
// any the prior has seen is learned all the same.

import { mulberry32 } from "@spillway/shared/random/mulberry32";
import { ROW_LENGTH } from "@spillway/shared/split/entropy/code-contexts";
import { ROW_COUNT } from "@spillway/shared/split/entropy/code-model";
import { codeMap, decodeModelled, encodeModelled } from "@spillway/shared/split/entropy/modelled";
import { priorWeights } from "@spillway/shared/split/entropy/prior";
import { encodeStored, storedBytes } from "@spillway/shared/split/entropy/stored";
import { encodeFrame } from "@spillway/shared/split/frame";
import { type QuantisedFeatures, quantiseFeatures } from "@spillway/shared/split/quantiser";
import type { FeatureShape, Setting } from "@spillway/shared/split/setting";
import { describe, expect, it } from "vitest";
import { CodeLength } from "../../../bench/codec/code-length.ts";
import { ALL_BITS, drawFeatures, type Random } from "../drawn-features.ts";

const SHAPE: FeatureShape = [64, 8, 8];
const SETTINGS: Setting[] = [8, 16, 32, 64].flatMap((channels) => ALL_BITS.map((bits) => ({ channels, bits })));

function mapOf({ setting, shape }: QuantisedFeatures) {
  return { setting, height: shape[1], width: shape[2] };
}

/** Minus the logarithm of the features' chance by the models, in bits. */
function worth(features: QuantisedFeatures, weights = priorWeights()): number {
  const length = new CodeLength();
  codeMap(length, mapOf(features), features, weights);
  return length.bits;
}

/** A spot or two a channel and some noise, cut off below: what a ReLU leaves of an edge or a corner. */
function spots(setting: Setting, cut: number, random: Random): QuantisedFeatures {
  const [channels, height, width] = SHAPE;
  const values = new Float32Array(channels * height * width);
  for (let channel = 0; channel < channels; channel++) {
    const centres = Array.from({ length: 2 }, () => ({ row: random() * height, column: random() * width }));
    for (let at = 0; at < height * width; at++) {
      const distances = centres.map(
        ({ row, column }) => (Math.floor(at / width) - row) ** 2 + ((at % width) - column) ** 2,
      );
      const level = 2 - Math.min(...distances) / 4 + random();
      values[channel * height * width + at] = Math.max(0, level - cut);
    }
  }
  return quantiseFeatures(values, SHAPE, setting);
}

describe("the coder that frames use", () => {
  it.each(SETTINGS)("writes what its models say the features are worth: $channels x $bits", (setting) => {
    const random = mulberry32(1);
    for (let count = 0; count < 8; count++) {
      const features = count % 2 === 0 ? drawFeatures(SHAPE, setting, random) : spots(setting, count / 8, random);
      const bytes = encodeModelled(mapOf(features), features);
      const bits = worth(features);
      expect(bytes.length * 8).toBeLessThanOrEqual(bits * 1.002 + 12);
      if (bytes.length > 256) expect(bytes.length * 8).toBeLessThanOrEqual(bits * 1.05);
      // What dividing the range leaves over makes one of two decisions a little cheaper than its chance says.
      expect(bytes.length * 8).toBeGreaterThan(bits * 0.999 - 8);
    }
  });

  it("is shorter for its prior on maps as a ReLU leaves them, all settings taken together", () => {
    const random = mulberry32(2);
    let [prepared, unprepared] = [0, 0];
    for (const setting of SETTINGS) {
      const features = spots(setting, 0.7, random);
      prepared += worth(features);
      unprepared += worth(features, new Int32Array(ROW_COUNT * ROW_LENGTH));
    }
    expect(prepared).toBeLessThan(0.97 * unprepared);
  });

  it("learns what its prior has never seen: stripes cost little once they are known", () => {
    const values = Float32Array.from({ length: 64 * 64 }, (_, at) => (at % 2 === 0 ? -1 : 1));
    const features = quantiseFeatures(values, SHAPE, { channels: 64, bits: 1 });
    expect(worth(features)).toBeLessThan(0.35 * (storedBytes(mapOf(features)) * 8));
  });

  it("gives way to the stored form where it is no shorter", () => {
    const random = mulberry32(4);
    const values = Float32Array.from({ length: 64 }, () => random() - 0.5);
    const features = quantiseFeatures(values, [1, 8, 8], { channels: 1, bits: 8 });
    expect(encodeModelled(mapOf(features), features).length).toBeGreaterThanOrEqual(storedBytes(mapOf(features)));
    expect(encodeFrame(features).slice(7, -4)).toEqual(encodeStored(mapOf(features), features));
  });

  it("tells a channel of one value by its range alone", () => {
    const features = quantiseFeatures(new Float32Array(4096), SHAPE, { channels: 64, bits: 8 });
    expect(encodeModelled(mapOf(features), features).length).toBeLessThan(8);
  });

  it("refuses bytes that are no message of such a map", () => {
    const features = spots({ channels: 8, bits: 4 }, 0.7, mulberry32(6));
    const bytes = encodeModelled(mapOf(features), features);
    expect(decodeModelled(mapOf(features), bytes)).toEqual({ ranges: features.ranges, codes: features.codes });
    expect(decodeModelled(mapOf(features), Uint8Array.of(...bytes, 0))).toBeNull();
    expect(decodeModelled(mapOf(features), Uint8Array.of(...bytes, 1, 2, 3, 4))).toBeNull();
  });
});
