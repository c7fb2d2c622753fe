// The main thread's handle on a thread that runs all graphs of a model.
import { Worker } from "node:worker_threads";
import type { ModelFolder } from "../model-folder.ts";
import type { ModelBatch } from "./model-batch.ts";

export interface ThreadOptions {
  folder: ModelFolder;
  /** That its graphs may use. */
  cores: number;
  /** Whether the tail is run too, where the model has one. */
  withTail: boolean;
}

/** Row-major [rows of the batch, classes]. */
export interface BatchLogits {
  exits: Float32Array<ArrayBuffer>[];
  large: Float32Array<ArrayBuffer>;
  /** For each of the manifest's settings; empty where the tail is not run. */
  tail: BatchTail[];
}

/** The batch at one setting of the tail. */
export interface BatchTail {
  logits: Float32Array<ArrayBuffer>;
  /** Length of each image's frame, [rows of the batch]. */
  frameBytes: Int32Array<ArrayBuffer>;
}

export class ModelThread {
  readonly #worker: Worker;
  readonly #died: Promise<never>;

  constructor(options: ThreadOptions) {
    this.#worker = new Worker(new URL("./model-worker.ts", import.meta.url), { workerData: options });
    this.#died = new Promise((_, reject) => {
      this.#worker.once("error", reject);
      this.#worker.once("exit", (code) => reject(new Error(`a thread that ran the model ended with code ${code}`)));
    });
    // Whoever waits for a batch hears of it; between two batches nobody does.
    this.#died.catch(() => {});
  }

  /** One batch at a time; its tensors move to the thread. @throws Error why the thread ended, if it did */
  run(batch: ModelBatch): Promise<BatchLogits> {
    const answered = new Promise<BatchLogits>((resolve) => this.#worker.once("message", resolve));
    this.#worker.postMessage(batch, [batch.edge.buffer, batch.large.buffer]);
    return Promise.race([answered, this.#died]);
  }

  async stop(): Promise<void> {
    await this.#worker.terminate();
  }
}
