// The graphs of a model that a cloud serves, as the manifest promises them: what any server that is to
// take the place of the backend has to be told.
import { imageTensorShape } from "@spillway/shared/preprocess/image-tensor";
import type { Datatype } from "@spillway/shared/protocol/tensor";
import type { Manifest } from "@spillway/shared/schema/manifest";

/** The dimension that a request is free to choose. */
export const VARIABLE = -1;

export interface TensorDescription {
  name: string;
  datatype: Datatype;
  /** The first dimension is the batch. */
  shape: number[];
}

export interface CloudGraph {
  /** Under which the Worker asks for it. */
  name: string;
  file: string;
  sha256: string;
  inputs: TensorDescription[];
  outputs: TensorDescription[];
}

/** The large model. The tail joins it here as soon as a manifest can hold one (issue 3). */
export function cloudGraphs({ cloud, labels }: Manifest): CloudGraph[] {
  const { file, sha256, input, preprocessing, logits } = cloud.large;
  const shape = imageTensorShape(preprocessing, input, VARIABLE);
  return [
    {
      name: "large",
      file,
      sha256,
      inputs: [{ name: input.name, datatype: input.datatype, shape }],
      outputs: [{ name: logits, datatype: "FP32", shape: [VARIABLE, labels.length] }],
    },
  ];
}
