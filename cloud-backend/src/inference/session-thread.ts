// The main thread's handle on an inference thread: starts it, gives it one batch at a time, and puts
// a new one in its place when it dies. Whoever waits for the dead one hears of it at once.
import { setTimeout as delay } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import type { Signature } from "@spillway/shared/protocol/graph-signature";
import type { Batch, BatchResult, Runner } from "../batching/batcher.ts";
import { type StartupStep, success } from "../errors.ts";
import { MAX_STOP_MS } from "../limits.ts";
import type { Provider } from "./serving-options.ts";
import type { BatchMessage, BootMessage, SessionData, SessionOptions } from "./session-messages.ts";

export type ThreadEvent =
  | { event: "thread-lost"; error: string }
  | { event: "thread-not-restarted"; error: string }
  | { event: "thread-restarted" }
  | { event: "thread-given-up" }
  | { event: "run-failed"; error: string }
  | { event: "frame-thread-lost"; error: string };

export interface SessionThreadOptions {
  session: SessionOptions;
  /** Milliseconds before each attempt to replace a dead thread. A run that succeeds refills the attempts. */
  restartDelaysMs: readonly number[];
  onEvent: (event: ThreadEvent) => void;
  /** Fires when nobody wants the thread any more, while it is being started. */
  signal: AbortSignal;
  /** Makes a thread whose entry is session-worker.ts; tests put something in front of it. */
  spawn?: ((session: SessionData) => Worker) | undefined;
}

interface LiveThread {
  worker: Worker;
  signature: Signature;
  provider: Provider;
}

export class SessionThread implements Runner {
  readonly signature: Signature;
  /** The first of the wanted providers that could be had. */
  readonly provider: Provider;
  readonly #options: SessionThreadOptions;
  readonly #stopping = new AbortController();
  #worker: Worker | null = null;
  /** The batch that is running, and how to settle it; null when the thread is idle. */
  #running: PromiseWithResolvers<BatchResult> | null = null;
  #failedAttempts = 0;
  #replacement: Promise<void> = Promise.resolve();

  private constructor(options: SessionThreadOptions, live: LiveThread) {
    this.#options = options;
    this.signature = live.signature;
    this.provider = live.provider;
    this.#adopt(live.worker);
  }

  /** Starts a thread and waits until its session is warm. */
  static async start(options: SessionThreadOptions): Promise<StartupStep<SessionThread>> {
    const booted = await boot(options, options.signal);
    return booted.ok ? success(new SessionThread(options, booted.value)) : booted;
  }

  isReady(): boolean {
    return this.#worker !== null && !this.#stopping.signal.aborted;
  }

  /**
   * Runs one batch; its tensors' buffers move to the thread and are empty afterwards.
   *
   * @throws TypeError when a batch is running already, or the thread is not ready
   */
  run(batch: Batch): Promise<BatchResult> {
    const worker = this.#worker;
    if (worker === null) throw new TypeError("run: expected a thread that is ready");
    if (this.#running !== null) throw new TypeError("run: expected an idle thread, it is running a batch");
    this.#running = Promise.withResolvers();
    worker.postMessage(
      batch,
      batch.inputs.map((input) => input.bytes.buffer),
    );
    return this.#running.promise;
  }

  /**
   * Ends the thread for good, once the batch that it runs is done: ended in the middle of it, ONNX Runtime's
   * binding throws where nobody can catch it, and takes the whole process along. A batch that takes very
   * long is not waited for; its thread ends behind it.
   */
  async stop(): Promise<void> {
    this.#stopping.abort();
    const worker = this.#worker;
    const ended = (this.#running?.promise ?? Promise.resolve()).then(() => worker?.terminate());
    await Promise.race([ended, delay(MAX_STOP_MS, null, { ref: false })]);
    await this.#replacement;
  }

  #adopt(worker: Worker): void {
    this.#worker = worker;
    let cause = "the thread ended";
    worker.on("message", (message: BatchMessage) => this.#answer(message));
    worker.on("error", (error) => {
      cause = error.message;
    });
    worker.on("exit", () => {
      this.#replacement = this.#replace(cause);
    });
  }

  #answer(message: BatchMessage): void {
    if (message.kind === "done") {
      this.#failedAttempts = 0;
      this.#finish(message);
    } else {
      this.#options.onEvent({ event: "run-failed", error: message.error });
      this.#finish({ kind: "failed" });
    }
  }

  #finish(result: BatchResult): void {
    const running = this.#running;
    this.#running = null;
    running?.resolve(result);
  }

  async #replace(cause: string): Promise<void> {
    const { onEvent, restartDelaysMs } = this.#options;
    const { signal } = this.#stopping;
    this.#worker = null;
    this.#finish({ kind: "lost" });
    if (signal.aborted) return;
    onEvent({ event: "thread-lost", error: cause });
    while (this.#failedAttempts < restartDelaysMs.length) {
      await delay(restartDelaysMs[this.#failedAttempts++], null, { signal }).catch(() => null);
      if (signal.aborted) return;
      const booted = await boot(this.#options, signal);
      if (booted.ok) {
        this.#adopt(booted.value.worker);
        // Stopped meanwhile: the exit that follows finds it so and replaces nothing.
        if (signal.aborted) await booted.value.worker.terminate();
        else onEvent({ event: "thread-restarted" });
        return;
      }
      onEvent({ event: "thread-not-restarted", error: booted.error });
    }
    onEvent({ event: "thread-given-up" });
  }
}

/** Spawns a thread and waits for its first word. */
function boot(
  { session, spawn = spawnWorker }: SessionThreadOptions,
  signal: AbortSignal,
): Promise<StartupStep<LiveThread>> {
  const isUnwanted = new Int32Array(new SharedArrayBuffer(4));
  const tell = () => Atomics.store(isUnwanted, 0, 1);
  signal.addEventListener("abort", tell, { once: true });
  if (signal.aborted) tell();
  const worker = spawn({ ...session, isUnwanted });
  return new Promise((resolve) => {
    const settle = (step: StartupStep<LiveThread>) => {
      signal.removeEventListener("abort", tell);
      worker.off("message", onMessage).off("error", onError).off("exit", onExit);
      resolve(step);
    };
    const onMessage = (message: BootMessage) => {
      if (message.kind === "ready")
        settle(success({ worker, signature: message.signature, provider: message.provider }));
      else settle({ ok: false, error: message.error });
    };
    const onError = (error: Error) => settle({ ok: false, error: error.message });
    const onExit = (code: number) => settle({ ok: false, error: `the inference thread ended with code ${code}` });
    worker.on("message", onMessage).on("error", onError).on("exit", onExit);
  });
}

function spawnWorker(data: SessionData): Worker {
  return new Worker(new URL("./session-worker.ts", import.meta.url), { workerData: data });
}
