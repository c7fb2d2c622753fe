// Valid documents to start from, and a way to change one field of them.
import type { Calibration } from "@spillway/shared/schema/calibration";
import { type Config, defaultConfig } from "@spillway/shared/schema/config";
import type { Manifest, Preprocessing, Stage } from "@spillway/shared/schema/manifest";

export const MODEL_HASH = "0123456789abcdef".repeat(4);
export const OTHER_HASH = "f".repeat(64);

const preprocessing: Preprocessing = {
  width: 32,
  height: 32,
  fit: "cover",
  mean: [0.5, 0.5, 0.5],
  std: [0.25, 0.25, 0.25],
};

function stage(number: number, count: number): Stage {
  return {
    file: `stage-${number}.onnx`,
    sha256: String(number % 10).repeat(64),
    bytes: 1000,
    logits: `logits-${number}`,
    multiplyAdds: 1_000_000,
    parameters: 10_000,
    input: number === 1 ? "image" : `features-${number - 1}`,
    features: number === count ? null : { name: `features-${number}`, shape: [8 * number, 16, 16] },
  };
}

export function validManifest(stages = 3): Manifest {
  return {
    manifestVersion: 1,
    name: "tiny-2",
    labels: ["cat", "dog"],
    edge: {
      preprocessing,
      input: { name: "image", datatype: "FP32", layout: "NCHW" },
      stages: Array.from({ length: stages }, (_, index) => stage(index + 1, stages)),
    },
    cloud: {
      large: {
        file: "large.onnx",
        sha256: "e".repeat(64),
        bytes: 2000,
        logits: "logits",
        multiplyAdds: 9_000_000,
        parameters: 90_000,
        preprocessing: { ...preprocessing, width: 64, height: 48, fit: "fill" },
        input: { name: "image", datatype: "UINT8", layout: "NHWC" },
      },
      tail: null,
    },
    accuracy: [{ model: "large", top1: 0.75, n: 5000, dataset: "test", measuredBy: "spillway" }],
    training: { recipe: "first", epochs: 12 },
  };
}

/** {@link validManifest} with a tail of two settings on its first stage's 8x16x16 features. */
export function validManifestWithTail(): Manifest {
  const manifest = validManifest();
  manifest.cloud.tail = {
    file: "tail.onnx",
    sha256: "d".repeat(64),
    bytes: 1000,
    logits: "logits",
    multiplyAdds: 7_000_000,
    parameters: 70_000,
    features: "features-1",
    inputs: {
      codes: { name: "codes", datatype: "UINT8" },
      ranges: { name: "ranges", datatype: "FP32" },
      setting: { name: "setting", datatype: "INT64" },
    },
    settings: [
      { channels: 2, bits: 1, rawBytes: 64 },
      { channels: 8, bits: 8, rawBytes: 2048 },
    ],
  };
  return manifest;
}

export function validCalibrationWithTail(): Calibration {
  const shared = { calibrator: { temperature: 1.25 }, fusion: null };
  return {
    ...validCalibration(),
    tail: [
      { ...shared, setting: "2x1", gainShare: 0.25, frameBytes: 60.5 },
      { ...shared, setting: "8x8", gainShare: 0.9, frameBytes: 1500 },
    ],
  };
}

export function validCalibration(): Calibration {
  const table = { confidence: [0.25, 0.5, 1], gain: [0.5, 0.25, -0.125] };
  return {
    calibrationVersion: 1,
    model: MODEL_HASH,
    fittedOn: { dataset: "held-out", n: 2500, part: "calibration", evaluation: null },
    exits: [{ temperature: 1.5 }, { temperature: 1.25 }, { temperature: 1 }],
    cloud: { temperature: 1.125 },
    vote: [0.25, 0.25, 0.5],
    metric: { "max-probability": table, margin: table, entropy: table },
    gainModel: null,
    fusion: { edgeWeight: 0.25 },
    tail: null,
  };
}

export function validConfig(): Config {
  return defaultConfig(validManifest(), MODEL_HASH, validCalibration());
}

/** A deep copy with one field, named by its path, set to a value; undefined removes it. */
export function changed(document: unknown, path: string, value: unknown): unknown {
  const copy: unknown = structuredClone(document);
  const names = path.split(".");
  const last = names.pop() as string;
  let parent = copy as Record<string, unknown>;
  for (const name of names) parent = parent[name] as Record<string, unknown>;
  if (value === undefined) delete parent[last];
  else parent[last] = value;
  return copy;
}

/** The paths of all objects and fields of a document, lists by their first element. */
export function pathsOf(document: unknown, prefix = ""): string[] {
  if (typeof document !== "object" || document === null) return [];
  const names = Array.isArray(document) ? ["0"].slice(0, document.length) : Object.keys(document);
  return names.flatMap((name) => {
    const path = prefix === "" ? name : `${prefix}.${name}`;
    return [path, ...pathsOf((document as Record<string, unknown>)[name], path)];
  });
}
