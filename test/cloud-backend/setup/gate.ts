// Holds an inference thread: the real worker, with a gate in front of every job. While the gate is
// shut the thread is blocked, just as a long run of the graph blocks it, for as long as the test likes.
import { Worker } from "node:worker_threads";
import type { SessionData } from "../../../cloud-backend/src/inference/session-messages.ts";

const OPEN = 0;
const JOBS = 1;

export class Gate {
  readonly #state = new Int32Array(new SharedArrayBuffer(8));
  /** The threads made so far, the newest last. */
  readonly workers: Worker[] = [];

  readonly spawn = (session: SessionData): Worker => {
    const entry = new URL("./gated-session-worker.ts", import.meta.url);
    const worker = new Worker(entry, { workerData: { ...session, gate: this.#state } });
    this.workers.push(worker);
    return worker;
  };

  open(): void {
    Atomics.store(this.#state, OPEN, 1);
    Atomics.notify(this.#state, OPEN);
  }

  shut(): void {
    Atomics.store(this.#state, OPEN, 0);
  }

  /** Jobs that reached a thread. */
  get jobs(): number {
    return Atomics.load(this.#state, JOBS);
  }

  async waitForJobs(count: number): Promise<void> {
    for (let seen = this.jobs; seen < count; seen = this.jobs) {
      await Atomics.waitAsync(this.#state, JOBS, seen).value;
    }
  }
}
