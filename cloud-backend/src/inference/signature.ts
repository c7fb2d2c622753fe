// What a graph takes and gives, in the words of the protocol.
import { imageTensorShape } from "@spillway/shared/preprocess/image-tensor";
import type { Datatype } from "@spillway/shared/protocol/tensor";
import type { LargeModel } from "@spillway/shared/schema/manifest";
import { type StartupStep, success } from "../errors.ts";

/** The dimension that a request is free to choose. */
export const VARIABLE = -1;

export interface TensorDescription {
  name: string;
  datatype: Datatype;
  shape: number[];
}

export interface Signature {
  inputs: TensorDescription[];
  outputs: TensorDescription[];
}

/** The signature that a manifest promises; only its batch is variable. */
export function promisedSignature(large: LargeModel, classes: number): Signature {
  const { name, datatype } = large.input;
  return {
    inputs: [{ name, datatype, shape: imageTensorShape(large.preprocessing, large.input, VARIABLE) }],
    outputs: [{ name: large.logits, datatype: "FP32", shape: [VARIABLE, classes] }],
  };
}

/** A graph must take exactly what was promised, and give at least that. */
export function checkSignature(graph: Signature, promised: Signature): StartupStep<null> {
  const expectedInputs = promised.inputs.map(describe).join(", ");
  const inputs = graph.inputs.map(describe);
  if (inputs.join(", ") !== expectedInputs) {
    return { ok: false, error: `the manifest promises input ${expectedInputs}, the graph has ${inputs.join(", ")}` };
  }
  const outputs = graph.outputs.map(describe);
  const missing = promised.outputs.map(describe).find((output) => !outputs.includes(output));
  if (missing !== undefined) {
    return { ok: false, error: `the manifest promises output ${missing}, the graph has ${outputs.join(", ")}` };
  }
  return success(null);
}

function describe({ name, datatype, shape }: TensorDescription): string {
  return `"${name}" ${datatype} [${shape.join(", ")}]`;
}

/** Whether a tensor of this shape fits a description. */
export function fitsShape(shape: readonly number[], description: TensorDescription): boolean {
  return (
    shape.length === description.shape.length &&
    description.shape.every((dimension, axis) => dimension === VARIABLE || dimension === shape[axis])
  );
}
