// The links of one client, by the names that the Workers give them: a place from which its images come, or a stream.
// For each what `link` and `bandwidth` know of it, and how fast and how hard its images come, which is what the
// controller plans with. A reducer like the gate, beside which it lives: pure, of bounded size, time is passed in.
//
// A link that looks hopeless would never be tried again, and so look hopeless for ever; nor would a lean send where only
// large ones have been seen, of which one size does not tell latency from throughput. So every PROBE_AFTER_MS an image
// that is worth its token is sent in the leanest way although it seems hopeless, if there is time enough on a good link.
import { type BandwidthState, type LinkPrediction, UNKNOWN_LINK } from "./bandwidth.ts";
import {
  type ControllerDecision,
  type ControllerInput,
  chooseOption,
  DEFAULT_WEIGHTS,
  type SendOption,
} from "./controller.ts";
import {
  endSend,
  forgetSend,
  giveUpSend,
  IDLE_LINK,
  type LinkState,
  MAX_UNDERWAY,
  startSend,
  type UnderwaySend,
  viewLink,
} from "./link.ts";
import { forecastMetrics, rememberMetric } from "./metric-forecast.ts";

/** What is asked about an image that may be sent. */
export interface SendQuestion {
  /** Names the link. */
  link: string;
  /** Names the send, if there will be one; no other has it. */
  id: string;
  options: readonly SendOption[];
  /** Milliseconds from the asking in which an answer is wanted; null when any time will do. */
  deadlineLeftMs: number | null;
  /** Milliseconds for which an answer is waited for at most, from the first byte. */
  timeoutMs: number;
}

export type SendName = Pick<SendQuestion, "link" | "id">;

/** What became of a send, by the clock of the Worker that made it. */
export interface SendReport extends SendName {
  /** `unclear`: it says nothing about the link, as it failed or was repeated. */
  outcome: "answered" | "given-up" | "unclear";
  bytes: number;
  /** Milliseconds from the asking to the first byte. */
  startDelayMs: number;
  /** From then to the answer, or to giving up. */
  durationMs: number;
}

export interface ClientLink {
  key: string;
  link: LinkState;
  /** Of the sends under way: when they were asked for, and until when a report is waited for. */
  awaited: { id: string; askedMs: number; untilMs: number }[];
  /** Milliseconds from the asking to the first byte, of late; null before the first send. */
  startDelayMs: number | null;
  /** When it was last tried although it looked hopeless. */
  probedAtMs: number | null;
  lastImageAtMs: number | null;
  /** Milliseconds from image to image, of late; null where they are rare. */
  intervalMs: number | null;
  metrics: number[];
}

/** The longest unused first. */
export type ClientLinks = readonly ClientLink[];

/** What is worth keeping of a link for as long as nothing happens on it. */
export interface KeptLink extends Pick<ClientLink, "key" | "startDelayMs" | "probedAtMs"> {
  bandwidth: BandwidthState | null;
}

/** A client's images come from one or two places, and by some streams; of a link that is forgotten nothing is known. */
export const MAX_LINKS = 8;
/** Of so many it is written down what they taught: a kilobyte or two each. */
export const MAX_KEPT_LINKS = 2;
/** Of the sends under way a report is late after their time and this, in milliseconds: then their Worker has gone. */
export const REPORT_LATE_MS = 2_000;
/** Milliseconds after which a link that looks hopeless is tried again. */
export const PROBE_AFTER_MS = 10_000;
/** Share of the tokens that may go into trying, where it is longer until then. */
export const PROBE_SHARE = 0.05;
/** Milliseconds without an image after which nothing is known of those to come. */
export const PACE_KEPT_MS = 10_000;
/** Taken for the way from the gate to the first byte until it is known. */
const UNKNOWN_START_DELAY_MS = 5;
const START_DELAY_WEIGHT = 0.2;
const LONGEST_START_DELAY_MS = 10_000;
const LONGEST_SEND_MS = 600_000;
const INTERVAL_WEIGHT = 0.3;
/** Values that the metrics to come are summed up in. */
const FUTURE_METRICS = 4;
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

/** What the gate knows of an image for which it has a token. */
export interface Spending {
  metric: number;
  tokenPrice: number;
  /** Tokens a second. */
  rate: number;
}

