// The grid of a bucket that somebody named on a command line.
import type { BucketOptions } from "@spillway/shared/bucket/token-bucket";
import { type TokenGrid, tokenGrid } from "@spillway/shared/bucket/token-grid";
import { UsageError } from "../usage.ts";

/** @throws UsageError for a bucket that no grid holds */
export function bucketGrid({ rate, depth }: BucketOptions): TokenGrid {
  try {
    return tokenGrid(rate, depth);
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

/** Null for a bucket that no grid holds. */
export function bucketGridOrNull(bucket: BucketOptions): TokenGrid | null {
  try {
    return bucketGrid(bucket);
  } catch {
    return null;
  }
}
