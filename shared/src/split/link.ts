// One link as a reducer: the sends that are under way, and what the past ones taught about it. The Durable Object,
// the stream and the simulator keep it alike. Plain JSON of bounded size; time is passed in.
import {
  type BandwidthState,
  type LinkPrediction,
  observeSend,
  observeUnfinished,
  predictLink,
  type StartedSend,
} from "./bandwidth.ts";

export interface UnderwaySend extends StartedSend {
  /** Of the caller's choice; no other send under way has it. */
  id: string;
}

export interface LinkState {
  bandwidth: BandwidthState | null;
  /** In the order in which they started. */
  underway: UnderwaySend[];
}

export interface LinkView {
  link: LinkPrediction;
  /** Bytes that still wait to be sent, as far as can be told. */
  queuedBytes: number;
}

/** The oldest are forgotten beyond these: whoever started them has gone. */
export const MAX_UNDERWAY = 64;
export const FORGET_UNDERWAY_MS = 60_000;

/**
 * Until so many answers are there, one send at a time: sends that wait for each other on a link of which nothing is
 * known make its latency look longer than it is.
 */
export const FIRST_ALONE = 3;
/** What is taken for the queue then: longer than any deadline. */
const UNKNOWN_QUEUE_MS = 1e6;

export const IDLE_LINK: LinkState = { bandwidth: null, underway: [] };

export function startSend({ bandwidth, underway }: LinkState, send: UnderwaySend): LinkState {
  const remembered = underway.filter(({ id, startedMs }) => {
    return id !== send.id && startedMs >= send.startedMs - FORGET_UNDERWAY_MS;
  });
  return { bandwidth, underway: [...remembered.slice(1 - MAX_UNDERWAY), send] };
}

/** The answer is there. An unknown id changes nothing. */
export function endSend({ bandwidth, underway }: LinkState, id: string, endedMs: number): LinkState {
  const send = underway.find((other) => other.id === id);
  if (send === undefined) return { bandwidth, underway };
  const { bytes, startedMs, route } = send;
  return {
    bandwidth: observeSend(bandwidth, { bytes, startedMs, endedMs, route }),
    underway: underway.filter((other) => other !== send),
  };
}

/** Nobody waits for the answer any more: it came too late, or never. An unknown id changes nothing. */
export function giveUpSend({ bandwidth, underway }: LinkState, id: string, nowMs: number): LinkState {
  const send = underway.find((other) => other.id === id);
  if (send === undefined) return { bandwidth, underway };
  return {
    bandwidth: observeUnfinished(bandwidth, send, nowMs),
    underway: underway.filter((other) => other !== send),
  };
}

/** The send took no time of the link's and taught nothing, as when the cloud refused it unseen. */
export function forgetSend({ bandwidth, underway }: LinkState, id: string): LinkState {
  return { bandwidth, underway: underway.filter((other) => other.id !== id) };
}

/**
 * What to expect of the next send. A send under way that should be over by now says that the link is slower than was
 * believed: at most its bytes over the time that it has taken.
 */
export function viewLink({ bandwidth, underway }: LinkState, nowMs: number): LinkView {
  const predicted = predictLink(bandwidth, nowMs);
  let { throughput } = predicted;
  let freeMs = bandwidth === null ? -Infinity : bandwidth.last.endedMs - predicted.latencyMs[bandwidth.last.route];
  for (const { bytes, startedMs, route } of underway) {
    const fromMs = Math.max(startedMs, freeMs);
    const takenMs = nowMs - fromMs - predicted.latencyMs[route] - predicted.latencySpreadMs;
    if (bytes < takenMs * throughput) throughput = bytes / takenMs;
    freeMs = fromMs + bytes / throughput;
  }
  const robustThroughput = Math.min(throughput, predicted.robustThroughput);
  const isNew = (bandwidth?.sends.length ?? 0) < FIRST_ALONE;
  const queuedMs = underway.length === 0 ? 0 : isNew ? UNKNOWN_QUEUE_MS : Math.max(0, freeMs - nowMs);
  return { link: { ...predicted, throughput, robustThroughput }, queuedBytes: queuedMs * throughput };
}