/** Counts an image among those that come over its link. To be called before {@link sendOnLink}. */
export function imageOnLink(
  links: ClientLinks,
  { link: key }: Pick<SendQuestion, "link">,
  metric: number,
  nowMs: number,
): ClientLinks {
  const before = withoutOverdue(linkOf(links, key), nowMs);
  const gapMs = before.lastImageAtMs === null ? Infinity : Math.max(1, nowMs - before.lastImageAtMs);
  const isPaced = gapMs < PACE_KEPT_MS;
  return withNewest(links, {
    ...before,
    lastImageAtMs: Math.max(nowMs, before.lastImageAtMs ?? nowMs),
    intervalMs: isPaced ? moved(before.intervalMs, gapMs, INTERVAL_WEIGHT) : null,
    metrics: rememberMetric(isPaced ? before.metrics : [], metric),
  });
}

/** How the image is best sent by what is known of its link, see `controller`; and the link with that send under way. */
export function sendOnLink(
  links: ClientLinks,
  question: SendQuestion,
  spending: Spending,
  nowMs: number,
): { links: ClientLinks; decision: ControllerDecision } {
  const known = linkOf(links, question.link);
  const input = inputOf(known, question, spending, nowMs);
  let decision = chooseOption(input);
  let { probedAtMs } = known;
  // Where a token is worth less than nothing, even an answer that cannot be in time seems worth it.
  if (decision.reason === "no-time" || decision.onTime === 0) {
    const trial = nowMs >= nextProbeMs(known, spending.rate) ? probe(input) : null;
    if (trial !== null) probedAtMs = nowMs;
    decision = trial ?? NO_TIME;
  }
  if (decision.option === null) return { links, decision };
  return { links: withNewest(links, { ...withSend(known, question, decision.option, nowMs), probedAtMs }), decision };
}

/** The send is over. Of one that is not under way, or not any more, nothing is learnt. */
export function reportOnLink(links: ClientLinks, report: SendReport, nowMs: number): ClientLinks {
  const before = links.find(({ key }) => key === report.link);
  const send = before?.link.underway.find(({ id }) => id === report.id);
  const wait = before?.awaited.find(({ id }) => id === report.id);
  if (before === undefined || send === undefined || wait === undefined) return links;
  if (report.outcome === "unclear") return forgetOnLink(links, report);
  const startDelayMs = between(0, report.startDelayMs, LONGEST_START_DELAY_MS);
  const startedMs = wait.askedMs + startDelayMs;
  const known = { ...send, startedMs, bytes: Math.max(1, report.bytes) };
  return withNewest(links, {
    ...before,
    link: endedSend(before.link, known, report, nowMs),
    awaited: before.awaited.filter((other) => other !== wait),
    startDelayMs: moved(before.startDelayMs, startDelayMs, START_DELAY_WEIGHT),
  });
}

/**
 * An answer that was given up before it was expected says nothing. One that is overdue will come later, nobody knows when:
 * it counts as twice the time that was waited, as what has lasted without a scale lasts as long again. Taken for the end,
 * the end of waiting would make every deadline look as if it could just be kept.
 */
function endedSend(link: LinkState, send: UnderwaySend, { outcome, durationMs }: SendReport, nowMs: number): LinkState {
  const started = startSend(link, send);
  const waitedMs = between(0, durationMs, LONGEST_SEND_MS);
  const endedMs = send.startedMs + waitedMs;
  // Nothing has happened after it was heard of, whatever a Worker's clock says.
  if (outcome === "answered") return endSend(started, send.id, between(send.startedMs, endedMs, nowMs));
  const isOverdue =
    link.bandwidth === null
      ? waitedMs > UNKNOWN_LINK.latencyMs[send.route] + send.bytes / UNKNOWN_LINK.throughput
      : giveUpSend(started, send.id, endedMs).bandwidth !== link.bandwidth;
  return isOverdue ? endSend(started, send.id, endedMs + waitedMs) : forgetSend(started, send.id);
}

/** The send did not happen, or the cloud refused it unseen. */
export function forgetOnLink(links: ClientLinks, { link: key, id }: SendName): ClientLinks {
  return links.map((link) => {
    if (link.key !== key) return link;
    return { ...link, link: forgetSend(link.link, id), awaited: link.awaited.filter((other) => other.id !== id) };
  });
}

/** Of the latest links what is not over when nothing happens for a while. */
export function keptLinks(links: ClientLinks): KeptLink[] {
  return links.slice(-MAX_KEPT_LINKS).map(({ key, link, startDelayMs, probedAtMs }) => {
    return { key, bandwidth: link.bandwidth, startDelayMs, probedAtMs };
  });
}

