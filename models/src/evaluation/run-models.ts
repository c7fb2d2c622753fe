// Runs every graph of a model over images with onnxruntime-node: what the Worker and the backend
// together would compute, offline and for all exits.
import { imageTensor, imageTensorShape } from "@spillway/shared/preprocess/image-tensor";
import type { ImageInput, Preprocessing } from "@spillway/shared/schema/manifest";
import * as ort from "onnxruntime-node";
import { type Tiles, tileOf } from "../images/mosaic.ts";
import { type ModelFolder, readGraph } from "../model-folder.ts";

export interface ModelLogits {
  rows: number;
  classes: number;
  /** For each exit, row-major [rows, classes]. */
  exits: Float32Array[];
  /** Row-major [rows, classes]. */
  large: Float32Array;
}

const BATCH = 50;

/**
 * Logits of all exits and of the large model for the chosen tiles, in their order.
 * @param progress called with the rows done so far
 */
export async function runModels(
  folder: ModelFolder,
  tiles: Tiles,
  indices: readonly number[],
  progress: (rows: number) => void = () => {},
): Promise<ModelLogits> {
  const { edge, cloud, labels } = folder.manifest;
  const open = async (graph: { file: string; sha256: string }) =>
    ort.InferenceSession.create(await readGraph(folder, graph));
  const stages = await Promise.all(edge.stages.map(open));
  const large = await open(cloud.large);
  const rows = indices.length;
  const logits: ModelLogits = {
    rows,
    classes: labels.length,
    exits: edge.stages.map(() => new Float32Array(rows * labels.length)),
    large: new Float32Array(rows * labels.length),
  };
  for (let row = 0; row < rows; row += BATCH) {
    const batch = indices.slice(row, row + BATCH);
    const at = row * labels.length;
    let input: ort.Tensor = batchTensor(tiles, batch, edge.preprocessing, edge.input);
    for (const [index, stage] of edge.stages.entries()) {
      const outputs = await stages[index].run({ [stage.input]: input });
      logits.exits[index].set(outputs[stage.logits].data as Float32Array, at);
      if (stage.features !== null) input = outputs[stage.features.name];
    }
    const image = batchTensor(tiles, batch, cloud.large.preprocessing, cloud.large.input);
    const outputs = await large.run({ [cloud.large.input.name]: image });
    logits.large.set(outputs[cloud.large.logits].data as Float32Array, at);
    progress(row + batch.length);
  }
  return logits;
}

function batchTensor(tiles: Tiles, indices: readonly number[], preprocessing: Preprocessing, input: ImageInput) {
  const { width, height } = tiles;
  const images = indices.map((index) =>
    imageTensor({ data: tileOf(tiles, index), width, height, channels: 3 }, 1, preprocessing, input),
  );
  const size = images[0].length;
  const isFloat = input.datatype === "FP32";
  const batch = isFloat ? new Float32Array(size * images.length) : new Uint8Array(size * images.length);
  images.forEach((image, index) => {
    batch.set(image, index * size);
  });
  const shape = imageTensorShape(preprocessing, input, images.length);
  return batch instanceof Float32Array
    ? new ort.Tensor("float32", batch, shape)
    : new ort.Tensor("uint8", batch, shape);
}
