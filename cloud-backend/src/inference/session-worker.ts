// The entry of an inference thread: it owns one ONNX Runtime session. `run` blocks its event loop
// until the graph is done, which is why it must not be the loop that answers HTTP.
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { parentPort, workerData } from "node:worker_threads";
import { type Signature, signatureOf } from "@spillway/shared/protocol/graph-signature";
import type { Tensor } from "@spillway/shared/protocol/tensor";
import type { InferenceSession } from "onnxruntime-node";
import type { Batch } from "../batching/batcher.ts";
import { type StartupStep, success } from "../errors.ts";
import { createSession } from "./create-session.ts";
import { emptyTensor, fromRuntime, toRuntime } from "./runtime-tensor.ts";
import type { Provider } from "./serving-options.ts";
import type { BatchMessage, BootMessage, SessionData } from "./session-messages.ts";

interface Booted {
  session: InferenceSession;
  signature: Signature;
  provider: Provider;
}

const port = parentPort;
if (port === null) throw new TypeError("session-worker: expected to run in a worker thread");

const booted = await boot(workerData as SessionData);
if (booted.ok) {
  const { session, signature, provider } = booted.value;
  port.on("message", async (batch: Batch) => {
    const message = await perform(session, batch);
    port.postMessage(message, message.kind === "done" ? buffersOf(message.outputs) : []);
  });
  port.postMessage({ kind: "ready", signature, provider } satisfies BootMessage);
} else {
  // Nothing listens from here on, so the thread ends by itself.
  port.postMessage({ kind: "refused", error: booted.error } satisfies BootMessage);
}

async function boot({
  path,
  sha256,
  providers,
  threads,
  warmUpRows,
  isUnwanted,
}: SessionData): Promise<StartupStep<Booted>> {
  try {
    const file = await readFile(path);
    const found = createHash("sha256").update(file).digest("hex");
    if (found !== sha256) {
      return { ok: false, error: `${path}: the manifest names SHA-256 ${sha256}, the file has ${found}` };
    }
    const { session, provider } = await createSession(file, providers, threads);
    const signature = signatureOf(session);
    if (typeof signature === "string") return { ok: false, error: `${path}: ${signature}` };
    for (const rows of warmUpRows) {
      // On a GPU this takes a while, and a thread that is ended in the middle of a run takes the process along.
      if (Atomics.load(isUnwanted, 0) !== 0) return { ok: false, error: `${path}: no longer wanted` };
      await warmUp(session, signature, rows);
    }
    return success({ session, signature, provider });
  } catch (error) {
    return { ok: false, error: `${path}: ${(error as Error).message.split("\n", 1)[0]}` };
  }
}

/** The first run allocates and plans; nobody should wait for that, and a graph that cannot run should not be served. */
async function warmUp(session: InferenceSession, { inputs, outputs }: Signature, rows: number): Promise<void> {
  await run(session, {
    inputs: inputs.map((input) => emptyTensor(input, rows)),
    outputs: outputs.map((output) => output.name),
  });
}

async function perform(session: InferenceSession, batch: Batch): Promise<BatchMessage> {
  try {
    return await run(session, batch);
  } catch (error) {
    return { kind: "failed", error: (error as Error).message };
  }
}

/** @throws Error when ONNX Runtime refuses the batch, or an output has not a row for each of the batch's */
async function run(
  session: InferenceSession,
  { inputs, outputs }: Batch,
): Promise<Extract<BatchMessage, { kind: "done" }>> {
  const startMs = performance.now();
  const feeds = Object.fromEntries(inputs.map((input) => [input.name, toRuntime(input)]));
  const fedMs = performance.now();
  const results = await session.run(feeds, outputs);
  const ranMs = performance.now();
  const tensors = outputs.map((name) => fromRuntime(name, results[name]));
  const [rows] = inputs[0].shape;
  const wrong = tensors.find(({ shape }) => shape[0] !== rows);
  if (wrong !== undefined) {
    throw new Error(`output "${wrong.name}": expected ${rows} rows, got [${wrong.shape.join(", ")}]`);
  }
  const outputMs = performance.now() - ranMs;
  return { kind: "done", outputs: tensors, inputMs: fedMs - startMs, inferMs: ranMs - fedMs, outputMs };
}

function buffersOf(tensors: readonly Tensor[]): ArrayBuffer[] {
  return tensors.map((tensor) => tensor.bytes.buffer);
}
