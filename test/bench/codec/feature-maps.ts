// Real feature maps to code: what a stage of a shipped model makes of one half of CIFAR-100's shared test images.
import { imageTensor, imageTensorShape } from "@spillway/shared/preprocess/image-tensor";
import type { Manifest } from "@spillway/shared/schema/manifest";
import type { FeatureShape } from "@spillway/shared/split/setting";
import * as ort from "onnxruntime-node";
import { readMosaic } from "../../../models/src/images/mosaic.ts";
import { splitInHalves } from "../../../models/src/images/split.ts";
import { openModelFolder, readGraph } from "../../../models/src/model-folder.ts";

const MOSAIC = "../shared/data/cifar100/val.webp";

export interface FeatureMaps {
  shape: FeatureShape;
  /** One for each image, [C,H,W]. */
  maps: Float32Array[];
}

export interface StageFeatures {
  manifest: Manifest;
  /** One for each stage that hands features on. */
  stages: FeatureMaps[];
  /** Milliseconds that stage 1 took for each image, on one thread. */
  stage1Ms: number[];
}

/** Runs the stages up to `lastStage`, image by image, as the Worker does. */
export async function stageFeatures(
  modelFolder: string,
  half: "calibration" | "report",
  lastStage = 0,
): Promise<StageFeatures> {
  const folder = await openModelFolder(modelFolder);
  const { manifest } = folder;
  const { input, preprocessing, stages } = manifest.edge;
  const tiles = await readMosaic(MOSAIC, preprocessing, manifest.labels.length);
  const shown = stages.slice(0, lastStage + 1).filter(({ features }) => features !== null);
  const sessions: ort.InferenceSession[] = [];
  for (const stage of shown) {
    sessions.push(await ort.InferenceSession.create(await readGraph(folder, stage), { intraOpNumThreads: 1 }));
  }
  const found: FeatureMaps[] = shown.map(({ features }) => ({ shape: features?.shape ?? [1, 1, 1], maps: [] }));
  const stage1Ms: number[] = [];
  for (const index of splitInHalves(tiles.count)[half]) {
    const pixels = imageTensor(await tiles.read(index), 1, preprocessing, input);
    const shape = imageTensorShape(preprocessing, input, 1);
    let value: ort.Tensor =
      pixels instanceof Float32Array
        ? new ort.Tensor("float32", pixels, shape)
        : new ort.Tensor("uint8", pixels, shape);
    for (const [at, stage] of shown.entries()) {
      const startMs = performance.now();
      const outputs = await sessions[at].run({ [stage.input]: value });
      if (at === 0) stage1Ms.push(performance.now() - startMs);
      value = outputs[stage.features?.name ?? ""];
      found[at].maps.push((value.data as Float32Array).slice());
    }
  }
  return { manifest, stages: found, stage1Ms };
}
