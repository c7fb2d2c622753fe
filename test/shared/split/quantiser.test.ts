import { dequantiseFeatures, quantiseFeatures } from "@spillway/shared/split/quantiser";
import type { FeatureShape } from "@spillway/shared/split/setting";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import golden from "../../vectors/split.json" with { type: "json" };

const shape = golden.shape as unknown as FeatureShape;
const bytesOf = (base64: string) => new Uint8Array(Buffer.from(base64, "base64"));
const floatsOf = (base64: string) => new Float32Array(bytesOf(base64).buffer);

describe("quantiseFeatures", () => {
  const cases = golden.quantiser.flatMap(({ name, features, ranges, coded }) =>
    coded.map((one) => ({ name, bits: one.bits, features, ranges, codes: one.codes, back: one.features })),
  );

  it.each(cases)("is the trainer's: $name at $bits bits", ({ bits, features, ranges, codes, back }) => {
    const quantised = quantiseFeatures(floatsOf(features), shape, { channels: shape[0], bits });
    expect(quantised.ranges).toEqual(floatsOf(ranges));
    expect(quantised.codes).toEqual(bytesOf(codes));
    expect(dequantiseFeatures(quantised).map(unsigned)).toEqual(floatsOf(back).map(unsigned));
  });

  it("sends the first channels only, and comes back with zeros for the others", () => {
    const features = floatsOf(golden.quantiser[0].features);
    const whole = quantiseFeatures(features, shape, { channels: 6, bits: 8 });
    const part = quantiseFeatures(features, shape, { channels: 2, bits: 8 });
    expect(part.codes).toEqual(whole.codes.slice(0, 2 * 15));
    expect(part.ranges).toEqual(whole.ranges.slice(0, 4));
    const back = dequantiseFeatures(part);
    expect(back.slice(0, 30)).toEqual(dequantiseFeatures(whole).slice(0, 30));
    expect(back.slice(30)).toEqual(new Float32Array(60));
  });

  it("is at most half a step away, but for the rounding of the range", () => {
    const map = fc.float32Array({ minLength: 12, maxLength: 12, noNaN: true, min: -60000, max: 60000 });
    fc.assert(
      fc.property(map, fc.constantFrom(1, 2, 4, 8), (features, bits) => {
        const quantised = quantiseFeatures(features, [1, 3, 4], { channels: 1, bits });
        const [low, high] = quantised.ranges;
        const rounding = 2 ** -11 * Math.max(Math.abs(low), Math.abs(high)) + 2 ** -25;
        const tolerance = ((high - low) / (2 ** bits - 1) / 2) * (1 + 1e-5) + 2 * rounding;
        dequantiseFeatures(quantised).forEach((value, index) => {
          expect(Math.abs(value - features[index])).toBeLessThanOrEqual(tolerance);
        });
      }),
    );
  });

  it.each([
    ["NaN", Number.NaN],
    ["an infinity", Number.POSITIVE_INFINITY],
    ["an infinity", Number.NEGATIVE_INFINITY],
  ])("refuses %s, in channels that are sent", (text, value) => {
    const features = new Float32Array(8).fill(1);
    features[3] = value;
    const quantise = () => quantiseFeatures(features, [2, 2, 2], { channels: 1, bits: 4 });
    expect(quantise).toThrow(new RangeError(`features: expected finite values, got ${text}`));
    features[3] = 0;
    features[7] = value;
    expect(quantise).not.toThrow();
  });

  it.each([
    [[2, 2, 2], { channels: 0, bits: 8 }, "channels: expected a whole number from 1 to 2, got 0"],
    [[2, 2, 2], { channels: 3, bits: 8 }, "channels: expected a whole number from 1 to 2, got 3"],
    [[2, 2, 2], { channels: 1.5, bits: 8 }, "channels: expected a whole number from 1 to 2, got 1.5"],
    [[2, 2, 2], { channels: 2, bits: 3 }, "bits: expected 1, 2, 4 or 8, got 3"],
    [[2, 2, 2], { channels: 2, bits: 16 }, "bits: expected 1, 2, 4 or 8, got 16"],
    [[8, 1, 0], { channels: 2, bits: 8 }, "shape: expected three whole numbers from 1, got [8, 1, 0]"],
    [[2, 2, 3], { channels: 2, bits: 8 }, "features: expected 12 values, got 8"],
  ])("refuses shape %j at %j", (wrong, setting, message) => {
    const quantise = () => quantiseFeatures(new Float32Array(8), wrong as unknown as FeatureShape, setting);
    expect(quantise).toThrow(new RangeError(message));
  });
});

/** Two zeros are one value. */
function unsigned(value: number): number {
  return value + 0;
}
