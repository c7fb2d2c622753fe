// What one version of a model has done since it was loaded: the counts and durations from which both
// Triton's statistics and the metrics are told. Cumulative, in nanoseconds, as the protocol has them.

export interface Duration {
  count: number;
  ns: number;
}

/** How long one answered request took, in milliseconds; the compute parts are those of the batch it travelled in. */
export interface RequestDurations {
  totalMs: number;
  queueMs: number;
  inputMs: number;
  inferMs: number;
  outputMs: number;
}

export interface BatchDurations {
  inputMs: number;
  inferMs: number;
  outputMs: number;
}

/** Triton's reasons in `nv_inference_request_failure`. */
export const FAILURE_KINDS = ["REJECTED", "CANCELED", "BACKEND", "OTHER"] as const;
export type FailureKind = (typeof FAILURE_KINDS)[number];

/** Statistics of the batches of one size. */
export interface BatchStatistics {
  computeInput: Duration;
  computeInfer: Duration;
  computeOutput: Duration;
}

export class ModelStatistics {
  /** Milliseconds since the epoch of the last answered request; 0 before the first. */
  lastInferenceMs = 0;
  /** Rows answered: a request of three images counts three. */
  inferenceCount = 0;
  /** Runs of the graph. */
  executionCount = 0;
  readonly success = zero();
  readonly fail = zero();
  readonly queue = zero();
  readonly computeInput = zero();
  readonly computeInfer = zero();
  readonly computeOutput = zero();
  readonly failures: Record<FailureKind, number> = { REJECTED: 0, CANCELED: 0, BACKEND: 0, OTHER: 0 };
  /** By rows in the batch, padding not counted. */
  readonly batches = new Map<number, BatchStatistics>();

  requestSucceeded(rows: number, durations: RequestDurations, nowMs: number): void {
    this.lastInferenceMs = nowMs;
    this.inferenceCount += rows;
    add(this.success, durations.totalMs);
    add(this.queue, durations.queueMs);
    add(this.computeInput, durations.inputMs);
    add(this.computeInfer, durations.inferMs);
    add(this.computeOutput, durations.outputMs);
  }

  requestFailed(kind: FailureKind, totalMs: number): void {
    this.failures[kind] += 1;
    add(this.fail, totalMs);
  }

  batchRan(rows: number, { inputMs, inferMs, outputMs }: BatchDurations): void {
    this.executionCount += 1;
    const batch = this.batches.get(rows) ?? { computeInput: zero(), computeInfer: zero(), computeOutput: zero() };
    this.batches.set(rows, batch);
    add(batch.computeInput, inputMs);
    add(batch.computeInfer, inferMs);
    add(batch.computeOutput, outputMs);
  }
}

function zero(): Duration {
  return { count: 0, ns: 0 };
}

function add(duration: Duration, ms: number): void {
  duration.count += 1;
  duration.ns += Math.round(ms * 1e6);
}
