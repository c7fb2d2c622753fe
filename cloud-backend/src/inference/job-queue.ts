// First come, first served in front of something that runs one job at a time. A job whose signal
// fires while it waits leaves the queue and never runs. How many may wait is the caller's to limit.
import type { Tensor } from "@spillway/shared/protocol/tensor";
import type { Outcome } from "../errors.ts";
import { abandonment } from "./abandonment.ts";
import type { Job } from "./session-messages.ts";

type RunJob = (job: Job) => Promise<Outcome<Tensor[]>>;

interface Waiting {
  job: Job;
  signal: AbortSignal;
  leave: () => void;
  resolve: (outcome: Outcome<Tensor[]>) => void;
}

export class JobQueue {
  readonly #runJob: RunJob;
  readonly #waiting = new Set<Waiting>();
  #isRunning = false;

  constructor(runJob: RunJob) {
    this.#runJob = runJob;
  }

  run(job: Job, signal: AbortSignal): Promise<Outcome<Tensor[]>> {
    if (signal.aborted) return Promise.resolve(abandonment(signal));
    return new Promise((resolve) => {
      const leave = () => {
        this.#waiting.delete(entry);
        resolve(abandonment(signal));
      };
      const entry = { job, signal, leave, resolve };
      signal.addEventListener("abort", leave, { once: true });
      this.#waiting.add(entry);
      void this.#runNext();
    });
  }

  async #runNext(): Promise<void> {
    if (this.#isRunning) return;
    const [next] = this.#waiting;
    if (next === undefined) return;
    this.#waiting.delete(next);
    next.signal.removeEventListener("abort", next.leave);
    this.#isRunning = true;
    const outcome = await this.#runJob(next.job);
    this.#isRunning = false;
    next.resolve(outcome);
    void this.#runNext();
  }
}
