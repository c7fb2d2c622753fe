// Frames as they were written when the coders were given their numbers: what is on its way, or was kept, still decodes,
// and Node and workerd write the same bytes.
import { type QuantisedFeatures, quantiseFeatures } from "@spillway/shared/split/quantiser";
import type { FeatureShape } from "@spillway/shared/split/setting";

export const GOLDEN_SHAPE: FeatureShape = [4, 6, 6];

export const GOLDEN_FRAMES = [
  { bits: 1, frame: "f709030406060facbfca3e7b210394e12ad4afa3c75037797063" },
  { bits: 2, frame: "f7490304060617acbfc9413ccbef40b55f25ec4d138751c18ba362f3007f18275b3f" },
  {
    bits: 4,
    frame: "f789030406062aacbfc98341ed652470aff6db81f1ad4f1da5a1aaecdf04048706cf875cb56cff6cf227479c08d4e215989ee70943",
  },
  {
    bits: 8,
    frame:
      "f7c90304060648acbfcbee297da2b9af726123f84cba2bf11063baff5775a8c65e88b73ff260d5f1ebc4e28c3be153beb7eb3845f7681d8d47e1764fddefd17052852986d807888962fba53a2043ee3d0854fa",
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
