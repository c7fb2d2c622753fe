// Predicts how long the next send over a link will take, from the sends that were observed. Two estimators of the
// throughput run side by side, and the one that erred less of late predicts: the harmonic mean of the last samples
// (Jiang, Sekar & Zhang, CoNEXT 2012) and an exponentially weighted mean. Both are weighted by bytes, as bytes over
// time is: a frame of 50 bytes says little. The lower estimate divides by 1 + the largest recent error, as RobustMPC
// does (Yin, Jindal, Sekar & Sinopoli, SIGCOMM 2015).
//
// The link is first in, first out: a send that starts while another is under way waits for it, so its own time
// counts from when that one was through. Latency is told apart by `link-filter`.
//
// The state is plain JSON of bounded size; time is passed in.
import { busyUntil, createLinkFilter, type LinkFilter, ROUTES, type Route, updateLinkFilter } from "./link-filter.ts";

export type { Route } from "./link-filter.ts";

/** A send that is not over yet, or was given up. */
export interface StartedSend {
  bytes: number;
  startedMs: number;
  route: Route;
}

export interface Send extends StartedSend {
  /** When its answer was there. */
  endedMs: number;
}

/** So many bytes took so long, without latency or waiting. */
export interface TransferSample {
  bytes: number;
  ms: number;
}

export interface BandwidthState {
  filter: LinkFilter;
  /** The last samples, the oldest first. */
  recent: TransferSample[];
  /** Exponentially weighted sums of all samples. */
  weighted: TransferSample;
  /** Sends too short to be told from jitter, until together they are one sample. */
  gathered: TransferSample & { sends: number };
  /** Largest recent error of each estimator, relative to what was measured; older ones fade. */
  errors: { harmonic: number; weighted: number };
  /** How much later than predicted answers came of late, the mean absolute deviation in milliseconds. */
  spreadMs: number;
  /** The latest send, and when its answer was there. */
  last: { endedMs: number; route: Route };
}

export interface LinkPrediction {
  /** Bytes a millisecond, above 0. */
  throughput: number;
  /** The lower estimate: at most `throughput`, above 0. */
  robustThroughput: number;
  /** Milliseconds besides waiting and bytes: round trip and service. */
  latencyMs: Record<Route, number>;
  /** What latency may be longer by. */
  latencySpreadMs: number;
}

/** What is taken of a link of which nothing is known: 1 Mbit/s and the cloud near by. */
export const UNKNOWN_LINK: LinkPrediction = {
  throughput: 125,
  robustThroughput: 62.5,
  latencyMs: { tail: 30, large: 40 },
  latencySpreadMs: 10,
};

export const RECENT_SAMPLES = 5;
/** Share of the weighted mean that each sample replaces. */
const SAMPLE_WEIGHT = 0.4;
/** Milliseconds after which an error counts for half. */
const ERROR_FADES_MS = 1500;
/** A send is one sample when its bytes take so many times its jitter. */
const SAMPLE_OVER_JITTER = 3;
const LARGEST_ERROR = 9;
/** Milliseconds without a send after which the lower estimate allows for half a change more; in the limit for one. */
const STALE_MS = 10_000;
const SPREAD_WEIGHT = 0.1;
/** Milliseconds and bytes beyond which nothing is a send; keeps sums finite. */
const LONGEST_MS = 86_400_000;
const MOST_BYTES = 2 ** 40;

/**
 * The state after a send has ended; null is a link of which nothing is known. Times that go backwards count as no time.
 *
 * @param prior what was taken of a link of which nothing was known
 * @throws RangeError for bytes or times that are no numbers, or bytes that are none
 */
export function observeSend(
  before: BandwidthState | null,
  send: Send,
  prior: LinkPrediction = UNKNOWN_LINK,
): BandwidthState {
  checkSend(send, send.endedMs);
  const { bytes, route } = send;
  if (before === null) return firstState(send, prior);
  const { last } = before;
  const waited = busyUntil(before.filter, last.route, last.endedMs) > send.startedMs;
  const factors: [number, number, number] = [0, 0, bytes];
  factors[ROUTES.indexOf(route)] += 1;
  if (waited) factors[ROUTES.indexOf(last.route)] -= 1;
  const observedMs = clampMs(send.endedMs - (waited ? last.endedMs : send.startedMs));
  const elapsedMs = clampMs(send.endedMs - last.endedMs);
  const durationMs = clampMs(send.endedMs - send.startedMs);
  const filter = updateLinkFilter(before.filter, route, { factors, observedMs, durationMs }, elapsedMs);
  const latencyMs = filter.mean[0] * factors[0] + filter.mean[1] * factors[1];
  const transferMs = Math.max(observedMs - latencyMs, (bytes * filter.mean[2]) / 8);
  const expectedMs = latencyMs + bytes * before.filter.mean[2];
  const isLast = send.endedMs >= last.endedMs;
  return {
    ...withTransfer(before, { bytes, ms: transferMs }, filter, elapsedMs),
    filter,
    spreadMs: before.spreadMs + SPREAD_WEIGHT * (jitterOf(observedMs - expectedMs, filter) - before.spreadMs),
    last: isLast ? { endedMs: send.endedMs, route } : last,
  };
}

/**
 * The state after a send was given up at `nowMs`: it took at least until then. That counts as its time where it is
 * longer than was predicted; otherwise nothing is learnt.
 */
