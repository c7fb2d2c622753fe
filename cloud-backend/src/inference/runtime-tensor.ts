// Between the protocol's tensors and ONNX Runtime's.
import {
  datatypeOfOnnx,
  ONNX_TYPES,
  type TensorDescription,
  VARIABLE,
} from "@spillway/shared/protocol/graph-signature";
import { NUMERIC_ARRAYS, type NumericDatatype, type Tensor } from "@spillway/shared/protocol/tensor";
import { type OnnxValue, Tensor as RuntimeTensor } from "onnxruntime-node";

/** A tensor over the same bytes. @throws TypeError for BYTES, which no accepted graph takes */
export function toRuntime({ name, datatype, shape, bytes }: Tensor): RuntimeTensor {
  if (datatype === "BYTES") throw new TypeError(`${name}: expected numbers, got BYTES`);
  const Values = NUMERIC_ARRAYS[datatype];
  const values = new Values(bytes.buffer, bytes.byteOffset, bytes.byteLength / Values.BYTES_PER_ELEMENT);
  return new RuntimeTensor(ONNX_TYPES[datatype], values as Float32Array, shape);
}

/** @throws TypeError for an output that holds no numbers */
export function fromRuntime(name: string, value: OnnxValue): Tensor {
  const { data, dims, type } = value as RuntimeTensor;
  const datatype = datatypeOfOnnx(type);
  if (datatype === undefined) throw new TypeError(`${name}: expected numbers, got ${type}`);
  const { buffer, byteOffset, byteLength } = data as Float32Array<ArrayBuffer>;
  return { name, datatype, shape: [...dims], bytes: new Uint8Array(buffer, byteOffset, byteLength) };
}

/** Zeros for an input whose variable dimensions are so many rows. */
export function emptyTensor({ name, datatype, shape }: TensorDescription, rows: number): Tensor {
  const filled = shape.map((dimension) => (dimension === VARIABLE ? rows : dimension));
  const count = filled.reduce((product, dimension) => product * dimension, 1);
  const bytes = new Uint8Array(count * NUMERIC_ARRAYS[datatype as NumericDatatype].BYTES_PER_ELEMENT);
  return { name, datatype, shape: filled, bytes };
}
