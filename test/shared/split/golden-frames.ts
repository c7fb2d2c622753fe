// Frames as they were written when the coders were given their numbers: what is on its way, or was kept, still decodes,
// and Node and workerd write the same bytes.
import { type QuantisedFeatures, quantiseFeatures } from "@spillway/shared/split/quantiser";
import type { FeatureShape } from "@spillway/shared/split/setting";

export const GOLDEN_SHAPE: FeatureShape = [4, 6, 6];

export const GOLDEN_FRAMES = [
  { bits: 1, frame: "f7090304060610acbfc7513216ab30407a5d8b4436f5560a9218fd" },
  { bits: 2, frame: "f7490304060617acbfc689f9e229eede01cdc1b4b42886c1f382021c4278ce9f0cbe" },
  {
    bits: 4,
    frame:
      "f789030406062bacbfc89c929aa8c42ab369fc66d1432c70a2bb520d8945614b327b7befc7f619c7447325c6c787418f7d0767b156bb",
  },
  {
    bits: 8,
    frame:
      "f7c9030406064aacbfcafdfe059e094405d017c99b51ab895dd4fd6dcbf267f4df52c7b4448d172b5e2b9bcbee53413e9f3e3116ae999a613ce9344ad4800fef8e46e8a0743a31128e96bed5e2d4a844b035802c85",
  },
];

/** Spots on a plain ground, as after a ReLU; whole numbers throughout, so that they are the same everywhere. */
export function goldenFeatures(bits: number): QuantisedFeatures {
  const [channels, height, width] = GOLDEN_SHAPE;
  const values = Float32Array.from({ length: channels * height * width }, (_, at) => {
    const [channel, row, column] = [Math.floor(at / 36), Math.floor(at / 6) % 6, at % 6];
    const distance = (row - channel) ** 2 + (column - 2) ** 2;
    return Math.max(0, 24 - 3 * distance + ((at * 7) % 5)) * (channel + 1);
  });
  return quantiseFeatures(values, GOLDEN_SHAPE, { channels: 3, bits });
}
