// The gate of one client: its token bucket, and the policy that decides what a token is spent on.
//
// It never calls the cloud itself. A Durable Object is billed for as long as a fetch of its own is
// pending and handles one client's calls in turn; the Worker waits for the GPU instead, and the gate
// is asked one short question an offload.
//
// It reads its policy itself: a Worker that sent it along would send megabytes with every question.
import { DurableObject } from "cloudflare:workers";
import type { BucketOptions } from "@spillway/shared/bucket/token-bucket";
import { refund } from "@spillway/shared/bucket/token-bucket";
import {
  decideAtGate,
  forgettableAtMs,
  type GateDecision,
  type GateState,
  type SeenImage,
  seenAtGate,
  withoutForgotten,
} from "@spillway/shared/policy/gate";
import { modelBundle } from "../../generated/model.ts";
import { createPolicyStore, type PolicyChoice, type PolicyInForce, type PolicyStore } from "../config/policy-store.ts";

export interface GateReport {
  /** Images that did not ask, in any order. */
  seen: readonly SeenImage[];
  offload: PolicyChoice;
}

export interface GateRequest extends GateReport, SeenImage {}

const STATE_KEY = "gate";
/** Milliseconds that a bucket is remembered at least, so that a busy client does not cost an alarm a second. */
const FORGET_AFTER_MS = 60_000;
/** Milliseconds to an alarm at most: a bucket may take longer to fill than any calendar lasts. */
const LONGEST_ALARM_MS = 30 * 86_400_000;

/** Of all objects in this isolate; made by the first, since a module may not read the environment. */
let policies: PolicyStore | undefined;

export class OffloadGate extends DurableObject<Env> {
  #state: GateState | null = this.ctx.storage.kv.get<GateState>(STATE_KEY) ?? null;
  #alarmAtMs = Number.POSITIVE_INFINITY;

  /** Decides, and takes a token when the answer is yes. */
  async decide({ offload, seen, ...image }: GateRequest): Promise<GateDecision> {
    const policy = await this.#policyInForce(offload);
    // From here on nothing waits, so that no other call comes between the refill and the token it gives.
    const { bucket } = offload;
    const { state, decision } = decideAtGate(this.#state, image, seen, policy, bucket, Date.now());
    this.#keep(state, decision.offload);
    return decision;
  }

  /** Hears of images that did not ask. */
  async report({ offload, seen }: GateReport): Promise<void> {
    const policy = await this.#policyInForce(offload);
    this.#keep(seenAtGate(this.#state, seen, policy, offload.bucket, Date.now()), false);
  }

  /** Gives a token back: the cloud surely did no work for it. */
  refund(): void {
    if (this.#state !== null) this.#store({ ...this.#state, bucket: refund(this.#state.bucket) });
  }

  /** Forgets a bucket that is full again and a history that is old: a client that is unknown has the same. */
  override async alarm(): Promise<void> {
    this.#alarmAtMs = Number.POSITIVE_INFINITY;
    if (this.#state === null) return;
    const left = withoutForgotten(this.#state, Date.now());
    if (left !== null) return this.#store(left);
    this.#state = null;
    await this.ctx.storage.deleteAll();
  }

  #policyInForce(offload: PolicyChoice): Promise<PolicyInForce> {
    policies ??= createPolicyStore(this.env.CONFIG, modelBundle.hash, () => performance.now());
    return policies.inForce(offload, (work) => this.ctx.waitUntil(work));
  }

  /**
   * A refill alone needs no write, as it follows from the time of the last one; but only while the options are those
   * that were written, or an eviction would credit that time at the old rate. Nor does a new bucket: it is full.
   */
  #keep(state: GateState, isSpent: boolean): void {
    const before = this.#state;
    const isSame =
      !isSpent &&
      state.history === (before?.history ?? null) &&
      (before === null || areSame(before.bucket.options, state.bucket.options));
    if (isSame) this.#state = state;
    else this.#store(state);
  }

  #store(state: GateState): void {
    this.#state = state;
    this.ctx.storage.kv.put(STATE_KEY, state);
    const forgettableMs = forgettableAtMs(state);
    if (forgettableMs === Number.POSITIVE_INFINITY) return;
    const nowMs = Date.now();
    const alarmAtMs = Math.min(Math.max(forgettableMs, nowMs + FORGET_AFTER_MS), nowMs + LONGEST_ALARM_MS);
    // One that comes too early looks again; only one that comes too late has to be moved.
    if (alarmAtMs >= this.#alarmAtMs) return;
    this.#alarmAtMs = alarmAtMs;
    void this.ctx.storage.setAlarm(alarmAtMs);
  }
}

function areSame(a: BucketOptions, b: BucketOptions): boolean {
  return a.rate === b.rate && a.depth === b.depth;
}