export function observeUnfinished(
  before: BandwidthState | null,
  send: StartedSend,
  nowMs: number,
): BandwidthState | null {
  checkSend(send, nowMs);
  if (before === null) return null;
  const { throughput, latencyMs } = predictLink(before, nowMs);
  const freeMs = before.last.endedMs - latencyMs[before.last.route];
  const expectedMs = latencyMs[send.route] + send.bytes / throughput;
  const isLonger = nowMs - Math.max(send.startedMs, freeMs) > expectedMs;
  return isLonger ? observeSend(before, { ...send, endedMs: nowMs }) : before;
}

/** @param prior what is taken of a link of which nothing is known */
export function predictLink(
  state: BandwidthState | null,
  nowMs: number,
  prior: LinkPrediction = UNKNOWN_LINK,
): LinkPrediction {
  if (state === null) return prior;
  const { errors, filter, spreadMs } = state;
  const { harmonic, weighted } = estimates(state);
  const isHarmonic = errors.harmonic <= errors.weighted;
  const throughput = isHarmonic ? harmonic : weighted;
  const ageMs = clampMs(nowMs - state.last.endedMs);
  const error = faded(Math.min(errors.harmonic, errors.weighted), ageMs) + ageMs / (ageMs + STALE_MS);
  return {
    throughput,
    robustThroughput: throughput / (1 + error),
    latencyMs: { tail: latencyOf(filter, 0), large: latencyOf(filter, 1) },
    latencySpreadMs: spreadMs,
  };
}

/** Both estimates of the throughput, in bytes a millisecond. */
export function estimates({ recent, weighted }: Pick<BandwidthState, "recent" | "weighted">) {
  let bytes = 0;
  let ms = 0;
  for (const sample of recent) {
    bytes += sample.bytes;
    ms += sample.ms;
  }
  return { harmonic: bytes / ms, weighted: weighted.bytes / weighted.ms };
}

function firstState({ bytes, startedMs, endedMs, route }: Send, prior: LinkPrediction): BandwidthState {
  const durationMs = clampMs(endedMs - startedMs);
  const filter = createLinkFilter(route, bytes, durationMs, prior.throughput);
  const sample = { bytes, ms: bytes * filter.mean[2] };
  return {
    filter,
    recent: [sample],
    weighted: sample,
    gathered: { bytes: 0, ms: 0, sends: 0 },
    errors: { harmonic: 1, weighted: 1 },
    spreadMs: durationMs / 4,
    last: { endedMs, route },
  };
}

/** Samples and errors with one more transfer, which may have to wait for others to be told from jitter. */
function withTransfer(before: BandwidthState, transfer: TransferSample, filter: LinkFilter, elapsedMs: number) {
  const gathered = {
    bytes: before.gathered.bytes + transfer.bytes,
    ms: before.gathered.ms + transfer.ms,
    sends: before.gathered.sends + 1,
  };
  const errors = {
    harmonic: faded(before.errors.harmonic, elapsedMs),
    weighted: faded(before.errors.weighted, elapsedMs),
  };
  const isSample = gathered.ms >= SAMPLE_OVER_JITTER * Math.sqrt(filter.noise * gathered.sends);
  const { recent, weighted } = before;
  if (!isSample) return { recent, weighted, errors, gathered };
  const sample = { bytes: gathered.bytes, ms: gathered.ms };
  const actual = sample.bytes / sample.ms;
  const predicted = estimates(before);
  return {
    recent: [...recent.slice(1 - RECENT_SAMPLES), sample],
    weighted: {
      bytes: weighted.bytes + SAMPLE_WEIGHT * (sample.bytes - weighted.bytes),
      ms: weighted.ms + SAMPLE_WEIGHT * (sample.ms - weighted.ms),
    },
    errors: {
      harmonic: Math.max(errors.harmonic, relativeError(predicted.harmonic, actual)),
      weighted: Math.max(errors.weighted, relativeError(predicted.weighted, actual)),
    },
    gathered: { bytes: 0, ms: 0, sends: 0 },
  };
}

function relativeError(predicted: number, actual: number): number {
  return Math.min(Math.abs(predicted - actual) / actual, LARGEST_ERROR);
}

function faded(error: number, elapsedMs: number): number {
  return error / (1 + elapsedMs / ERROR_FADES_MS);
}

/** How far off a send was, as far as that is jitter and no changed link. */
function jitterOf(missMs: number, filter: LinkFilter): number {
  return Math.min(Math.abs(missMs), 3 * Math.sqrt(filter.noise));
}

function latencyOf({ mean, shortestMs }: LinkFilter, index: 0 | 1): number {
  return shortestMs[index] === null ? mean[1 - index] : mean[index];
}

function clampMs(ms: number): number {
  return Math.max(0, Math.min(ms, LONGEST_MS));
}

function checkSend({ bytes, startedMs }: StartedSend, endedMs: number): void {
  if (!(bytes >= 1 && bytes <= MOST_BYTES)) throw new RangeError(`bytes: expected 1 to ${MOST_BYTES}, got ${bytes}`);
  if (!Number.isFinite(startedMs)) throw new RangeError(`startedMs: expected a finite number, got ${startedMs}`);
  if (!Number.isFinite(endedMs)) throw new RangeError(`endedMs: expected a finite number, got ${endedMs}`);
}
