// What the main thread and an inference thread say to each other.
import type { Tensor } from "@spillway/shared/protocol/tensor";
import type { Signature } from "./signature.ts";

/** What a thread is started with. */
export interface SessionOptions {
  /** An .onnx file, and the hash its bytes must have. */
  path: string;
  sha256: string;
  /** CPU threads ONNX Runtime may use for one operator. */
  threads: number;
}

/** One run of the graph. A thread runs one job at a time. */
export interface Job {
  inputs: Tensor[];
  outputs: string[];
}

/** The first word of a thread: the session is warm, or could not be made. */
export type BootMessage = { kind: "ready"; signature: Signature } | { kind: "refused"; error: string };

export type JobMessage = { kind: "done"; outputs: Tensor[] } | { kind: "failed"; error: string };
