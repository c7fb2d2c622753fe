// One version of a graph while it is served: protocol requests in, protocol responses out. Its threads
// run batches, the batcher makes them of the requests that wait.
import type { InferenceRequest, InferenceResponse } from "@spillway/shared/protocol/message";
import { readByteElements, type Tensor } from "@spillway/shared/protocol/tensor";
import { Batcher } from "../batching/batcher.ts";
import type { BatchingOptions } from "../batching/batching-options.ts";
import type { Share } from "../batching/pending-request.ts";
import { type FailureReason, failure, type Outcome, success } from "../errors.ts";
import type { Limiter } from "../image/concurrency.ts";
import { imageBatch } from "../image/image-batch.ts";
import { type FailureKind, ModelStatistics } from "../telemetry/model-statistics.ts";
import { openRequestSignal } from "./abandonment.ts";
import { Admission } from "./admission.ts";
import type { GraphDescription } from "./graph-description.ts";
import type { Model, RequestContext } from "./model.ts";
import { type Plan, planInference } from "./plan.ts";
import type { Provider, ServingOptions } from "./serving-options.ts";
import type { SessionThread, ThreadEvent } from "./session-thread.ts";

export interface ServedModelOptions extends ServingOptions {
  /** Bounds the images that are in memory, decoded, at the same time; of all models together. */
  limitDecoding: Limiter;
}

export class ServedModel implements Model {
  readonly name: string;
  readonly version: string;
  readonly labels: readonly string[];
  readonly signature: Model["signature"];
  readonly provider: Provider;
  readonly serving: ServingOptions;
  readonly statistics = new ModelStatistics();
  readonly admission: Admission;
  readonly #image: GraphDescription["image"];
  readonly #threads: readonly SessionThread[];
  readonly #batcher: Batcher;
  readonly #limitDecoding: Limiter;

  constructor(graph: GraphDescription, threads: readonly SessionThread[], options: ServedModelOptions) {
    this.name = graph.name;
    this.version = graph.version;
    this.labels = graph.labels;
    this.signature = threads[0].signature;
    this.serving = { ...options, batching: batchingOn(threads[0].provider, options) };
    this.admission = new Admission(options.admission);
    this.provider = threads[0].provider;
    this.#image = graph.image;
    this.#limitDecoding = options.limitDecoding;
    this.#threads = threads;
    this.#batcher = new Batcher(threads, this.serving.batching, {
      now: () => performance.now(),
      onBatch: (rows, durations) => this.statistics.batchRan(rows, durations),
    });
  }

  get waiting(): number {
    return this.#batcher.waiting;
  }

  isReady(): boolean {
    return this.#threads.some((thread) => thread.isReady());
  }

  onThreadEvent({ event }: ThreadEvent): void {
    if (event === "thread-restarted") this.#batcher.startBatches();
    if (event === "thread-given-up" && !this.isReady()) this.#batcher.refuseAll();
  }

  async infer(request: InferenceRequest, context: RequestContext): Promise<Outcome<InferenceResponse>> {
    const startMs = performance.now();
    const outcome = await this.#answer(request, context, startMs);
    if (!outcome.ok) this.statistics.requestFailed(failureKind(outcome.reason), performance.now() - startMs);
    return outcome;
  }

  async stop(): Promise<void> {
    await Promise.all(this.#threads.map((thread) => thread.stop()));
    this.#batcher.refuseAll();
  }

  async #answer(
    request: InferenceRequest,
    context: RequestContext,
    startMs: number,
  ): Promise<Outcome<InferenceResponse>> {
    const { maxBatch } = this.serving.batching;
    const plan = planInference(request, this.signature, { maxBatch, takesImages: this.#image !== null });
    if (!plan.ok) return plan;
    // Whoever came before its thread died is answered by the next one; nobody new should wait for that.
    if (!this.isReady()) return failure("not-ready", "the model is being restarted");
    const { rows } = plan.value;
    const deadline = openRequestSignal(context.client, shortest(plan.value.timeoutMs, context.timeoutMs));
    const share = await this.#run(plan.value, deadline.signal).finally(() => deadline.close());
    if (!share.ok) return share;
    const totalMs = performance.now() - startMs;
    this.statistics.requestSucceeded(rows, { ...share.value, totalMs }, Date.now());
    context.onAnswered?.({ ...share.value, totalMs });
    return success({
      modelName: this.name,
      modelVersion: this.version,
      id: request.id,
      outputs: share.value.outputs,
    });
  }

  async #run({ inputs: given, rows, outputs, priority }: Plan, signal: AbortSignal): Promise<Outcome<Share>> {
    const inputs = await this.#graphInputs(given, signal);
    return inputs.ok ? this.#batcher.submit({ inputs: inputs.value, rows, outputs, priority, signal }) : inputs;
  }

  async #graphInputs(given: Tensor[], signal: AbortSignal): Promise<Outcome<Tensor[]>> {
    if (this.#image === null || given[0].datatype !== "BYTES") return success(given);
    const batch = await imageBatch(readByteElements(given[0]), this.#image, this.#limitDecoding, signal);
    return batch.ok ? success([batch.value]) : batch;
  }
}

/** A batch is padded for the sake of a GPU: not where a CPU had to stand in for it. */
function batchingOn(provider: Provider, { batching, providers }: ServingOptions): BatchingOptions {
  return { ...batching, isPadded: batching.isPadded && provider === providers[0] };
}

function shortest(a: number | null, b: number | null): number | null {
  return a === null || b === null ? (a ?? b) : Math.min(a, b);
}

/** Triton's word for why a request failed. */
function failureKind(reason: FailureReason): FailureKind {
  switch (reason) {
    case "overloaded":
    case "timeout":
      return "REJECTED";
    case "client-gone":
      return "CANCELED";
    case "inference-failed":
      return "BACKEND";
    default:
      return "OTHER";
  }
}
