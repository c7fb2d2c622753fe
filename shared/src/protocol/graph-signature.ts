// What an ONNX graph takes and gives, in the words of the protocol: as ONNX Runtime tells it of a loaded
// file, as a manifest promises it, and whether the two agree.
import type { Datatype, NumericDatatype, Tensor } from "./tensor.ts";

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

/** Of an input or output, as ONNX Runtime for Node and for the web tell it. */
export type ValueMetadata =
  | { readonly name: string; readonly isTensor: false }
  | {
      readonly name: string;
      readonly isTensor: true;
      readonly type: string;
      readonly shape: readonly (number | string)[];
    };

/** ONNX Runtime's word for each datatype. Strings are no numbers, and no graph of ours takes any. */
export const ONNX_TYPES = {
  BOOL: "bool",
  INT8: "int8",
  UINT8: "uint8",
  INT16: "int16",
  UINT16: "uint16",
  FP16: "float16",
  INT32: "int32",
  UINT32: "uint32",
  FP32: "float32",
  INT64: "int64",
  UINT64: "uint64",
  FP64: "float64",
} as const satisfies Record<Exclude<Datatype, "BYTES">, string>;

const DATATYPES = new Map<string, NumericDatatype>(
  Object.entries(ONNX_TYPES).map(([datatype, type]) => [type, datatype as NumericDatatype]),
);

/** Undefined for what holds no numbers. */
export function datatypeOfOnnx(type: string): NumericDatatype | undefined {
  return DATATYPES.get(type);
}

export interface SessionMetadata {
  readonly inputMetadata: readonly ValueMetadata[];
  readonly outputMetadata: readonly ValueMetadata[];
}

/** The signature of a loaded graph, whose symbolic dimensions are variable; or one line on why it has none. */
export function signatureOf(session: SessionMetadata): Signature | string {
  const values = [...session.inputMetadata, ...session.outputMetadata];
  const descriptions: TensorDescription[] = [];
  for (const value of values) {
    const type = value.isTensor ? value.type : "no tensor";
    const datatype = datatypeOfOnnx(type);
    if (!value.isTensor || datatype === undefined) return `"${value.name}" is ${type}; expected numbers`;
    const shape = value.shape.map((dimension) => (typeof dimension === "number" ? dimension : VARIABLE));
    descriptions.push({ name: value.name, datatype, shape });
  }
  const inputs = descriptions.slice(0, session.inputMetadata.length);
  return { inputs, outputs: descriptions.slice(inputs.length) };
}

/** A graph must take exactly what was promised, in any order, and give at least that. @returns null, or one line */
export function signatureProblem(graph: Signature, promised: Signature): string | null {
  const inputs = graph.inputs.map(describe);
  const promisedInputs = promised.inputs.map(describe);
  if (inputs.toSorted().join(", ") !== promisedInputs.toSorted().join(", ")) {
    return `the manifest promises input ${promisedInputs.join(", ")}, the graph has ${inputs.join(", ")}`;
  }
  const outputs = graph.outputs.map(describe);
  const missing = promised.outputs.map(describe).find((output) => !outputs.includes(output));
  return missing === undefined ? null : `the manifest promises output ${missing}, the graph has ${outputs.join(", ")}`;
}

function describe({ name, datatype, shape }: TensorDescription): string {
  return `"${name}" ${datatype} [${shape.join(", ")}]`;
}

/** Whether a tensor of this datatype and shape is one that the description allows. */
export function fits({ datatype, shape }: Pick<Tensor, "datatype" | "shape">, description: TensorDescription): boolean {
  return (
    datatype === description.datatype &&
    shape.length === description.shape.length &&
    description.shape.every((dimension, axis) => dimension === VARIABLE || dimension === shape[axis])
  );
}
