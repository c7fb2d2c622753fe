// A request that waits for its turn, and what becomes of it.
import type { Tensor } from "@spillway/shared/protocol/tensor";
import type { Outcome } from "../errors.ts";

/** Priorities of the protocol's `priority` parameter: 1 goes first. */
export const HIGHEST_PRIORITY = 1;
export const LOWEST_PRIORITY = 3;
export const DEFAULT_PRIORITY = 2;

export interface Work {
  /** The graph's own inputs; the first dimension of each is the number of rows. */
  inputs: Tensor[];
  rows: number;
  /** Names of the outputs that are wanted. */
  outputs: string[];
  priority: number;
  /** Fires when nobody waits for the answer any more. */
  signal: AbortSignal;
}

/** A request's own rows of what its batch gave, and how long that took, in milliseconds. */
export interface Share {
  outputs: Tensor[];
  queueMs: number;
  inputMs: number;
  inferMs: number;
  outputMs: number;
  /** Rows of the batch that it travelled in. */
  batchRows: number;
}

export interface PendingRequest {
  work: Work;
  arrivedMs: number;
  /** Runs by itself, because a batch with it in it failed: whoever brings a batch down must not take others along. */
  isAlone: boolean;
  settle: (outcome: Outcome<Share>) => void;
}
