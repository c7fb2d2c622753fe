// Between the protocol's tensors and ONNX Runtime's. Only the datatypes that image classifiers use.
import { type Datatype, type Tensor, tensorOf } from "@spillway/shared/protocol/tensor";
import { type InferenceSession, type OnnxValue, Tensor as RuntimeTensor } from "onnxruntime-node";
import { type StartupStep, success } from "../errors.ts";
import { type Signature, type TensorDescription, VARIABLE } from "./signature.ts";

const DATATYPES: Readonly<Record<string, Datatype>> = { uint8: "UINT8", float32: "FP32" };

/** @throws TypeError for a datatype that no accepted graph takes */
export function toRuntime({ name, datatype, shape, bytes }: Tensor): RuntimeTensor {
  if (datatype === "UINT8") return new RuntimeTensor("uint8", bytes, shape);
  if (datatype === "FP32") {
    return new RuntimeTensor("float32", new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4), shape);
  }
  throw new TypeError(`${name}: expected UINT8 or FP32, got ${datatype}`);
}

export function fromRuntime(name: string, value: OnnxValue): Tensor {
  const { data, dims } = value as RuntimeTensor;
  return tensorOf(name, [...dims], data as Float32Array<ArrayBuffer> | Uint8Array<ArrayBuffer>);
}

/** What a loaded graph takes and gives; symbolic dimensions are variable. */
export function signatureOf(session: InferenceSession): StartupStep<Signature> {
  const values = [...session.inputMetadata, ...session.outputMetadata];
  const descriptions: TensorDescription[] = [];
  for (const value of values) {
    const datatype = value.isTensor ? DATATYPES[value.type] : undefined;
    if (!value.isTensor || datatype === undefined) {
      return {
        ok: false,
        error: `"${value.name}" is ${value.isTensor ? value.type : "no tensor"}; expected uint8 or float32`,
      };
    }
    const shape = value.shape.map((dimension) => (typeof dimension === "number" ? dimension : VARIABLE));
    descriptions.push({ name: value.name, datatype, shape });
  }
  const inputs = descriptions.slice(0, session.inputMetadata.length);
  return success({ inputs, outputs: descriptions.slice(inputs.length) });
}
