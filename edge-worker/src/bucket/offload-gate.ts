// The gate of one client: its token bucket, and the policy that decides what a token is spent on.
//
// It never calls the cloud itself. A Durable Object is billed for as long as a fetch of its own is
// pending and handles one client's calls in turn; the Worker waits for the GPU instead, and the gate
// is asked one short question an offload.
//
// It knows how the client's links did of late, so it also says how an image is best sent. That is a matter of luck if it
// is lost: it is in memory, and written only where the bucket is.
//
// It reads its policy itself: a Worker that sent it along would send megabytes with every question.
import { DurableObject } from "cloudflare:workers";
import type { BucketOptions } from "@spillway/shared/bucket/token-bucket";
import { refund } from "@spillway/shared/bucket/token-bucket";
import {
  type ChooseSend,
  decideAtGate,
  forgettableAtMs,
  type GateDecision,
  type GateState,
  type SeenImage,
  seenAtGate,
  withoutForgotten,
} from "@spillway/shared/policy/gate";
import type { SendQuestion } from "@spillway/shared/split/client-link";
import {
  type ClientLinks,
  forgetOnLink,
  imageOnLink,
  type KeptLink,
  keptLinks,
  linksFromKept,
  reportOnLink,
  type SendName,
  type SendReport,
  sendOnLink,
} from "@spillway/shared/split/links";
import { modelBundle } from "../../generated/model.ts";
import { createPolicyStore, type PolicyChoice, type PolicyInForce, type PolicyStore } from "../config/policy-store.ts";

export interface GateReport {
  /** Images that did not ask, in any order. */
  seen: readonly SeenImage[];
  offload: PolicyChoice;
}

export interface GateRequest extends GateReport, SeenImage {
  /** How it is best sent; null where there is nothing to choose. */
  question: SendQuestion | null;
}

/** What is written down; links since they are known. */
interface StoredGate extends GateState {
  links?: readonly KeptLink[];
}

const STATE_KEY = "gate";
/** Milliseconds that a bucket is remembered at least, so that a busy client does not cost an alarm a second. */
const FORGET_AFTER_MS = 60_000;
/** Milliseconds to an alarm at most: a bucket may take longer to fill than any calendar lasts. */
const LONGEST_ALARM_MS = 30 * 86_400_000;

/** Of all objects in this isolate; made by the first, since a module may not read the environment. */
let policies: PolicyStore | undefined;

export class OffloadGate extends DurableObject<Env> {
  #state: GateState | null;
  #links: ClientLinks;
  #alarmAtMs = Number.POSITIVE_INFINITY;

  constructor(context: DurableObjectState, env: Env) {
    super(context, env);
    const stored = context.storage.kv.get<StoredGate>(STATE_KEY);
    this.#state = stored === undefined ? null : { bucket: stored.bucket, history: stored.history };
    this.#links = linksFromKept(stored?.links ?? []);
  }

  /** Decides, and takes a token when the answer is yes. */
  async decide({ offload, seen, question, ...image }: GateRequest): Promise<GateDecision> {
    const policy = await this.#policyInForce(offload);
    // From here on nothing waits, so that no other call comes between the refill and the token it gives.
    const { bucket } = offload;
    const nowMs = Date.now();
    if (question !== null) this.#links = imageOnLink(this.#links, question, image.metric, nowMs);
    const choose = question === null ? null : this.#chooser(question, image.metric, bucket.rate, nowMs);
    const { state, decision } = decideAtGate(this.#state, image, seen, policy, bucket, nowMs, choose);
    this.#keep(state, decision.offload);
    return decision;
  }

  /** Hears of images that did not ask. */
  async report({ offload, seen }: GateReport): Promise<void> {
    const policy = await this.#policyInForce(offload);
    this.#keep(seenAtGate(this.#state, seen, policy, offload.bucket, Date.now()), false);
  }

  /** Gives a token back: the cloud surely did no work for it. */
  refund(send: SendName | null = null): void {
    if (send !== null) this.#links = forgetOnLink(this.#links, send);
    if (this.#state !== null) this.#store({ ...this.#state, bucket: refund(this.#state.bucket) });
  }

  /** Hears what became of a send; costs no write. */
  settle(report: SendReport): void {
    this.#links = reportOnLink(this.#links, report, Date.now());
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

  #chooser(question: SendQuestion, metric: number, rate: number, nowMs: number): ChooseSend {
    return (tokenPrice) => {
      const { links, decision } = sendOnLink(this.#links, question, { metric, tokenPrice, rate }, nowMs);
      this.#links = links;
      return decision;
    };
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
    const stored: StoredGate = this.#links.length === 0 ? state : { ...state, links: keptLinks(this.#links) };
    this.ctx.storage.kv.put(STATE_KEY, stored);
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
