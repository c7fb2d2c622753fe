// The large model as a service: a protocol request in, a protocol response out. It knows no HTTP.
import { join } from "node:path";
import type { InferenceRequest, InferenceResponse } from "@spillway/shared/protocol/message";
import { readByteElements, type Tensor } from "@spillway/shared/protocol/tensor";
import type { Manifest } from "@spillway/shared/schema/manifest";
import { failure, type Outcome, type StartupStep, success } from "../errors.ts";
import { limitConcurrency } from "../image/concurrency.ts";
import { imageBatch } from "../image/image-batch.ts";
import { MAX_CONCURRENT_DECODES } from "../limits.ts";
import { requestSignal } from "./abandonment.ts";
import { JobQueue } from "./job-queue.ts";
import { planInference } from "./plan.ts";
import { SessionThread, type SessionThreadOptions } from "./session-thread.ts";
import { checkSignature, promisedSignature, type Signature } from "./signature.ts";

export interface Model {
  readonly name: string;
  readonly version: string;
  readonly signature: Signature;
  isReady(): boolean;
  infer(request: InferenceRequest, client: AbortSignal): Promise<Outcome<InferenceResponse>>;
  stop(): Promise<void>;
}

export interface LargeModelOptions extends Omit<SessionThreadOptions, "session"> {
  folder: string;
  manifest: Manifest;
  /** Requests accepted and not yet answered; one more is refused. */
  queueLength: number;
  inferenceThreads: number;
}

/** Loads the manifest's large model in a thread of its own and checks that it is what was promised. */
export async function startLargeModel(options: LargeModelOptions): Promise<StartupStep<Model>> {
  const { folder, manifest, inferenceThreads } = options;
  const { large } = manifest.cloud;
  const path = join(folder, large.file);
  const session = { path, sha256: large.sha256, threads: inferenceThreads };
  const started = await SessionThread.start({ ...options, session });
  if (!started.ok) return started;
  const thread = started.value;
  const check = checkSignature(thread.signature, promisedSignature(large, manifest.labels.length));
  if (!check.ok) {
    await thread.stop();
    return { ok: false, error: `${path}: ${check.error}` };
  }
  return success(serviceOf(thread, options));
}

function serviceOf(thread: SessionThread, { manifest, queueLength }: LargeModelOptions): Model {
  const name = "large";
  const version = "1";
  const queue = new JobQueue((job) => thread.run(job));
  const limitDecoding = limitConcurrency(MAX_CONCURRENT_DECODES);
  let accepted = 0;

  const toGraphInput = (input: Tensor, signal: AbortSignal): Promise<Outcome<Tensor>> | Outcome<Tensor> =>
    input.datatype === "BYTES"
      ? imageBatch(readByteElements(input), manifest.cloud.large, limitDecoding, signal)
      : success(input);

  return {
    name,
    version,
    signature: thread.signature,
    isReady: () => thread.isReady(),
    stop: () => thread.stop(),
    async infer(request, client) {
      const plan = planInference(request, thread.signature);
      if (!plan.ok) return plan;
      if (!thread.isReady()) return failure("not-ready", "the model is being restarted");
      // Counted before decoding, so that a request that will be refused costs nothing.
      if (accepted >= queueLength) return failure("overloaded", `overloaded: ${accepted} requests are being answered`);
      accepted++;
      try {
        const signal = requestSignal(client, plan.value.timeoutMs);
        const input = await toGraphInput(plan.value.input, signal);
        if (!input.ok) return input;
        const outputs = await queue.run({ inputs: [input.value], outputs: plan.value.outputs }, signal);
        if (!outputs.ok) return outputs;
        return success({ modelName: name, modelVersion: version, id: request.id, outputs: outputs.value });
      } finally {
        accepted--;
      }
    },
  };
}
