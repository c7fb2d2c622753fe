// Between the protocol's tensors and ONNX Runtime's.
import type { Datatype, Tensor } from "@spillway/shared/protocol/tensor";
import { type InferenceSession, type OnnxValue, Tensor as RuntimeTensor } from "onnxruntime-node";
import { type StartupStep, success } from "../errors.ts";
import { type Signature, type TensorDescription, VARIABLE } from "./signature.ts";

/** ONNX Runtime's word for each datatype, and the array that it keeps its values in. Strings it keeps in no array. */
const RUNTIME_TYPES = {
  BOOL: ["bool", Uint8Array],
  INT8: ["int8", Int8Array],
  UINT8: ["uint8", Uint8Array],
  INT16: ["int16", Int16Array],
  UINT16: ["uint16", Uint16Array],
  FP16: ["float16", Float16Array],
  INT32: ["int32", Int32Array],
  UINT32: ["uint32", Uint32Array],
  FP32: ["float32", Float32Array],
  INT64: ["int64", BigInt64Array],
  UINT64: ["uint64", BigUint64Array],
  FP64: ["float64", Float64Array],
} as const satisfies Record<Exclude<Datatype, "BYTES">, unknown>;
type NumericDatatype = keyof typeof RUNTIME_TYPES;

const DATATYPES = new Map<string, NumericDatatype>(
  Object.entries(RUNTIME_TYPES).map(([datatype, [type]]) => [type, datatype as NumericDatatype]),
);

/** A tensor over the same bytes. @throws TypeError for BYTES, which no accepted graph takes */
export function toRuntime({ name, datatype, shape, bytes }: Tensor): RuntimeTensor {
  if (datatype === "BYTES") throw new TypeError(`${name}: expected numbers, got BYTES`);
  const [type, Values] = RUNTIME_TYPES[datatype];
  const values = new Values(bytes.buffer, bytes.byteOffset, bytes.byteLength / Values.BYTES_PER_ELEMENT);
  return new RuntimeTensor(type, values as Float32Array, shape);
}

/** @throws TypeError for an output that holds no numbers */
export function fromRuntime(name: string, value: OnnxValue): Tensor {
  const { data, dims, type } = value as RuntimeTensor;
  const datatype = DATATYPES.get(type);
  if (datatype === undefined) throw new TypeError(`${name}: expected numbers, got ${type}`);
  const { buffer, byteOffset, byteLength } = data as Float32Array<ArrayBuffer>;
  return { name, datatype, shape: [...dims], bytes: new Uint8Array(buffer, byteOffset, byteLength) };
}

/** Zeros for an input whose variable dimensions are so many rows. */
export function emptyTensor({ name, datatype, shape }: TensorDescription, rows: number): Tensor {
  const filled = shape.map((dimension) => (dimension === VARIABLE ? rows : dimension));
  const count = filled.reduce((product, dimension) => product * dimension, 1);
  const bytes = new Uint8Array(count * RUNTIME_TYPES[datatype as NumericDatatype][1].BYTES_PER_ELEMENT);
  return { name, datatype, shape: filled, bytes };
}

/** What a loaded graph takes and gives; symbolic dimensions are variable. */
export function signatureOf(session: InferenceSession): StartupStep<Signature> {
  const values = [...session.inputMetadata, ...session.outputMetadata];
  const descriptions: TensorDescription[] = [];
  for (const value of values) {
    const datatype = value.isTensor ? DATATYPES.get(value.type) : undefined;
    if (!value.isTensor || datatype === undefined) {
      return {
        ok: false,
        error: `"${value.name}" is ${value.isTensor ? value.type : "no tensor"}; expected numbers`,
      };
    }
    const shape = value.shape.map((dimension) => (typeof dimension === "number" ? dimension : VARIABLE));
    descriptions.push({ name: value.name, datatype, shape });
  }
  const inputs = descriptions.slice(0, session.inputMetadata.length);
  return success({ inputs, outputs: descriptions.slice(inputs.length) });
}
