// One version of a graph while it is served: protocol requests in, protocol responses out. Its threads
// run batches, the batcher makes them of the requests that wait.
import type { Signature } from "@spillway/shared/protocol/graph-signature";
import type { InferenceRequest, InferenceResponse, Parameters } from "@spillway/shared/protocol/message";
import type { Tensor } from "@spillway/shared/protocol/tensor";
import { TAIL_HASH_PARAMETER } from "@spillway/shared/schema/cloud-graphs";
import { Batcher } from "../batching/batcher.ts";
import type { BatchingOptions } from "../batching/batching-options.ts";
import type { Share } from "../batching/pending-request.ts";
import { type FailureReason, failure, type Outcome, success } from "../errors.ts";
import { type FailureKind, ModelStatistics } from "../telemetry/model-statistics.ts";
import { openRequestSignal } from "./abandonment.ts";
import { Admission } from "./admission.ts";
import type { EncodedInput } from "./encoded-input.ts";
import type { GraphDescription } from "./graph-description.ts";
import type { InputDecoder } from "./input-decoder.ts";
import type { Model, RequestContext } from "./model.ts";
import { type Plan, planInference } from "./plan.ts";
import type { Provider, ServingOptions } from "./serving-options.ts";
import type { SessionThread, ThreadEvent } from "./session-thread.ts";

export class ServedModel implements Model {
  readonly name: string;
  readonly version: string;
  readonly labels: readonly string[];
  readonly signature: Model["signature"];
  readonly encoded: EncodedInput | null;
  readonly provider: Provider;
  readonly serving: ServingOptions;
  readonly statistics = new ModelStatistics();
  readonly admission: Admission;
  readonly #threads: readonly SessionThread[];
  readonly #batcher: Batcher;
  readonly #decoder: InputDecoder;
  readonly #answerParameters: Parameters | undefined;

  constructor(
    graph: GraphDescription,
    threads: readonly SessionThread[],
    decoder: InputDecoder,
    options: ServingOptions,
  ) {
    this.name = graph.name;
    this.version = graph.version;
    this.labels = graph.labels;
    this.signature = threads[0].signature;
    this.serving = { ...options, batching: batchingOn(threads[0].provider, options) };
    this.admission = new Admission(options.admission);
    this.provider = threads[0].provider;
    this.encoded = graph.encoded;
    this.#decoder = decoder;
    this.#answerParameters = graph.encoded?.kind === "frame" ? { [TAIL_HASH_PARAMETER]: graph.sha256 } : undefined;
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
    await Promise.all([...this.#threads, this.#decoder].map((part) => part.stop()));
    this.#batcher.refuseAll();
  }

  async #answer(
    request: InferenceRequest,
    context: RequestContext,
    startMs: number,
  ): Promise<Outcome<InferenceResponse>> {
    const { maxBatch } = this.serving.batching;
    const plan = planInference(request, this.signature, { maxBatch, encoded: this.encoded });
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
      parameters: this.#answerParameters,
      outputs: share.value.outputs,
    });
  }

  async #run({ inputs: given, rows, outputs, priority }: Plan, signal: AbortSignal): Promise<Outcome<Share>> {
    const decoded = await this.#decoder.decode(given, signal);
    if (!decoded.ok) return decoded;
    const inputs = inOrder(decoded.value, this.signature);
    return this.#batcher.submit({ inputs, rows, outputs, priority, signal });
  }
}

/** Requests that travel together must name their inputs in one order. */
function inOrder(inputs: readonly Tensor[], signature: Signature): Tensor[] {
  return signature.inputs.flatMap(({ name }) => inputs.filter((input) => input.name === name));
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
