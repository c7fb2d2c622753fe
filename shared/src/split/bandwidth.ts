// Predicts how long the next send over a link will take, from the sends that were observed. Two estimators of the
// throughput run side by side, and the one that erred less of late predicts: the harmonic mean of the last sends
// (Jiang, Sekar & Zhang, CoNEXT 2012) and an exponentially weighted mean. Both weigh by bytes, as bytes over time
// does: a frame of 50 bytes says little. The lower estimate divides by 1 + the largest recent error, as RobustMPC
// does (Yin, Jindal, Sekar & Sinopoli, SIGCOMM 2015). Latency and waiting are told apart by `link-fit`.
//
// The state is plain JSON of bounded size; time is passed in.
import {
  FITTED_SENDS,
  firstFit,
  type LinkFit,
  latencyOf,
  type PastSend,
  ROUTES,
  type Route,
  refit,
  transferMsOf,
} from "./link-fit.ts";

export type { Route } from "./link-fit.ts";

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

export interface BandwidthState {
  /** The last ones, the oldest first. */
  sends: PastSend[];
  fit: LinkFit;
  /** Largest recent error of each estimator, relative to what was measured; older ones fade. */
  errors: { harmonic: number; weighted: number };
  /** The answer that came last. */
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

/**
 * What is taken of a link of which nothing is known: 128 kbit/s and the cloud near by. Of a fast link more is soon
 * known, whatever it was taken for. A slow one that is taken for fast looks all latency, and what would show otherwise
 * is not sent: with 1 Mbit/s here, which is about what the shared traces have, the simulated controller, which does not
 * try what looks hopeless, gains 2.7 % ± 0.6 % less on their tuning half, and at a tenth of their throughput 33 % of the
 * optimum rather than 91 %.
 */
export const UNKNOWN_LINK: LinkPrediction = {
  throughput: 16,
  robustThroughput: 8,
  latencyMs: { tail: 30, large: 40 },
  latencySpreadMs: 10,
};

/** Sends that the harmonic mean is over, at least, and at most where they are too short to be told from jitter. */
export const LEAST_AVERAGED = 5;
export const MOST_AVERAGED = 16;
/** Sends are averaged until together they take so many times the jitter of their sum. */
const OVER_JITTER = 8;
/** Share of the weighted mean that each send replaces. */
const SEND_WEIGHT = 0.4;
/** Jitter, in units of the typical one, that is no error of the throughput. */
const EXPECTED_JITTER = 2;
/** Milliseconds after which an error counts for half, where no sends come; for a little less where they do. */
const ERROR_FADES_MS = 1500;
const LARGEST_ERROR = 9;
/** Milliseconds without a send after which the lower estimate allows for half a change more; in the limit for one. */
const STALE_MS = 10_000;
/** Milliseconds and bytes beyond which nothing is a send; keeps sums finite. */
const LONGEST_MS = 86_400_000;
const SHORTEST_MS = 1e-3;
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
  const { bytes, route, startedMs, endedMs } = send;
  const sinceMs = before === null ? LONGEST_MS : clampMs(endedMs - before.last.endedMs);
  const durationMs = Math.max(clampMs(endedMs - startedMs), SHORTEST_MS);
  const past: PastSend = { bytes, route: ROUTES.indexOf(route), durationMs, sinceMs };
  if (before === null) {
    const errors = { harmonic: 0, weighted: 0 };
    return { sends: [past], fit: firstFit(past, prior.throughput), errors, last: { endedMs, route } };
  }
  const sends = [...before.sends.slice(1 - FITTED_SENDS), past];
  const fit = refit(before.fit, sends);
  const takenMs = transferMsOf(sends, fit.latencyMs, sends.length - 1);
  const expected = estimates(before);
  const errorOf = (throughput: number, known: number) => {
    const expectedMs = bytes / throughput;
    const missMs = Math.abs(expectedMs - takenMs) - EXPECTED_JITTER * fit.jitterMs;
    // Of a send that takes less than its jitter, nobody can tell how far off its bytes were.
    const error = Math.max(0, missMs) / Math.max(expectedMs, OVER_JITTER * fit.jitterMs);
    return Math.max(Math.min(error, LARGEST_ERROR), faded(known, sinceMs));
  };
  return {
    sends,
    fit,
    errors: {
      harmonic: errorOf(expected.harmonic, before.errors.harmonic),
      weighted: errorOf(expected.weighted, before.errors.weighted),
    },
    last: endedMs >= before.last.endedMs ? { endedMs, route } : before.last,
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
  const { errors, fit, last } = state;
  const { harmonic, weighted } = estimates(state);
  const throughput = errors.harmonic <= errors.weighted ? harmonic : weighted;
  const ageMs = clampMs(nowMs - last.endedMs);
  const known = faded(Math.min(errors.harmonic, errors.weighted), ageMs);
  // What few sends, or old ones, say may be off by more than they show.
  const error = known + 1 / state.sends.length + ageMs / (ageMs + STALE_MS);
  return {
    throughput,
    robustThroughput: throughput / (1 + error),
    latencyMs: { tail: latencyOf(fit, 0), large: latencyOf(fit, 1) },
    latencySpreadMs: EXPECTED_JITTER * fit.jitterMs,
  };
}

/** Both estimates of the throughput, in bytes a millisecond. */
export function estimates({ sends, fit }: Pick<BandwidthState, "sends" | "fit">) {
  const recent = { bytes: 0, ms: 0 };
  const weighted = { bytes: 0, ms: 0 };
  let weight = 1;
  for (let count = 1; count <= Math.min(sends.length, MOST_AVERAGED); count++) {
    const index = sends.length - count;
    const ms = Math.max(transferMsOf(sends, fit.latencyMs, index), SHORTEST_MS);
    const isNeeded = count <= LEAST_AVERAGED || recent.ms < OVER_JITTER * fit.jitterMs * Math.sqrt(count - 1);
    if (isNeeded) {
      recent.bytes += sends[index].bytes;
      recent.ms += ms;
    }
    weighted.bytes += weight * sends[index].bytes;
    weighted.ms += weight * ms;
    weight *= 1 - SEND_WEIGHT;
  }
  return { harmonic: recent.bytes / recent.ms, weighted: weighted.bytes / weighted.ms };
}

function faded(error: number, elapsedMs: number): number {
  return error / (1 + elapsedMs / ERROR_FADES_MS);
}

function clampMs(ms: number): number {
  return Math.max(0, Math.min(ms, LONGEST_MS));
}

function checkSend({ bytes, startedMs }: StartedSend, endedMs: number): void {
  if (!(bytes >= 1 && bytes <= MOST_BYTES)) throw new RangeError(`bytes: expected 1 to ${MOST_BYTES}, got ${bytes}`);
  if (!Number.isFinite(startedMs)) throw new RangeError(`startedMs: expected a finite number, got ${startedMs}`);
  if (!Number.isFinite(endedMs)) throw new RangeError(`endedMs: expected a finite number, got ${endedMs}`);
}
