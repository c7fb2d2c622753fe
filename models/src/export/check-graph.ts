// Whether an ONNX file is what its manifest says: a server that is told the wrong shape refuses the
// model at its start, or every request.
import type { Datatype } from "@spillway/shared/protocol/tensor";
import { InferenceSession } from "onnxruntime-node";
import { type CloudGraph, type TensorDescription, VARIABLE } from "./cloud-graphs.ts";

/** ONNX Runtime's words for the datatypes that graphs of ours take and give. */
const DATATYPES = new Map<string, Datatype>([
  ["float32", "FP32"],
  ["float16", "FP16"],
  ["uint8", "UINT8"],
  ["int8", "INT8"],
  ["int32", "INT32"],
  ["int64", "INT64"],
  ["bool", "BOOL"],
]);

/**
 * The graph must take exactly the promised inputs, and give at least the promised outputs.
 *
 * @throws Error with one line that names the file
 */
export async function checkGraph(graph: CloudGraph, bytes: Uint8Array): Promise<void> {
  const session = await openSession(graph.file, bytes);
  try {
    const inputs = session.inputMetadata.map(describeValue);
    const promisedInputs = graph.inputs.map(describe);
    if (inputs.toSorted().join(", ") !== promisedInputs.toSorted().join(", ")) {
      throw mismatch(graph.file, `input ${promisedInputs.join(", ")}`, inputs);
    }
    const outputs = session.outputMetadata.map(describeValue);
    const missing = graph.outputs.map(describe).find((output) => !outputs.includes(output));
    if (missing !== undefined) throw mismatch(graph.file, `output ${missing}`, outputs);
  } finally {
    await session.release();
  }
}

async function openSession(file: string, bytes: Uint8Array): Promise<InferenceSession> {
  try {
    return await InferenceSession.create(bytes, { intraOpNumThreads: 1, logSeverityLevel: 4 });
  } catch (error) {
    throw new Error(`${file}: cannot be loaded (${(error as Error).message})`);
  }
}

function describeValue(value: InferenceSession.ValueMetadata): string {
  if (!value.isTensor) return `"${value.name}" no tensor`;
  const shape = value.shape.map((dimension) => (typeof dimension === "number" ? dimension : VARIABLE));
  return describe({ name: value.name, datatype: DATATYPES.get(value.type) ?? value.type, shape });
}

function describe({ name, datatype, shape }: Omit<TensorDescription, "datatype"> & { datatype: string }): string {
  return `"${name}" ${datatype} [${shape.join(", ")}]`;
}

function mismatch(file: string, promised: string, found: string[]): Error {
  return new Error(`${file}: the manifest promises ${promised}, the graph has ${found.join(", ")}`);
}
