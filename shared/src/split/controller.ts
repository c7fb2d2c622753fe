// Chooses how an image is offloaded, if at all: as which of the tail's settings, or whole, so that the answer is
// likely to be there in time, and is worth the time that the link spends on it rather than on the frames that follow.
//
// Model-predictive control (Yin, Jindal, Sekar & Sinopoli, SIGCOMM 2015; RTCoInfer picks the compression of features by
// it, but never published how). The plan covers this frame and the next H - 1. With queue q
// (milliseconds of link time), tokens n, frames every I milliseconds and options o of x_o milliseconds:
//
//   V_h(q, n) = mean over future metrics m of max( V_h+1(q - I, n + rI),  max over o of
//               r(m, o, q) + V_h+1(q + x_o - I, n - 1 + rI) ),    queues at least 0, tokens at most the depth
//   r(m, o, q) = p m share_o - (1 - p) missPenalty - tokenPrice,  p = probability that q + x_o + latency_o is in time
//   V_H(q, n)  = -price of a millisecond of link time x q
//
// p is where robustness enters. RobustMPC plans as though the link were as slow as its lower estimate; here an answer
// is certain where even the lower estimate is in time, an even chance where the plain one is just in time, and linear
// between and beyond. The price at the end is what the queue costs those who come after the plan: at it, frames like
// those to come would fill the link and no more. Without it a plan would leave a full queue behind.
//
// Solved exactly by dynamic programming on a grid of queue lengths; pure, without state.
import { type BucketOptions, hasToken } from "../bucket/token-bucket.ts";
import type { LinkPrediction, Route } from "./bandwidth.ts";
import { planValue } from "./plan.ts";

export interface SendOption {
  route: Route;
  /** Of the tail; null for the whole image. */
  setting: string | null;
  /** Of the body that is sent, at least 1. */
  bytes: number;
  /** Share of the image's metric that this gains when it comes in time. */
  gainShare: number;
  /** Milliseconds besides waiting and bytes where they are known better than by the link's prediction. */
  latencyMs?: number | null;
}

export interface ControllerInput {
  options: readonly SendOption[];
  /** Expected gain of asking the large model about this image. */
  metric: number;
  /** Equally likely metrics of the frames to come, or their mean alone. Empty: like this one. */
  futureMetrics: readonly number[];
  /** Bytes that wait on the link before this image. */
  queuedBytes: number;
  /** Milliseconds in which this answer is wanted; null when any time will do. */
  deadlineLeftMs: number | null;
  /** The same of frames to come, from when they come. */
  deadlineMs: number | null;
  /** Milliseconds from frame to frame; null for a single request, which plans nothing. */
  intervalMs: number | null;
  tokens: number;
  bucket: BucketOptions;
  /** What a token is worth, in gain: the policy's threshold, or 0. */
  tokenPrice: number;
  link: LinkPrediction;
}

export interface ControllerWeights {
  /** Frames that a plan covers, this one included. */
  horizon: number;
  /** What an answer that comes too late costs, beyond not gaining anything. */
  missPenalty: number;
}

export type ControllerReason = "offloaded" | "no-time" | "not-worth-it" | "no-tokens";

export interface ControllerDecision {
  /** null: the edge's own answer. */
  option: SendOption | null;
  reason: ControllerReason;
  /** Expected for the chosen option, null for the edge. */
  arrivalMs: number | null;
  onTime: number | null;
}

export const DEFAULT_WEIGHTS: ControllerWeights = { horizon: 5, missPenalty: 0.1 };

/** The best option for this image by the plan above; of equals the leanest. */
export function chooseOption(input: ControllerInput, weights: ControllerWeights = DEFAULT_WEIGHTS): ControllerDecision {
  const { metric, tokens, bucket, tokenPrice } = input;
  if (!hasToken(tokens, bucket)) return edge("no-tokens");
  const candidates = timedOptions(input, input.deadlineLeftMs);
  const worthIt = (onTime: number, gainShare: number) =>
    onTime * gainShare * metric - (1 - onTime) * weights.missPenalty - tokenPrice;
  const possible = candidates.filter(({ onTime, option }) => worthIt(onTime, option.gainShare) > 0);
  if (possible.length === 0) {
    const hasWorth = candidates.some(({ option }) => worthIt(1, option.gainShare) > 0);
    return edge(hasWorth ? "no-time" : "not-worth-it");
  }
  const plan = planValue(input, weights);
  const queuedMs = input.queuedBytes / input.link.throughput;
  let best: TimedOption | null = null;
  let most = plan(queuedMs, 0);
  for (const candidate of possible) {
    const value = worthIt(candidate.onTime, candidate.option.gainShare) + plan(queuedMs + candidate.transferMs, 1);
    if (value > most) {
      most = value;
      best = candidate;
    }
  }
  if (best === null) return edge("not-worth-it");
  return { option: best.option, reason: "offloaded", arrivalMs: best.arrivalMs, onTime: best.onTime };
}

/**
 * Without the options that another is better than, or as good: no more bytes, no more latency, no less gain. The
 * leanest first. To be done once, as options seldom change.
 */
export function paretoOptions(options: readonly SendOption[], latencyMs?: Record<Route, number>): SendOption[] {
  const latencyOf = ({ route, latencyMs: own }: SendOption) => own ?? latencyMs?.[route] ?? 0;
  const isBetter = (a: SendOption, b: SendOption) =>
    a.bytes <= b.bytes && a.gainShare >= b.gainShare && latencyOf(a) <= latencyOf(b) && comparable(a, b);
  // Latencies that are not known keep two routes apart.
  const comparable = (a: SendOption, b: SendOption) =>
    a.route === b.route || latencyMs !== undefined || (a.latencyMs != null && b.latencyMs != null);
  return options
    .filter(({ gainShare }) => gainShare > 0)
    .filter((option, at, all) => {
      return !all.some((other, place) => {
        return place !== at && isBetter(other, option) && (place < at || !isBetter(option, other));
      });
    })
    .toSorted((a, b) => a.bytes - b.bytes);
}

interface TimedOption {
  option: SendOption;
  transferMs: number;
  arrivalMs: number;
  onTime: number;
}

function timedOptions({ options, link, queuedBytes }: ControllerInput, deadlineMs: number | null): TimedOption[] {
  const queuedMs = queuedBytes / link.throughput;
  return options.map((option) => {
    const transferMs = option.bytes / link.throughput;
    const arrivalMs = queuedMs + transferMs + (option.latencyMs ?? link.latencyMs[option.route]);
    return {
      option,
      transferMs,
      arrivalMs,
      onTime: onTimeProbability(queuedMs + transferMs, arrivalMs, deadlineMs, link),
    };
  });
}

/**
 * 1 where the lower estimate is in time, 1/2 where the plain one is just in time, linear between and beyond.
 *
 * @param linkMs of waiting and bytes by the plain estimate
 * @param arrivalMs the same and the latency
 */
export function onTimeProbability(
  linkMs: number,
  arrivalMs: number,
  deadlineMs: number | null,
  { throughput, robustThroughput, latencySpreadMs }: LinkPrediction,
): number {
  if (deadlineMs === null) return 1;
  const slackMs = deadlineMs - arrivalMs;
  const doubtMs = linkMs * (throughput / robustThroughput - 1) + latencySpreadMs;
  if (slackMs >= doubtMs) return 1;
  return slackMs <= -doubtMs ? 0 : (1 + slackMs / doubtMs) / 2;
}

function edge(reason: ControllerReason): ControllerDecision {
  return { option: null, reason, arrivalMs: null, onTime: null };
}
