// What the main thread and an inference thread say to each other.

import type { Signature } from "@spillway/shared/protocol/graph-signature";
import type { Tensor } from "@spillway/shared/protocol/tensor";
import type { Provider } from "./serving-options.ts";

/** What a thread is started with. */
export interface SessionOptions {
  /** An .onnx file, and the hash its bytes must have. */
  path: string;
  sha256: string;
  /** Tried in this order until a session can be made. */
  providers: readonly Provider[];
  /** CPU threads ONNX Runtime may use for one operator. */
  threads: number;
  /** Batches of so many rows are run once before the thread is called ready. */
  warmUpRows: readonly number[];
}

/** What the thread itself is given with them. */
export interface SessionData extends SessionOptions {
  /** Shared memory; not zero once nobody wants the thread any more. */
  isUnwanted: Int32Array;
}

/** The first word of a thread: the session is warm, or could not be made. */
export type BootMessage =
  | { kind: "ready"; signature: Signature; provider: Provider }
  | { kind: "refused"; error: string };

/** What became of one batch; durations in milliseconds. */
export type BatchMessage =
  | { kind: "done"; outputs: Tensor[]; inputMs: number; inferMs: number; outputMs: number }
  | { kind: "failed"; error: string };
