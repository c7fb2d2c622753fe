// The small model with a tail of test/vectors/graphs, inside workerd, and what its tail answers, worked out by hand.
import { applyCalibrator } from "@spillway/shared/calibration/calibrator";
import type { Calibration, TailCalibration } from "@spillway/shared/schema/calibration";
import { type Manifest, manifestSchema } from "@spillway/shared/schema/manifest";
import { quantiseFeatures } from "@spillway/shared/split/quantiser";
import { type FeatureShape, quantiserLevels, type Setting } from "@spillway/shared/split/setting";
import { inject } from "vitest";
import type { ModelBundle } from "../../../edge-worker/src/inference/model-bundle.ts";
import { sha256Hex } from "../../../edge-worker/src/sha256.ts";
import stage1 from "../../vectors/graphs/stage-1.onnx";
import stage2 from "../../vectors/graphs/stage-2.onnx";
import { encodePng } from "./png.ts";

const SIDE = 4;
export const SHAPE: FeatureShape = [4, 3, 2];
/** Of every image: its exits agree in nothing. */
export const METRIC = 0.5;

/** The richer the better, and each with a calibrator and a way of fusing of its own. */
const TAIL: TailCalibration[] = [
  { setting: "2x1", calibrator: { temperature: 2 }, fusion: null, gainShare: 0.4, frameBytes: 24 },
  { setting: "2x8", calibrator: { temperature: 0.5 }, fusion: { edgeWeight: 0.25 }, gainShare: 0.7, frameBytes: 35 },
  { setting: "4x4", calibrator: { temperature: 1 }, fusion: null, gainShare: 0.9, frameBytes: 45 },
];

export async function smallBundle(change: (calibration: Calibration) => void = () => {}): Promise<ModelBundle> {
  const text = inject("smallManifest");
  const hash = await sha256Hex(text);
  const always = { confidence: [0], gain: [METRIC] };
  const calibration: Calibration = {
    calibrationVersion: 1,
    model: hash,
    fittedOn: { dataset: "none", n: 1, part: "calibration", evaluation: null },
    exits: [{ temperature: 1 }, { temperature: 1 }],
    cloud: { temperature: 0.25 },
    vote: [0.5, 0.5],
    metric: { "max-probability": always, margin: always, entropy: always },
    gainModel: null,
    fusion: null,
    tail: structuredClone(TAIL),
  };
  change(calibration);
  return { hash, manifest: manifestSchema.parse(JSON.parse(text)), calibration, stages: [stage1, stage2] };
}

/** Only this setting gains anything, so it is what the controller sends. */
export function only(setting: string): (calibration: Calibration) => void {
  return ({ tail }) => {
    for (const each of tail ?? []) if (each.setting !== setting) each.gainShare = 0;
  };
}

/** An image, and the first stage's features of it: a corner of each colour, and of their mean. */
export async function smallImage(seed: number) {
  const rgb = Uint8Array.from({ length: SIDE * SIDE * 3 }, (_, at) => (at * 37 * (seed + 1) + seed * 11) % 256);
  const [, height, width] = SHAPE;
  const features = new Float32Array(SHAPE[0] * height * width);
  for (let at = 0; at < height * width; at++) {
    const [y, x] = [Math.floor(at / width), at % width];
    const colours = [0, 1, 2].map((channel) => Math.fround(rgb[(y * SIDE + x) * 3 + channel] / 255));
    for (const [channel, value] of colours.entries()) features[channel * height * width + at] = value;
    features[3 * height * width + at] = colours.reduce((sum, value) => sum + value, 0) / 3;
  }
  return { png: await encodePng(rgb, SIDE, SIDE), features };
}

/** What the tail says of these features at one of its settings: see tail.py for the graph. */
export function tailAnswer(
  features: Float32Array,
  setting: number,
  { manifest, calibration }: ModelBundle,
): Float64Array {
  const sent = settingsOf(manifest)[setting];
  const { codes, ranges } = quantiseFeatures(features, SHAPE, sent);
  const area = SHAPE[1] * SHAPE[2];
  const logits = new Float32Array(3);
  for (let channel = 0; channel < sent.channels; channel++) {
    const sum = codes.subarray(channel * area, (channel + 1) * area).reduce((total, code) => total + code, 0);
    const [low, high] = ranges.subarray(channel * 2);
    const mean = low + (sum / area / quantiserLevels(sent.bits)) * (high - low);
    for (let k = 0; k < 3; k++) logits[k] += (mean * (setting * 12 + channel * 3 + k)) / 10;
  }
  return applyCalibrator(logits, calibration.tail?.[setting].calibrator ?? calibration.cloud);
}

export function settingsOf({ cloud }: Manifest): Setting[] {
  return cloud.tail?.settings ?? [];
}