export function linksFromKept(kept: readonly KeptLink[]): ClientLinks {
  return kept.map(({ key, bandwidth, startDelayMs, probedAtMs }) => {
    return { ...unknownLink(key), link: { bandwidth, underway: [] }, startDelayMs, probedAtMs };
  });
}

const NO_TIME: ControllerDecision = { option: null, reason: "no-time", arrivalMs: null, onTime: null };

/** The leanest way that would be worth the token on a good link. */
function probe(input: ControllerInput): ControllerDecision | null {
  for (const option of input.options) {
    const decision = chooseOption({ ...input, options: [option], link: GOOD_LINK, queuedBytes: 0, intervalMs: null });
    if (decision.option !== null && decision.onTime !== 0) return decision;
  }
  return null;
}

/** Never for a bucket that does not fill: it has no tokens for trying. */
function nextProbeMs({ probedAtMs }: ClientLink, rate: number): number {
  return probedAtMs === null ? -Infinity : probedAtMs + Math.max(PROBE_AFTER_MS, 1000 / (rate * PROBE_SHARE));
}

function inputOf(
  { link: state, startDelayMs, intervalMs, metrics }: ClientLink,
  { options, deadlineLeftMs, timeoutMs }: SendQuestion,
  { metric, tokenPrice }: Spending,
  nowMs: number,
): ControllerInput {
  const delayMs = startDelayMs ?? UNKNOWN_START_DELAY_MS;
  const { link, queuedBytes } = viewLink(state, nowMs + delayMs);
  // Whoever has time need not hold back before anything is known, nor for a queue longer than what is under way.
  const isPatient = deadlineLeftMs === null;
  const isUnknown = isPatient && state.bandwidth === null;
  const patientQueue = isUnknown ? 0 : Math.min(queuedBytes, underwayBytes(state));
  const leftMs = isPatient ? timeoutMs : Math.min(deadlineLeftMs - delayMs, timeoutMs);
  return {
    metric,
    tokenPrice,
    tokens: PLENTY,
    bucket: { rate: 0, depth: PLENTY },
    link,
    queuedBytes: isPatient ? patientQueue : queuedBytes,
    options,
    futureMetrics: forecastMetrics(metrics, FUTURE_METRICS),
    deadlineLeftMs: leftMs,
    deadlineMs: leftMs,
    intervalMs: isUnknown ? null : intervalMs,
  };
}

function withSend(
  known: ClientLink,
  { id, deadlineLeftMs, timeoutMs }: SendQuestion,
  { bytes, route }: SendOption,
  nowMs: number,
): ClientLink {
  const startedMs = nowMs + (known.startDelayMs ?? UNKNOWN_START_DELAY_MS);
  const untilMs = nowMs + Math.min(deadlineLeftMs ?? Infinity, timeoutMs) + REPORT_LATE_MS;
  const others = known.awaited.filter((other) => other.id !== id).slice(1 - MAX_UNDERWAY);
  return {
    ...known,
    link: startSend(known.link, { id, bytes, startedMs, route }),
    awaited: [...others, { id, askedMs: nowMs, untilMs }],
  };
}

function underwayBytes({ underway }: LinkState): number {
  return underway.reduce((sum, { bytes }) => sum + bytes, 0);
}

function linkOf(links: ClientLinks, key: string): ClientLink {
  return links.find((link) => link.key === key) ?? unknownLink(key);
}

function unknownLink(key: string): ClientLink {
  const never = { startDelayMs: null, probedAtMs: null, lastImageAtMs: null, intervalMs: null };
  return { key, link: IDLE_LINK, awaited: [], ...never, metrics: [] };
}

function withNewest(links: ClientLinks, newest: ClientLink): ClientLinks {
  return [...links.filter(({ key }) => key !== newest.key), newest].slice(-MAX_LINKS);
}

/** Sends whose report has not come teach nothing: they do not make the link look slow for ever. */
function withoutOverdue(link: ClientLink, nowMs: number): ClientLink {
  let state = link.link;
  for (const { id, untilMs } of link.awaited) if (untilMs <= nowMs) state = forgetSend(state, id);
  return { ...link, link: state, awaited: link.awaited.filter(({ untilMs }) => untilMs > nowMs) };
}

/** The exponentially weighted mean with one more value. */
function moved(mean: number | null, value: number, weight: number): number {
  return mean === null ? value : mean + weight * (value - mean);
}

/** Not a number counts as the least. */
function between(least: number, value: number, most: number): number {
  return Math.max(least, Math.min(value, most)) || least;
}
