// Frames as they were written when the coders were given their numbers: what is on its way, or was kept, still decodes,
// and Node and workerd write the same bytes.
import { type QuantisedFeatures, quantiseFeatures } from "@spillway/shared/split/quantiser";
import type { FeatureShape } from "@spillway/shared/split/setting";

export const GOLDEN_SHAPE: FeatureShape = [4, 6, 6];

export const GOLDEN_FRAMES = [
  { bits: 1, frame: "f7090304060610acbfc9a8b21de0bc6e2d0bde02aca7591551b3a9" },
  { bits: 2, frame: "f7490304060616acbfc722e94878a1dc9f2d3a950080d68d293cca79afcfd47a22" },
  {
    bits: 4,
    frame:
      "f789030406062bacbfc9b80c7257c350360ea849ee7b76ade88e1a2febfb0438bd8a6361a198e7189556ba29baaf470dce19d067403a",
  },
  {
    bits: 8,
    frame:
      "f7c9030406064aacbfcc12f3c4d06c768ea91afa730eeeaacb1be3a47225fb20cb1e56476c27ba0773966ca78ed4465fb0f96a85c57b2dbf96dc704a36708fbe62386faf78322cf3b0326cd0649b67f612ed46750a",
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
