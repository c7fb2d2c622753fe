// The entry of a thread that owns one session of every graph. ONNX Runtime blocks the event loop
// while it runs, and two threads of one core each do more than one session with two.
import { parentPort, workerData } from "node:worker_threads";
import { imageTensorShape } from "@spillway/shared/preprocess/image-tensor";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { readGraph } from "../model-folder.ts";
import type { ModelBatch } from "./model-batch.ts";
import type { BatchLogits, BatchTail, ThreadOptions } from "./model-thread.ts";
import { tailFeeds } from "./tail-feeds.ts";

const port = parentPort;
if (port === null) throw new TypeError("model-worker: expected to run in a worker thread");

const { folder, cores, withTail } = workerData as ThreadOptions;
const { edge, cloud, labels } = folder.manifest;
const stages = await Promise.all(edge.stages.map(openGraph));
const large = await openGraph(cloud.large);
const tailModel = withTail ? cloud.tail : null;
const tail = tailModel && (await openGraph(tailModel));

// What is thrown here ends the thread, and its handle hears of it.
port.on("message", async (batch: ModelBatch) => {
  const logits = await run(batch);
  const buffers = logits.tail.flatMap((setting) => [setting.logits.buffer, setting.frameBytes.buffer]);
  port.postMessage(logits, [...logits.exits.map(({ buffer }) => buffer), logits.large.buffer, ...buffers]);
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
  const features: Tensor[] = [];
  let input = tensorOf(edgeImages, imageTensorShape(edge.preprocessing, edge.input, rows.length));
  for (const [index, stage] of edge.stages.entries()) {
    const outputs = await stages[index].run({ [stage.input]: input });
    exits.push(logitsOf(outputs, stage, rows.length));
    if (stage.features === null) continue;
    input = featuresOf(outputs, stage.file, stage.features, rows.length);
    features.push(input);
  }
  const { input: largeInput, preprocessing } = cloud.large;
  const image = tensorOf(largeImages, imageTensorShape(preprocessing, largeInput, rows.length));
  const outputs = await large.run({ [largeInput.name]: image });
  return { exits, large: logitsOf(outputs, cloud.large, rows.length), tail: await runTail(features[0], rows.length) };
}

/** The tail's answers to the first stage's features at each setting. */
async function runTail(features: Tensor | undefined, rows: number): Promise<BatchTail[]> {
  const shape = edge.stages[0].features?.shape;
  if (tail === null || tailModel === null || features === undefined || shape === undefined) return [];
  const answers: BatchTail[] = [];
  for (const setting of tailModel.settings.keys()) {
    const { feeds, frameBytes } = tailFeeds(features.data as Float32Array, shape, tailModel, setting);
    answers.push({ logits: logitsOf(await tail.run(feeds), tailModel, rows), frameBytes });
  }
  return answers;
}

function tensorOf(data: Float32Array | Uint8Array, shape: number[]): Tensor {
  return data instanceof Float32Array ? new Tensor("float32", data, shape) : new Tensor("uint8", data, shape);
}

/** What a stage hands on. */
function featuresOf(
  outputs: InferenceSession.OnnxValueMapType,
  file: string,
  { name, shape }: { name: string; shape: readonly number[] },
  rows: number,
): Tensor {
  const features = outputs[name];
  const expected = [rows, ...shape];
  if (features?.type !== "float32" || features.dims.join() !== expected.join()) {
    const got = features?.dims ?? "none";
    throw new Error(`${file}: expected an output "${name}" of float32 [${expected.join(", ")}], got ${got}`);
  }
  return features;
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
