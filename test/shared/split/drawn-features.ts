// Feature maps to try the codec on, drawn from a seed: smooth, sparse, noisy, constant, at the ends of all ranges.
import { type QuantisedFeatures, quantiseFeatures } from "@spillway/shared/split/quantiser";
import { type FeatureShape, quantiserLevels, type Setting } from "@spillway/shared/split/setting";

/** Numbers in [0, 1). */
export type Random = () => number;

export const ALL_BITS = [1, 2, 4, 8] as const;

/** A whole number from 0 to below the limit. */
export function below(limit: number, random: Random): number {
  return Math.floor(random() * limit);
}

type Fill = (at: number, random: Random) => number;

/** Each draws its own scale, then a value for each place. */
const MAPS: ((random: Random) => Fill)[] = [
  () => (_, random) => random() * 2 - 1,
  () => (_, random) => Math.max(0, random() * 3 - 2),
  (random) => {
    const value = random() - 0.5;
    return () => value;
  },
  () => (at) => Math.sin(at / 5),
  (random) => {
    const scale = 10 ** (random() * 80 - 44);
    return (_, next) => (next() - 0.5) * scale;
  },
  () => (_, random) => (random() < 0.05 ? 1 : 0),
  () => (_, random) => (random() < 0.5 ? 65504 : -65504),
  () => (at) => at % 2,
];

/** What the quantiser makes of a map of any kind. */
export function drawFeatures(shape: FeatureShape, setting: Setting, random: Random): QuantisedFeatures {
  const fill = MAPS[below(MAPS.length, random)](random);
  const values = Float32Array.from({ length: shape[0] * shape[1] * shape[2] }, (_, at) => fill(at, random));
  return quantiseFeatures(values, shape, setting);
}

/** Codes and ranges that no image makes but the frame must carry all the same: every code as likely, ranges any halves. */
export function drawCodes(shape: FeatureShape, setting: Setting, random: Random): QuantisedFeatures {
  const [, height, width] = shape;
  const area = height * width;
  const levels = quantiserLevels(setting.bits);
  const ranges = new Float32Array(setting.channels * 2);
  const codes = new Uint8Array(setting.channels * area);
  for (let channel = 0; channel < setting.channels; channel++) {
    const ends = [drawHalf(random), drawHalf(random)].sort((a, b) => a - b);
    ranges.set(ends, channel * 2);
    const mask = ends[0] === ends[1] ? 0 : random() < 0.5 ? levels : below(levels + 1, random);
    for (let at = channel * area; at < (channel + 1) * area; at++) codes[at] = below(levels + 1, random) & mask;
  }
  return { shape, setting, ranges, codes };
}

/** Any finite 16-bit float. */
export function drawHalf(random: Random): number {
  const bits = (below(2, random) << 15) | below(0x7c00, random);
  return new Float16Array(Uint16Array.of(bits).buffer)[0];
}

/** A small map's shape and a setting that it has. */
export function drawShape(random: Random): { shape: FeatureShape; setting: Setting } {
  const shape = [1 + below(6, random), 1 + below(5, random), 1 + below(5, random)] as const;
  const setting = { channels: 1 + below(shape[0], random), bits: ALL_BITS[below(4, random)] };
  return { shape, setting };
}
