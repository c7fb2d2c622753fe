// The gate of one client as a reducer: its token bucket, and what the policy remembers of its images. Two clocks meet
// here. Only the gate's own fills the bucket; when an image came is the Workers' word and shapes nothing but the
// history, so no clock of theirs can grant a token.
import { type BucketOptions, type BucketState, createBucket, refill, spend } from "../bucket/token-bucket.ts";
import type { ControllerDecision, SendOption } from "../split/controller.ts";
import { decide, hasHistory, type PolicyParameters, type PolicyState } from "./decide.ts";

export interface SeenImage {
  /** Expected gain of asking the cloud for it. */
  metric: number;
  /** When it came. One that is later than the gate's own clock came now. */
  atMs: number;
}

export interface GatePolicy {
  parameters: PolicyParameters;
  /** Of what was learnt: a history is of use to the policy that began it, and to no other. */
  identity: string;
}

export interface GateHistory {
  /** The policy's identity. */
  policy: string;
  /** When the latest image came. */
  lastAtMs: number;
  state: PolicyState;
}

export interface GateState {
  bucket: BucketState;
  /** Null until a policy that keeps a history has seen an image. */
  history: GateHistory | null;
}

export interface GateDecision {
  offload: boolean;
  /** `deadline`: in no way that is offered would an answer be there in time. */
  reason: "offloaded" | "not-worth-it" | "no-tokens" | "deadline";
  threshold: number | null;
  /** Left in the bucket after the decision, at least 0. */
  tokens: number;
  /** The one that decided. */
  policy: PolicyParameters["kind"];
  /** How to send it; null where nothing is sent, and where the gate was not asked how. */
  option: SendOption | null;
}

/**
 * Says how an image that is worth a token is best sent, if it is.
 *
 * @param tokenPrice what the token is worth, in gain
 */
export type ChooseSend = (tokenPrice: number) => ControllerDecision;

/** Less than any two metrics differ by: an image that is worth just its token is worth it, as to the policy. */
const TIE = 1e-9;
/** Milliseconds after its latest image for which a history is kept: slower traffic has little to tell the next one. */
export const HISTORY_KEPT_MS = 3_600_000;

/**
 * Decides about one image, and takes a token when the answer is yes. With a policy that keeps no history the history
 * stays as it is: such a policy may only stand in for another for a moment.
 *
 * @param before null for a client that is unknown: its bucket is full
 * @param seen images since the last call that did not ask, in any order; they count as older than this one
 * @param choose asked about an image that the policy would offload; null where there is but one way to send it
 */
export function decideAtGate(
  before: GateState | null,
  image: SeenImage,
  seen: readonly SeenImage[],
  policy: GatePolicy,
  options: BucketOptions,
  nowMs: number,
  choose: ChooseSend | null = null,
): { state: GateState; decision: GateDecision } {
  const { bucket, history } = seenAtGate(before, seen, policy, options, nowMs);
  const considered = consider(history, image, bucket.tokens, policy, nowMs);
  const verdict = considered.offload ? verdictOn(bucket, considered.threshold, choose) : NOT_WORTH_IT;
  const after = verdict.spent ?? bucket;
  const decision: GateDecision = {
    offload: verdict.spent !== null,
    reason: verdict.reason,
    threshold: considered.threshold,
    tokens: Math.max(0, after.tokens),
    policy: policy.parameters.kind,
    option: verdict.option,
  };
  return { state: { bucket: after, history: considered.history }, decision };
}

interface Verdict extends Pick<GateDecision, "reason" | "option"> {
  /** The bucket without the token; null when none is taken. */
  spent: BucketState | null;
}

const NOT_WORTH_IT: Verdict = { reason: "not-worth-it", option: null, spent: null };

/** On an image that the policy would offload. */
function verdictOn(bucket: BucketState, threshold: number | null, choose: ChooseSend | null): Verdict {
  const spent = spend(bucket);
  if (spent === null) return { reason: "no-tokens", option: null, spent };
  if (choose === null) return { reason: "offloaded", option: null, spent };
  const { option, reason } = choose(threshold === null ? 0 : threshold - TIE);
  if (option !== null) return { reason: "offloaded", option, spent };
  return { reason: reason === "no-time" ? "deadline" : "not-worth-it", option: null, spent: null };
}

/** The gate after images that did not ask; see {@link decideAtGate}. */
export function seenAtGate(
  before: GateState | null,
  seen: readonly SeenImage[],
  policy: GatePolicy,
  options: BucketOptions,
  nowMs: number,
): GateState {
  const bucket = before === null ? createBucket(options, nowMs) : refill(before.bucket, options, nowMs);
  let history = before?.history ?? null;
  if (!hasHistory(policy.parameters)) return { bucket, history };
  const inOrder = [...seen].sort((a, b) => a.atMs - b.atMs);
  for (const image of inOrder) history = consider(history, image, bucket.tokens, policy, nowMs).history;
  return { bucket, history };
}

/** What is left of a gate that nobody asked for a while; null when that is no more than what an unknown client has. */
export function withoutForgotten({ bucket, history }: GateState, nowMs: number): GateState | null {
  const filled = refill(bucket, bucket.options, nowMs);
  const kept = history !== null && nowMs < history.lastAtMs + HISTORY_KEPT_MS ? history : null;
  return kept === null && filled.tokens >= bucket.options.depth ? null : { bucket: filled, history: kept };
}

/** When {@link withoutForgotten} has something to forget at the earliest; Infinity for a bucket that never fills. */
export function forgettableAtMs({ bucket, history }: GateState): number {
  if (history !== null) return history.lastAtMs + HISTORY_KEPT_MS;
  const { rate, depth } = bucket.options;
  if (bucket.tokens >= depth) return bucket.updatedAtMs;
  return rate === 0 ? Number.POSITIVE_INFINITY : bucket.updatedAtMs + ((depth - bucket.tokens) / rate) * 1000;
}

/** The policy's verdict on one image, and the history with this image in it. */
function consider(
  history: GateHistory | null,
  { metric, atMs }: SeenImage,
  tokens: number,
  { parameters, identity }: GatePolicy,
  nowMs: number,
): { offload: boolean; threshold: number | null; history: GateHistory | null } {
  const own = history?.policy === identity ? history : null;
  // An image cannot come after the gate has heard of it: a clock that is ahead would stop time for those that follow.
  const cameAtMs = Math.min(atMs, nowMs);
  const elapsedSeconds = own === null ? null : Math.max(0, cameAtMs - own.lastAtMs) / 1000;
  const { offload, threshold, state } = decide({ metric, tokens, elapsedSeconds }, own?.state ?? null, parameters);
  if (!hasHistory(parameters)) return { offload, threshold, history };
  const lastAtMs = Math.max(cameAtMs, own?.lastAtMs ?? cameAtMs);
  return { offload, threshold, history: { policy: identity, lastAtMs, state } };
}
