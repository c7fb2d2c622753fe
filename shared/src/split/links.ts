// The links of one client, by the names that the Workers give them: a place from which its images come, or a stream.
// For each what `link` and `bandwidth` know of it, and how fast and how hard its images come, which is what the
// controller plans with. A reducer like the gate, beside which it lives: pure, of bounded size, time is passed in.
import { type BandwidthState, UNKNOWN_LINK } from "./bandwidth.ts";
import { type ClientLink, type SendQuestion, startDelayOf, unknownLink } from "./client-link.ts";
import type { ControllerDecision, SendOption } from "./controller.ts";
import { endSend, forgetSend, giveUpSend, type LinkState, MAX_UNDERWAY, startSend, type UnderwaySend } from "./link.ts";
import { rememberMetric } from "./metric-forecast.ts";
import { chooseSend, type Spending } from "./send-choice.ts";

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

/** The longest unused first. */
export type ClientLinks = readonly ClientLink[];

/** What is worth keeping of a link for as long as nothing happens on it. */
export interface KeptLink extends Pick<ClientLink, "key" | "startDelayMs" | "probedAtMs"> {
  bandwidth: BandwidthState | null;
}

/**
 * A client's images come from one or two places, and by up to eight streams, each a link of its own. One that is
 * forgotten teaches nothing, however often it is used: with one link more than this in turn, none would be known.
 */
export const MAX_LINKS = 16;
/** Of so many it is written down what they taught: a kilobyte or two each. */
export const MAX_KEPT_LINKS = 2;
/** Of the sends under way a report is late after their time and this, in milliseconds: then their Worker has gone. */
export const REPORT_LATE_MS = 2_000;
/** Milliseconds without an image after which nothing is known of those to come. */
export const PACE_KEPT_MS = 10_000;
const START_DELAY_WEIGHT = 0.2;
const LONGEST_START_DELAY_MS = 10_000;
const LONGEST_SEND_MS = 600_000;
const INTERVAL_WEIGHT = 0.3;
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

/** How the image is best sent, see {@link chooseSend}; and its link with that send under way. */
export function sendOnLink(
  links: ClientLinks,
  question: SendQuestion,
  spending: Spending,
  nowMs: number,
): { links: ClientLinks; decision: ControllerDecision } {
  const known = linkOf(links, question.link);
  const { decision, isProbe } = chooseSend(known, question, spending, nowMs);
  if (decision.option === null) return { links, decision };
  const sending = withSend(known, question, decision.option, nowMs);
  const probedAtMs = isProbe ? nowMs : known.probedAtMs;
  return { links: withNewest(links, { ...sending, probedAtMs }), decision };
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

function withSend(
  known: ClientLink,
  { id, deadlineLeftMs, timeoutMs }: SendQuestion,
  { bytes, route }: SendOption,
  nowMs: number,
): ClientLink {
  const startedMs = nowMs + startDelayOf(known);
  const untilMs = nowMs + Math.min(deadlineLeftMs ?? Infinity, timeoutMs) + REPORT_LATE_MS;
  const others = known.awaited.filter((other) => other.id !== id).slice(1 - MAX_UNDERWAY);
  return {
    ...known,
    link: startSend(known.link, { id, bytes, startedMs, route }),
    awaited: [...others, { id, askedMs: nowMs, untilMs }],
  };
}

function linkOf(links: ClientLinks, key: string): ClientLink {
  return links.find((link) => link.key === key) ?? unknownLink(key);
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
