// How requests that wait for a model are put together.

export interface BatchingOptions {
  /** Rows of one batch, and of one request. */
  maxBatch: number;
  /** How long the first request of a batch waits for others to join it, in milliseconds. 0: no longer than the model is busy. */
  delayMs: number;
  /** Sizes that a batch should have, ascending, the last of them `maxBatch`. */
  preferredSizes: readonly number[];
  /** Whether a batch is filled up to one of them, so that a GPU's allocator sees few shapes. */
  isPadded: boolean;
}
