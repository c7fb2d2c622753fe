// Threads that decode the frames of one tail. The entropy decoder takes its time for each value: half a millisecond
// for a full frame of 64x8x8, twenty for one of 64x56x56. On the thread that answers HTTP everybody would wait for
// that: 32 full frames of 64x8x8 hold it for 15 ms at once, in slices for 4 at a time, and the same 15 in all; here
// they cost it 1 ms, never more than 0.4 at a time. In an inference thread a GPU would wait, and a damaged frame
// would be found only when it has joined the batch of others. One frame alone is answered as soon either way.
import { Worker } from "node:worker_threads";
import type { DecodedFrame, ExpectedFeatures } from "@spillway/shared/split/frame";
import { failure, type Outcome, type StartupStep, success } from "../errors.ts";
import { type Limiter, limitConcurrency } from "../image/concurrency.ts";
import { abandonment } from "../inference/abandonment.ts";

export interface FrameThreadsOptions {
  expected: ExpectedFeatures;
  maxThreads: number;
  /** Told when one has died; another takes its place when it is needed. */
  onLost: (error: string) => void;
  /** Makes a thread whose entry is frame-worker.ts; tests put another in its place. */
  spawn?: ((expected: ExpectedFeatures) => Worker) | undefined;
}

export class FrameThreads {
  readonly #options: FrameThreadsOptions;
  readonly #limit: Limiter;
  readonly #threads = new Set<Worker>();
  /** The one that was busy last is taken first: its code is warm, and no more are made than are needed. */
  readonly #idle: Worker[] = [];
  #isStopped = false;

  private constructor(options: FrameThreadsOptions) {
    this.#options = options;
    this.#limit = limitConcurrency(options.maxThreads);
  }

  /** Resolves once the first thread has shown that it works. */
  static async start(options: FrameThreadsOptions): Promise<StartupStep<FrameThreads>> {
    const threads = new FrameThreads(options);
    const first = await threads.#ask(threads.#thread(), new Uint8Array(0));
    return first === null ? { ok: false, error: "no thread can decode frames" } : success(threads);
  }

  /** Decodes a frame when its turn has come. Fails when nobody waits for it any more, and when its thread dies. */
  decode(frame: Uint8Array, signal: AbortSignal): Promise<Outcome<DecodedFrame>> {
    return this.#limit(async () => {
      if (signal.aborted) return abandonment(signal);
      if (this.#isStopped) return STOPPED;
      // A view would take all of the body along.
      const decoded = await this.#ask(this.#thread(), Uint8Array.from(frame));
      if (decoded !== null) return success(decoded);
      return this.#isStopped ? STOPPED : failure("internal", "internal error");
    }, signal);
  }

  /** What is still being decoded fails. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await Promise.all([...this.#threads].map((thread) => thread.terminate()));
  }

  #thread(): Worker {
    return this.#idle.pop() ?? this.#spawn();
  }

  #spawn(): Worker {
    const { expected, onLost, spawn = spawnWorker } = this.#options;
    const thread = spawn(expected);
    let cause = "the thread ended";
    thread.on("error", (error) => {
      cause = error.message;
    });
    thread.on("exit", () => {
      this.#threads.delete(thread);
      const at = this.#idle.indexOf(thread);
      if (at !== -1) this.#idle.splice(at, 1);
      if (!this.#isStopped) onLost(cause);
    });
    this.#threads.add(thread);
    return thread;
  }

  /** @returns null when the thread died over it */
  #ask(thread: Worker, frame: Uint8Array<ArrayBuffer>): Promise<DecodedFrame | null> {
    return new Promise((resolve) => {
      const settle = (decoded: DecodedFrame | null) => {
        thread.off("message", onMessage).off("exit", onExit);
        resolve(decoded);
      };
      const onMessage = (decoded: DecodedFrame) => {
        this.#idle.push(thread);
        settle(decoded);
      };
      const onExit = () => settle(null);
      thread.on("message", onMessage).on("exit", onExit);
      thread.postMessage(frame, [frame.buffer]);
    });
  }
}

const STOPPED = failure("not-ready", "the model has stopped");

function spawnWorker(expected: ExpectedFeatures): Worker {
  return new Worker(new URL("./frame-worker.ts", import.meta.url), { workerData: expected });
}
