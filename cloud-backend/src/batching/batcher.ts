// Dynamic batching: requests that wait at the same time run together. It knows only runners, each of
// which runs one batch at a time. A batch starts when a runner is free and either enough rows wait or
// the first of them has waited its time; while all runners are busy, waiting costs nothing.
import type { Tensor } from "@spillway/shared/protocol/tensor";
import { failure, type Outcome, success } from "../errors.ts";
import { abandonment } from "../inference/abandonment.ts";
import { paddedRows, rowsToTake } from "./batch-size.ts";
import { joinRows, rowsOf } from "./batch-tensors.ts";
import type { BatchingOptions } from "./batching-options.ts";
import type { PendingRequest, Share, Work } from "./pending-request.ts";
import { WaitingLine } from "./waiting-line.ts";

export interface Batch {
  inputs: Tensor[];
  outputs: string[];
}

/** `lost`: the runner died with the batch, whose requests may be innocent. `failed`: the batch cannot be run. */
export type BatchResult =
  | { kind: "done"; outputs: Tensor[]; inputMs: number; inferMs: number; outputMs: number }
  | { kind: "failed" | "lost" };

export interface Runner {
  isReady(): boolean;
  /** Runs one batch; called only when ready and not running another. Never rejects. */
  run(batch: Batch): Promise<BatchResult>;
}

export interface BatcherServices {
  /** Milliseconds on a clock that never goes back. */
  now(): number;
  /** Told of every batch that ran: its rows without padding, and its durations in milliseconds. */
  onBatch(rows: number, durations: { inputMs: number; inferMs: number; outputMs: number }): void;
}

export class Batcher {
  readonly #options: BatchingOptions;
  readonly #services: BatcherServices;
  readonly #idle: Set<Runner>;
  readonly #line = new WaitingLine();
  #timer: NodeJS.Timeout | undefined;

  constructor(runners: readonly Runner[], options: BatchingOptions, services: BatcherServices) {
    this.#idle = new Set(runners);
    this.#options = options;
    this.#services = services;
  }

  /** Requests that wait for a run. */
  get waiting(): number {
    return this.#line.requests;
  }

  /** Waits, runs with whom it may, and resolves to the request's own share. Never rejects. */
  submit(work: Work): Promise<Outcome<Share>> {
    if (work.signal.aborted) return Promise.resolve(abandonment(work.signal));
    return new Promise((resolve) => {
      const request: PendingRequest = { work, arrivedMs: this.#services.now(), isAlone: false, settle };
      const leave = () => {
        if (this.#line.remove(request)) settle(abandonment(work.signal));
      };
      function settle(outcome: Outcome<Share>) {
        work.signal.removeEventListener("abort", leave);
        resolve(outcome);
      }
      work.signal.addEventListener("abort", leave, { once: true });
      this.#line.add(request);
      this.startBatches();
    });
  }

  /** To be called when a runner has become ready again by itself. */
  startBatches(): void {
    clearTimeout(this.#timer);
    for (const runner of this.#idle) {
      if (this.#line.rows === 0) return;
      if (!runner.isReady()) continue;
      const waitMs = this.#waitMs();
      if (waitMs > 0) {
        // A timer fires up to a millisecond early, and would find nothing to do.
        this.#timer = setTimeout(() => this.startBatches(), Math.ceil(waitMs));
        return;
      }
      void this.#runOn(runner, this.#line.take(rowsToTake(this.#line.rows, this.#options)));
    }
  }

  /** Refuses all who wait: no runner will ever be ready again. */
  refuseAll(): void {
    for (const request of this.#line.takeAll()) request.settle(failure("not-ready", "the model has stopped"));
  }

  /** How long the first batch should still wait for others to join it. */
  #waitMs(): number {
    const { maxBatch, delayMs } = this.#options;
    return this.#line.rows >= maxBatch ? 0 : this.#line.oldestMs() + delayMs - this.#services.now();
  }

  async #runOn(runner: Runner, requests: PendingRequest[]): Promise<void> {
    this.#idle.delete(runner);
    const startedMs = this.#services.now();
    const rows = requests.reduce((sum, { work }) => sum + work.rows, 0);
    const result = await runner.run(this.#batchOf(requests, rows));
    this.#idle.add(runner);
    // First the next batch, so that the runner is busy while this one's answers are written.
    this.startBatches();
    if (result.kind === "done") {
      this.#services.onBatch(rows, result);
      this.#handOut(requests, result, startedMs, rows);
    } else {
      this.#tryAlone(requests, result.kind);
    }
  }

  #batchOf(requests: readonly PendingRequest[], rows: number): Batch {
    const padded = this.#options.isPadded ? paddedRows(rows, this.#options.preferredSizes) : rows;
    const [{ work }] = requests;
    return {
      inputs: work.inputs.map((_, index) =>
        joinRows(
          requests.map((request) => request.work.inputs[index]),
          padded,
        ),
      ),
      outputs: [...new Set(requests.flatMap((request) => request.work.outputs))],
    };
  }

  #handOut(
    requests: readonly PendingRequest[],
    result: Extract<BatchResult, { kind: "done" }>,
    startedMs: number,
    batchRows: number,
  ): void {
    const { inputMs, inferMs, outputMs } = result;
    let first = 0;
    for (const { work, arrivedMs, settle } of requests) {
      const outputs = work.outputs.map((name) => {
        const output = result.outputs.find((tensor) => tensor.name === name);
        if (output === undefined) throw new TypeError(`batch: expected output "${name}"`);
        return rowsOf(output, first, work.rows);
      });
      first += work.rows;
      settle(success({ outputs, queueMs: startedMs - arrivedMs, inputMs, inferMs, outputMs, batchRows }));
    }
  }

  /** Whoever was in company gets a run alone; whoever was alone brought the failure about, unless the thread died of another cause. */
  #tryAlone(requests: readonly PendingRequest[], kind: "failed" | "lost"): void {
    for (const request of requests) {
      const isToBlame = request.isAlone || (kind === "failed" && requests.length === 1);
      if (isToBlame) {
        const message = kind === "lost" ? "the model stopped while it processed this input" : CANNOT_PROCESS;
        request.settle(failure("inference-failed", message));
      } else if (request.work.signal.aborted) {
        request.settle(abandonment(request.work.signal));
      } else {
        request.isAlone = true;
        this.#line.add(request);
      }
    }
    this.startBatches();
  }
}

const CANNOT_PROCESS = "the model could not process this input";
