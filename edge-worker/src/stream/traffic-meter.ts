// What a client may send on one connection, whatever becomes of it: messages and bytes a second.
import { type BucketOptions, createBucket, refill } from "@spillway/shared/bucket/token-bucket";
import { MAX_BYTES_AT_ONCE, MAX_BYTES_PER_SECOND, MAX_MESSAGES_PER_SECOND } from "./limits.ts";

export interface TrafficMeter {
  /** Counts a message; false when it is one too many. */
  allows(bytes: number, nowMs: number): boolean;
}

export function createTrafficMeter(nowMs: number): TrafficMeter {
  const messages = allowance({ rate: MAX_MESSAGES_PER_SECOND, depth: MAX_MESSAGES_PER_SECOND }, nowMs);
  const bytes = allowance({ rate: MAX_BYTES_PER_SECOND, depth: MAX_BYTES_AT_ONCE }, nowMs);
  return {
    allows(count, atMs) {
      const isFew = messages(1, atMs);
      return bytes(count, atMs) && isFew;
    },
  };
}

function allowance(options: BucketOptions, startMs: number): (amount: number, nowMs: number) => boolean {
  let bucket = createBucket(options, startMs);
  return (amount, nowMs) => {
    bucket = refill(bucket, options, nowMs);
    if (bucket.tokens < amount) return false;
    bucket = { ...bucket, tokens: bucket.tokens - amount };
    return true;
  };
}
