// The small tail of test/vectors/graphs, and features of images that were never there to be sent to it.
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import type { Tensor } from "@spillway/shared/protocol/tensor";
import type { Manifest, TailModel } from "@spillway/shared/schema/manifest";
import { encodeFrame } from "@spillway/shared/split/frame";
import { type QuantisedFeatures, quantiseFeatures } from "@spillway/shared/split/quantiser";
import { type FeatureShape, quantiserLevels } from "@spillway/shared/split/setting";
import { tailTensors } from "@spillway/shared/split/tail-input";

export const SMALL_TAIL_FILE = fileURLToPath(new URL("../vectors/graphs/tail.onnx", import.meta.url));
const SHAPE: FeatureShape = [4, 3, 2];
/** As tail.py has them. */
const SETTINGS: TailModel["settings"] = [
  { channels: 2, bits: 1, rawBytes: 2 },
  { channels: 2, bits: 8, rawBytes: 12 },
  { channels: 4, bits: 4, rawBytes: 12 },
];

/** What the small tail is in a manifest. */
export async function smallTail(): Promise<TailModel> {
  const bytes = await readFile(SMALL_TAIL_FILE);
  return {
    file: "tail.onnx",
    sha256: createHash("sha256").update(bytes).digest("hex"),
    bytes: bytes.byteLength,
    logits: "logits",
    multiplyAdds: 12,
    parameters: 36,
    features: "features1",
    inputs: {
      codes: { name: "codes", datatype: "UINT8" },
      ranges: { name: "ranges", datatype: "FP32" },
      setting: { name: "setting", datatype: "INT64" },
    },
    settings: SETTINGS,
  };
}

/** A manifest with the small tail, and a first stage that gives what it reads. */
export async function withSmallTail(manifest: Manifest): Promise<Manifest> {
  const [first, ...others] = manifest.edge.stages;
  const features = { name: "features1", shape: [...SHAPE] as [number, number, number] };
  const stages = [{ ...first, features }, ...others.map((stage) => ({ ...stage }))];
  return {
    ...manifest,
    labels: ["red", "green", "blue"],
    edge: { ...manifest.edge, stages },
    cloud: { ...manifest.cloud, tail: await smallTail() },
  };
}

/** One image's features at one of the tail's settings, in the three forms in which they travel. */
export interface SentFeatures {
  setting: number;
  quantised: QuantisedFeatures;
  frame: Uint8Array<ArrayBuffer>;
  /** Of one row. */
  tensors: Tensor[];
}

/** Deterministic features without structure, other ones for each seed. */
export function sentFeatures(tail: TailModel, shape: FeatureShape, setting: number, seed = 1): SentFeatures {
  let state = seed;
  const features = new Float32Array(shape[0] * shape[1] * shape[2]).map(() => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 30 - 1;
  });
  const quantised = quantiseFeatures(features, shape, tail.settings[setting]);
  const tensors = tailTensors(tail, [{ features: quantised, setting }]);
  return { setting, quantised, frame: encodeFrame(quantised), tensors };
}

export async function smallFeatures(setting: number, seed = 1): Promise<SentFeatures> {
  return sentFeatures(await smallTail(), SHAPE, setting, seed);
}

/** What the small tail answers, worked out by hand: mean values of the channels sent, times the setting's matrix. */
export function smallLogits({ setting, quantised: { codes, ranges } }: SentFeatures): number[] {
  const { channels, bits } = SETTINGS[setting];
  const area = SHAPE[1] * SHAPE[2];
  const logits = [0, 0, 0];
  for (let channel = 0; channel < channels; channel++) {
    const sum = codes.subarray(channel * area, (channel + 1) * area).reduce((total, code) => total + code, 0);
    const [low, high] = [ranges[channel * 2], ranges[channel * 2 + 1]];
    const mean = low + (sum / area / quantiserLevels(bits)) * (high - low);
    for (let k = 0; k < 3; k++) logits[k] += (mean * (setting * 12 + channel * 3 + k)) / 10;
  }
  return logits;
}
