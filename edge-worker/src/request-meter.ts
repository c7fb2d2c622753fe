// Requests a minute and client, counted in the isolate. It guards the CPU against one client's flood;
// it is no quota, as every isolate counts for itself. The rate-limit binding of the platform would
// count wider, but its limits are fixed at deployment and ours change live.
import { type BucketState, createBucket, refill, secondsUntilToken, spend } from "@spillway/shared/bucket/token-bucket";

export interface RequestMeter {
  /** Seconds this client has to wait; 0 when the request may pass, which also counts it. */
  waitSeconds(clientKey: string, requestsPerMinute: number, nowMs: number): number;
}

export function createRequestMeter(maxClients: number): RequestMeter {
  // In the order of last use, as a Map keeps the order of insertion.
  const buckets = new Map<string, BucketState>();
  return {
    waitSeconds(clientKey, requestsPerMinute, nowMs) {
      const options = { rate: requestsPerMinute / 60, depth: requestsPerMinute };
      const known = buckets.get(clientKey);
      const bucket = known === undefined ? createBucket(options, nowMs) : refill(known, options, nowMs);
      const spent = spend(bucket);
      buckets.delete(clientKey);
      buckets.set(clientKey, spent ?? bucket);
      if (buckets.size > maxClients) buckets.delete(buckets.keys().next().value as string);
      return spent === null ? secondsUntilToken(bucket) : 0;
    },
  };
}
