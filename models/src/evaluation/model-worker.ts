// The entry of a thread that owns one session of every graph. ONNX Runtime blocks the event loop
// while it runs, and two threads of one core each do more than one session with two.
import { parentPort, workerData } from "node:worker_threads";
import { imageTensorShape } from "@spillway/shared/preprocess/image-tensor";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { readGraph } from "../model-folder.ts";
import type { ModelBatch } from "./model-batch.ts";
import type { BatchLogits, ThreadOptions } from "./model-thread.ts";

const port = parentPort;
if (port === null) throw new TypeError("model-worker: expected to run in a worker thread");

const { folder, cores } = workerData as ThreadOptions;
const { edge, cloud, labels } = folder.manifest;
const stages = await Promise.all(edge.stages.map(openGraph));
const large = await openGraph(cloud.large);

// What is thrown here ends the thread, and its handle hears of it.
port.on("message", async (batch: ModelBatch) => {
  const logits = await run(batch);
  port.postMessage(logits, [...logits.exits.map(({ buffer }) => buffer), logits.large.buffer]);
});

async function openGraph(graph: { file: string; sha256: string }): Promise<InferenceSession> {
  const bytes = await readGraph(folder, graph);
  // Waiting threads that spin take the cores from those that decode.
  const extra = { session: { intra_op: { allow_spinning: "0" } } };
  try {
    return await InferenceSession.create(bytes, { intraOpNumThreads: cores, extra });
  } catch (error) {
    throw new Error(`${graph.file}: cannot be loaded (${(error as Error).message})`);
  }
}

async function run({ rows, edge: edgeImages, large: largeImages }: ModelBatch): Promise<BatchLogits> {
  const exits: Float32Array<ArrayBuffer>[] = [];
  let input = tensorOf(edgeImages, imageTensorShape(edge.preprocessing, edge.input, rows.length));
  for (const [index, stage] of edge.stages.entries()) {
    const outputs = await stages[index].run({ [stage.input]: input });
    exits.push(logitsOf(outputs, stage, rows.length));
    if (stage.features !== null) input = outputs[stage.features.name];
  }
  const { input: largeInput, preprocessing } = cloud.large;
  const image = tensorOf(largeImages, imageTensorShape(preprocessing, largeInput, rows.length));
  const outputs = await large.run({ [largeInput.name]: image });
  return { exits, large: logitsOf(outputs, cloud.large, rows.length) };
}

function tensorOf(data: Float32Array | Uint8Array, shape: number[]): Tensor {
  return data instanceof Float32Array ? new Tensor("float32", data, shape) : new Tensor("uint8", data, shape);
}

/** A copy in a buffer of its own, which can be handed over. */
function logitsOf(
  outputs: InferenceSession.OnnxValueMapType,
  graph: { file: string; logits: string },
  rows: number,
): Float32Array<ArrayBuffer> {
  const logits = outputs[graph.logits]?.data;
  if (!(logits instanceof Float32Array) || logits.length !== rows * labels.length) {
    const expected = `an output "${graph.logits}" of float32 [${rows}, ${labels.length}]`;
    throw new Error(`${graph.file}: expected ${expected}, got ${outputs[graph.logits]?.dims ?? "none"}`);
  }
  return logits.slice();
}
