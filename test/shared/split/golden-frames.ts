// Frames as they were written when the coders were given their numbers: what is on its way, or was kept, still decodes,
// and Node and workerd write the same bytes.
import { type QuantisedFeatures, quantiseFeatures } from "@spillway/shared/split/quantiser";
import type { FeatureShape } from "@spillway/shared/split/setting";

export const GOLDEN_SHAPE: FeatureShape = [4, 6, 6];

export const GOLDEN_FRAMES = [
  { bits: 1, frame: "f709030406060facbfdc9fdb3a0d63b081f3037ab4427f4e5e32" },
  { bits: 2, frame: "f7490304060618acbfd5fcb7035384ca9ae7d44f1f480df0bf4000a5c54c59d61b1058" },
  {
    bits: 4,
    frame: "f7890304060629acbfd91b751594566694ea6ea2a0417917c28a5bb83cbc6fd1c52b7033ee931c5501c5e2ecbeb06997ef12e5fa",
  },
  {
    bits: 8,
    frame:
      "f7c90304060648acbfdc80ea45693e67c8f7602a7814b1b534d324556c3a6af7ffb5a65991babe556694e37a67d5a502f9ac71571c36ec3d24323154854d3fa54ecc50e527e7cd5e1577dab808eb0d658dc14c",
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
