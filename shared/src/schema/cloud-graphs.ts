// The graphs of a model that a cloud serves, as the manifest promises them: what our backend, and any
// server that is to take its place, has to be told.
import { imageTensorShape } from "../preprocess/image-tensor.ts";
import { type Signature, VARIABLE } from "../protocol/graph-signature.ts";
import type { FeatureShape } from "../split/setting.ts";
import type { LargeModel, Manifest, TailModel } from "./manifest.ts";

/** Where our backend serves the tail: frames of features, BYTES [n], in the place of its three inputs. */
export const FRAME_INPUT = "frame";

/**
 * Parameter of our backend's answers from the tail: the hash of its file, as the manifest has it. Features of another
 * first stage may have the same shape, as while a new model is being rolled out; only this tells them apart.
 */
export const TAIL_HASH_PARAMETER = "sha256";

/** In the signature, the first dimension of every tensor is the batch, and no other is variable. */
export interface CloudGraph {
  /** Under which the Worker asks for it. */
  name: "large" | "tail";
  file: string;
  sha256: string;
  /** Length of the file. */
  bytes: number;
  signature: Signature;
}

/** The large model, and the tail where there is one. */
export function cloudGraphs(manifest: Manifest): CloudGraph[] {
  const { tail } = manifest.cloud;
  return [largeGraph(manifest), ...(tail === null ? [] : [tailGraph(manifest, tail)])];
}

function largeGraph({ cloud, labels }: Manifest): CloudGraph {
  const { preprocessing, input } = cloud.large;
  const shape = imageTensorShape(preprocessing, input, VARIABLE);
  const inputs = [{ name: input.name, datatype: input.datatype, shape }];
  return { name: "large", ...graphFile(cloud.large), signature: { inputs, outputs: logitsOf(cloud.large, labels) } };
}

function tailGraph(manifest: Manifest, tail: TailModel): CloudGraph {
  const { codes, ranges, setting } = tail.inputs;
  const [channels, height, width] = tailFeatureShape(manifest);
  const inputs = [
    { ...codes, shape: [VARIABLE, channels, height, width] },
    { ...ranges, shape: [VARIABLE, channels, 2] },
    { ...setting, shape: [VARIABLE, 1] },
  ];
  return { name: "tail", ...graphFile(tail), signature: { inputs, outputs: logitsOf(tail, manifest.labels) } };
}

/** Of the first stage's features, which the tail goes on from. @throws TypeError for a model whose first stage has none */
export function tailFeatureShape({ edge }: Manifest): FeatureShape {
  const { features } = edge.stages[0];
  if (features === null) throw new TypeError("tail: expected a first stage with features");
  return features.shape;
}

function graphFile({ file, sha256, bytes }: LargeModel | TailModel) {
  return { file, sha256, bytes };
}

function logitsOf({ logits }: LargeModel | TailModel, labels: readonly string[]): Signature["outputs"] {
  return [{ name: logits, datatype: "FP32", shape: [VARIABLE, labels.length] }];
}
