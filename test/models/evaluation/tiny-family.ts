// A model family as small as can be, with a tail: two stages, a large model and the tail of test/vectors/graphs, for
// images of 4 x 4 pixels in three classes.
import { copyFileSync, mkdirSync, readFileSync } from "node:fs";
import path from "node:path";
import type { Manifest } from "@spillway/shared/schema/manifest";
import { type Evaluation, writeEvaluation } from "../../../models/src/evaluation/evaluation-file.ts";
import { type ModelFolder, openModelFolder } from "../../../models/src/model-folder.ts";
import { sha256Hex } from "../../../models/src/sha256.ts";
import { madeUpLabels, madeUpTable } from "../commands/made-up.ts";
import { writeAt } from "../images/picture-folder.ts";

const GRAPHS = path.join(import.meta.dirname, "../../vectors/graphs");

export const SIDE = 4;
export const CLASSES = 3;
/** Of the first stage: a corner of each colour, and of their mean. */
export const FEATURES = { name: "features", shape: [4, 3, 2] } satisfies Manifest["edge"]["stages"][0]["features"];
export const SETTINGS = ["2x1", "2x8", "4x4"];

/** Writes the family into a folder, made below `root`. */
export async function tinyFamily(root: string, name = "tiny"): Promise<ModelFolder> {
  const folder = path.join(root, name);
  mkdirSync(folder);
  const graph = (file: string) => {
    const bytes = readFileSync(path.join(GRAPHS, file));
    copyFileSync(path.join(GRAPHS, file), path.join(folder, file));
    const size = { bytes: bytes.length, multiplyAdds: 1, parameters: 1 };
    return { file, sha256: sha256Hex(bytes), logits: "logits", ...size };
  };
  const preprocessing: Manifest["edge"]["preprocessing"] = {
    width: SIDE,
    height: SIDE,
    fit: "fill",
    mean: [0, 0, 0],
    std: [1, 1, 1],
  };
  const manifest: Manifest = {
    manifestVersion: 1,
    name,
    labels: ["red", "green", "blue"],
    edge: {
      preprocessing,
      input: { name: "image", datatype: "FP32", layout: "NCHW" },
      stages: [
        { ...graph("stage-1.onnx"), input: "image", features: FEATURES },
        { ...graph("stage-2.onnx"), input: "features", features: null },
      ],
    },
    cloud: {
      large: {
        ...graph("mean-colour.onnx"),
        preprocessing,
        input: { name: "image", datatype: "UINT8", layout: "NHWC" },
      },
      tail: {
        ...graph("tail.onnx"),
        features: FEATURES.name,
        inputs: {
          codes: { name: "codes", datatype: "UINT8" },
          ranges: { name: "ranges", datatype: "FP32" },
          setting: { name: "setting", datatype: "INT64" },
        },
        settings: [
          { channels: 2, bits: 1, rawBytes: 2 },
          { channels: 2, bits: 8, rawBytes: 12 },
          { channels: 4, bits: 4, rawBytes: 12 },
        ],
      },
    },
    accuracy: [],
    training: {},
  };
  writeAt(folder, "manifest.json", JSON.stringify(manifest));
  return openModelFolder(folder);
}

/** What such a family might have said, in a file beside it; its tail is as good as its large model. */
export async function tinyEvaluation(root: string, name: string): Promise<{ family: ModelFolder; file: string }> {
  const family = await tinyFamily(root, name);
  const rows = 200;
  const labels = madeUpLabels(rows, CLASSES, 1);
  const logitsOf = (lowest: number, seed: number) => {
    const { probabilities } = madeUpTable(labels, CLASSES, (u) => lowest + (0.99 - lowest) * u, seed);
    return Float32Array.from(probabilities, Math.log);
  };
  const evaluation: Evaluation = {
    rows,
    classes: CLASSES,
    exits: [logitsOf(0.4, 2), logitsOf(0.5, 3)],
    large: logitsOf(0.9, 4),
    tail: SETTINGS.map((setting, index) => ({
      setting,
      logits: logitsOf(0.9, 5 + index),
      frameBytes: new Int32Array(rows).fill(40 + index),
    })),
    labels,
    modelHash: family.hash,
    dataset: "made up",
  };
  const file = path.join(root, `${name}.npz`);
  await writeEvaluation(file, evaluation, labels, evaluation);
  return { family, file };
}
