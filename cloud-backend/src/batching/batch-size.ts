// How many rows a batch gets.
import type { BatchingOptions } from "./batching-options.ts";

/** Share of a batch that may be padding before a smaller batch and a second run are the better choice. */
const MAX_PADDING = 0.25;

/**
 * Rows to take of those that wait. Without padding, as many as may travel together. With padding, all
 * of them where the next preferred size is nearly full, else the largest preferred size that they fill.
 */
export function rowsToTake(waiting: number, { maxBatch, preferredSizes, isPadded }: BatchingOptions): number {
  const rows = Math.min(waiting, maxBatch);
  if (!isPadded) return rows;
  const padded = paddedRows(rows, preferredSizes);
  if (padded - rows <= MAX_PADDING * padded) return rows;
  return preferredSizes.findLast((size) => size <= rows) ?? rows;
}

/** The preferred size that so many rows are padded to; beyond the largest one, they are left as they are. */
export function paddedRows(rows: number, preferredSizes: readonly number[]): number {
  return preferredSizes.find((size) => size >= rows) ?? rows;
}
