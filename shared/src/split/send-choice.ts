// How an image is best sent over one of its client's links: the controller, asked with what is known of the link.
//
// A link that looks hopeless would never be tried again, and so look hopeless for ever; nor would a lean send where only
// large ones have been seen, of which one size does not tell latency from throughput. So every PROBE_AFTER_MS an image
// that is worth its token is sent in the leanest way although it seems hopeless, if there is time enough on a good link.
import type { LinkPrediction } from "./bandwidth.ts";
import { type ClientLink, type SendQuestion, startDelayOf } from "./client-link.ts";
import {
  type ControllerDecision,
  type ControllerInput,
  type ControllerWeights,
  chooseOption,
  DEFAULT_WEIGHTS,
} from "./controller.ts";
import { type LinkState, viewLink } from "./link.ts";
import { forecastMetrics } from "./metric-forecast.ts";

/** What the gate knows of an image for which it has a token. */
export interface Spending {
  metric: number;
  tokenPrice: number;
  /** Tokens a second. */
  rate: number;
}

/** Milliseconds after which a link that looks hopeless is tried again. */
export const PROBE_AFTER_MS = 10_000;
/** Share of the tokens that may go into trying, where it is longer until then. */
export const PROBE_SHARE = 0.05;
/** No link is better: 100 Mbit/s, and the cloud around the corner. */
const GOOD_LINK: LinkPrediction = {
  throughput: 12_500,
  robustThroughput: 12_500,
  latencyMs: { tail: 5, large: 5 },
  latencySpreadMs: 0,
};

/**
 * As many as a plan can spend. Whether an image is worth its token is the policy's word, and its threshold the token's
 * price; a plan that also counted the tokens would keep them for frames to come that the policy has already weighed.
 */
const PLENTY = DEFAULT_WEIGHTS.horizon;

export interface SendChoice {
  decision: ControllerDecision;
  /** It looks hopeless, and is tried nevertheless. */
  isProbe: boolean;
}

export function chooseSend(known: ClientLink, question: SendQuestion, spending: Spending, nowMs: number): SendChoice {
  const isTimeToTry = nowMs >= nextProbeMs(known.probedAtMs, spending.rate);
  return chooseOrTry(inputOf(known, question, spending, nowMs), DEFAULT_WEIGHTS, isTimeToTry);
}

/** The controller's word; where that is that there is no hope, and it is time to, the leanest way is tried. */
export function chooseOrTry(input: ControllerInput, weights: ControllerWeights, isTimeToTry: boolean): SendChoice {
  const decision = chooseOption(input, weights);
  // Where a token is worth less than nothing, even an answer that cannot be in time seems worth it.
  const isHopeless = decision.reason === "no-time" || decision.onTime === 0;
  if (!isHopeless) return { decision, isProbe: false };
  const trial = isTimeToTry ? probe(input, weights) : null;
  return { decision: trial ?? NO_TIME, isProbe: trial !== null };
}

const NO_TIME: ControllerDecision = { option: null, reason: "no-time", arrivalMs: null, onTime: null };

/** The leanest way that would be worth the token on a good link. */
function probe(input: ControllerInput, weights: ControllerWeights): ControllerDecision | null {
  for (const option of input.options) {
    const hopeful = { ...input, options: [option], link: GOOD_LINK, queuedBytes: 0, intervalMs: null };
    const decision = chooseOption(hopeful, weights);
    if (decision.option !== null && decision.onTime !== 0) return decision;
  }
  return null;
}

/**
 * When a link that looks hopeless may be tried again. Once only for a bucket that does not fill: it has no tokens for trying.
 *
 * @param rate tokens a second
 */
export function nextProbeMs(probedAtMs: number | null, rate: number): number {
  return probedAtMs === null ? -Infinity : probedAtMs + Math.max(PROBE_AFTER_MS, 1000 / (rate * PROBE_SHARE));
}

function inputOf(
  known: ClientLink,
  { options, deadlineLeftMs, timeoutMs }: SendQuestion,
  { metric, tokenPrice }: Spending,
  nowMs: number,
): ControllerInput {
  const { link: state, intervalMs, metrics } = known;
  const delayMs = startDelayOf(known);
  const { link, queuedBytes } = viewLink(state, nowMs + delayMs);
  const leftMs = Math.min(deadlineLeftMs === null ? Infinity : deadlineLeftMs - delayMs, timeoutMs);
  // Who has as long as anybody need not hold back before anything is known, nor for more than what is under way.
  const isPatient = leftMs === timeoutMs;
  const isUnknown = isPatient && state.bandwidth === null;
  const patientQueue = isUnknown ? 0 : Math.min(queuedBytes, underwayBytes(state));
  return {
    metric,
    tokenPrice,
    tokens: PLENTY,
    bucket: { rate: 0, depth: PLENTY },
    link,
    queuedBytes: isPatient ? patientQueue : queuedBytes,
    options,
    futureMetrics: forecastMetrics(metrics),
    deadlineLeftMs: leftMs,
    deadlineMs: leftMs,
    intervalMs: isUnknown ? null : intervalMs,
  };
}

function underwayBytes({ underway }: LinkState): number {
  return underway.reduce((sum, { bytes }) => sum + bytes, 0);
}
