// The entry of an inference thread: it owns one ONNX Runtime session. `run` blocks its event loop
// until the graph is done, which is why it must not be the loop that answers HTTP.
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { parentPort, workerData } from "node:worker_threads";
import type { Tensor } from "@spillway/shared/protocol/tensor";
import { InferenceSession } from "onnxruntime-node";
import { type StartupStep, success } from "../errors.ts";
import { fromRuntime, signatureOf, toRuntime } from "./runtime-tensor.ts";
import type { BootMessage, Job, JobMessage, SessionOptions } from "./session-messages.ts";
import { type Signature, VARIABLE } from "./signature.ts";

const port = parentPort;
if (port === null) throw new TypeError("session-worker: expected to run in a worker thread");

const booted = await boot(workerData as SessionOptions);
if (booted.ok) {
  const { session, signature } = booted.value;
  port.on("message", async (job: Job) => {
    const message = await perform(session, job);
    port.postMessage(message, message.kind === "done" ? buffersOf(message.outputs) : []);
  });
  port.postMessage({ kind: "ready", signature } satisfies BootMessage);
} else {
  // Nothing listens from here on, so the thread ends by itself.
  port.postMessage({ kind: "refused", error: booted.error } satisfies BootMessage);
}

async function boot(
  options: SessionOptions,
): Promise<StartupStep<{ session: InferenceSession; signature: Signature }>> {
  try {
    const file = await readFile(options.path);
    const sha256 = createHash("sha256").update(file).digest("hex");
    if (sha256 !== options.sha256) {
      return {
        ok: false,
        error: `${options.path}: the manifest names SHA-256 ${options.sha256}, the file has ${sha256}`,
      };
    }
    const session = await InferenceSession.create(file, { intraOpNumThreads: options.threads });
    const signature = signatureOf(session);
    if (!signature.ok) return { ok: false, error: `${options.path}: ${signature.error}` };
    await warmUp(session, signature.value);
    return success({ session, signature: signature.value });
  } catch (error) {
    return { ok: false, error: `${options.path}: ${(error as Error).message}` };
  }
}

/** The first run allocates and plans; nobody should wait for that, and a graph that cannot run should not be served. */
async function warmUp(session: InferenceSession, signature: Signature): Promise<void> {
  const inputs = signature.inputs.map(({ name, datatype, shape }) => {
    const filled = shape.map((dimension) => (dimension === VARIABLE ? 1 : dimension));
    const count = filled.reduce((product, dimension) => product * dimension, 1);
    return { name, datatype, shape: filled, bytes: new Uint8Array(count * (datatype === "FP32" ? 4 : 1)) };
  });
  await run(session, { inputs, outputs: signature.outputs.map((output) => output.name) });
}

async function perform(session: InferenceSession, job: Job): Promise<JobMessage> {
  try {
    return { kind: "done", outputs: await run(session, job) };
  } catch (error) {
    return { kind: "failed", error: (error as Error).message };
  }
}

async function run(session: InferenceSession, job: Job): Promise<Tensor[]> {
  const feeds = Object.fromEntries(job.inputs.map((input) => [input.name, toRuntime(input)]));
  const results = await session.run(feeds, job.outputs);
  return job.outputs.map((name) => fromRuntime(name, results[name]));
}

function buffersOf(tensors: readonly Tensor[]): ArrayBuffer[] {
  return tensors.map((tensor) => tensor.bytes.buffer);
}
