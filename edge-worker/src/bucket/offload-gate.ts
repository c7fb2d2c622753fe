// The gate of one client: its token bucket, and the policy that decides what a token is spent on.
//
// It never calls the cloud itself. A Durable Object is billed for as long as a fetch of its own is
// pending and handles one client's calls in turn; the Worker waits for the GPU instead, and the gate
// is asked one short question an offload.
import { DurableObject } from "cloudflare:workers";
import {
  type BucketOptions,
  type BucketState,
  createBucket,
  refill,
  refund,
  spend,
} from "@spillway/shared/bucket/token-bucket";
import { decideByThreshold } from "@spillway/shared/policy/threshold";

export interface GateRequest {
  /** Expected gain of asking the cloud for this image. */
  metric: number;
  threshold: number;
  bucket: BucketOptions;
}

export interface GateDecision {
  offload: boolean;
  reason: "offloaded" | "not-worth-it" | "no-tokens";
  threshold: number;
  /** Left in the bucket after the decision. */
  tokens: number;
  policy: "threshold";
}

const BUCKET_KEY = "bucket";
/** Milliseconds that a bucket is remembered at least, so that a busy client does not cost an alarm a second. */
const FORGET_AFTER_MS = 60_000;

export class OffloadGate extends DurableObject<Env> {
  #bucket: BucketState | undefined = this.ctx.storage.kv.get<BucketState>(BUCKET_KEY);
  #hasAlarm = false;

  /** Decides, and takes a token when the answer is yes. */
  decide(request: GateRequest): GateDecision {
    const bucket = this.#refilled(request.bucket);
    const decision = decideByThreshold({ metric: request.metric, tokens: bucket.tokens }, null, request);
    const answer = { threshold: decision.threshold, policy: "threshold" } as const;
    if (!decision.offload) return { ...answer, offload: false, reason: "not-worth-it", tokens: bucket.tokens };
    const spent = spend(bucket);
    if (spent === null) return { ...answer, offload: false, reason: "no-tokens", tokens: bucket.tokens };
    this.#store(spent);
    return { ...answer, offload: true, reason: "offloaded", tokens: spent.tokens };
  }

  /** Gives a token back: the cloud surely did no work for it. */
  refund(): void {
    if (this.#bucket !== undefined) this.#store(refund(this.#bucket));
  }

  /** Forgets a bucket that is full again: a client that is unknown starts with a full one anyway. */
  override async alarm(): Promise<void> {
    this.#hasAlarm = false;
    if (this.#bucket === undefined) return;
    const { options } = this.#bucket;
    const bucket = refill(this.#bucket, options, Date.now());
    if (bucket.tokens < options.depth) return this.#store(bucket);
    this.#bucket = undefined;
    await this.ctx.storage.deleteAll();
  }

  #refilled(options: BucketOptions): BucketState {
    const now = Date.now();
    const before = this.#bucket;
    if (before === undefined) {
      // Nothing to write: a full bucket is what no bucket means.
      this.#bucket = createBucket(options, now);
      return this.#bucket;
    }
    this.#bucket = refill(before, options, now);
    // A refill alone needs no write, as it follows from the time of the last one; but only while the
    // options are those that were written, or an eviction would credit that time at the old rate.
    const sameOptions = before.options.rate === options.rate && before.options.depth === options.depth;
    if (!sameOptions) this.#store(this.#bucket);
    return this.#bucket;
  }

  #store(bucket: BucketState): void {
    this.#bucket = bucket;
    this.ctx.storage.kv.put(BUCKET_KEY, bucket);
    const { rate, depth } = bucket.options;
    if (this.#hasAlarm || rate === 0) return;
    this.#hasAlarm = true;
    const msUntilFull = ((depth - bucket.tokens) / rate) * 1000;
    void this.ctx.storage.setAlarm(Date.now() + Math.max(msUntilFull, FORGET_AFTER_MS));
  }
}
