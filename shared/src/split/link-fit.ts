// Tells apart what a send's time consists of: the latency of its route (round trip and service, whatever the size),
// the wait behind the sends before it, and the time of its own bytes. A send alone says only how long all took together.
//
// The link is first in, first out, so that the bytes of send i took
//
//   t_i = min(duration_i, ended_i - ended_before + latency of the one before) - latency of its own route,
//
// for any latencies that one may assume. Of wrong ones the t_i tell: sends of other sizes, or after other waits, then
// seem to find another link. So latencies are fitted to the last sends: the assumption is taken with which each send's
// bytes take what those before it would have made expect, and it moves no faster than the sends have reason to.

export const ROUTES = ["tail", "large"] as const;
export type Route = (typeof ROUTES)[number];

/** What is remembered of a send. */
export interface PastSend {
  bytes: number;
  /** Index in `ROUTES`. */
  route: number;
  /** From start to answer. */
  durationMs: number;
  /** From the answer before to this one. */
  sinceMs: number;
}

export interface LinkFit {
  /** Of tail and large; null for one that was never used. */
  latencyMs: [number | null, number | null];
  /** How far each may be off. */
  doubtMs: [number, number];
  /** The shortest send of each route, which no latency is above; it grows slowly, as a way may become longer. */
  shortestMs: [number | null, number | null];
  /** Typical deviation of a send from what was to be expected of it. */
  jitterMs: number;
}

/** Sends that latencies are fitted to. */
export const FITTED_SENDS = 32;
/** Assumptions that are tried, in units of the doubt about what is known, */
const NEAR = [0, 0.1, 0.25, 0.5, 0.75, 1, 1.5, 2, 3].flatMap((step) => (step === 0 ? [0] : [-step, step]));
/** and as shares of the shortest send. */
const FAR = [0, 0.25, 0.5, 0.7, 0.85, 0.95, 1];
/** Share of the shortest send that latency is at most: its bytes took some time. */
const MOST_LATENCY = 0.98;
/** Doubt that a second adds and the least and the most that there is, as shares of the latency. */
const DOUBT_DRIFT = 0.02;
const LEAST_DOUBT = 0.005;
const MOST_DOUBT = 0.5;
/** What a second adds to the shortest send, as a share of it. */
const SHORTEST_DRIFT = 0.02;
/** Share of the expectation that each send replaces. */
const NEWEST_WEIGHT = 0.4;
/** Jitter that is always reckoned with, as a share of the latency. */
const LEAST_JITTER = 0.01;

/** Of one send: its bytes took what they take at `throughput`, or half of the time where that is less. */
export function firstFit({ bytes, route, durationMs }: PastSend, throughput: number): LinkFit {
  const latencyMs: LinkFit["latencyMs"] = [null, null];
  latencyMs[route] = durationMs - Math.min(bytes / throughput, durationMs / 2);
  const doubtMs = latencyMs[route] * MOST_DOUBT;
  const shortestMs: LinkFit["shortestMs"] = [null, null];
  shortestMs[route] = durationMs;
  return { latencyMs, doubtMs: [doubtMs, doubtMs], shortestMs, jitterMs: durationMs / 8 };
}

/** The fit after the last of these sends, the oldest first. */
export function refit(before: LinkFit, sends: readonly PastSend[]): LinkFit {
  const newest = sends[sends.length - 1];
  const { route, durationMs } = newest;
  const isFirst = before.latencyMs[route] === null;
  const knownMs = isFirst ? Math.min(latencyOf(before, route), durationMs) : latencyOf(before, route);
  const doubtMs = isFirst ? knownMs * MOST_DOUBT : grownDoubt(before.doubtMs[route], knownMs, newest.sinceMs);
  const shortestMs = Math.min(durationMs, (before.shortestMs[route] ?? Infinity) * grown(newest.sinceMs));
  const latencyMs: LinkFit["latencyMs"] = [...before.latencyMs];
  const errors = new Float64Array(sends.length);
  let least = Infinity;
  let bestMs = knownMs;
  for (const tried of [...NEAR.map((step) => knownMs + step * doubtMs), ...FAR.map((share) => share * shortestMs)]) {
    const assumedMs = Math.max(0, Math.min(tried, MOST_LATENCY * shortestMs));
    latencyMs[route] = assumedMs;
    const misfitMs = sumOf(expectationErrors(sends, latencyMs, errors));
    const cost = misfitMs / before.jitterMs + Math.abs(assumedMs - knownMs) / Math.max(doubtMs, 1e-9);
    if (cost < least) {
      least = cost;
      bestMs = assumedMs;
    }
  }
  latencyMs[route] = bestMs;
  const jitterMs = Math.max(medianOf(expectationErrors(sends, latencyMs, errors)) * 1.5, LEAST_JITTER * bestMs, 1e-6);
  const told = tellsOf(sends, latencyMs, route, jitterMs);
  const doubts: LinkFit["doubtMs"] = [...before.doubtMs];
  doubts[route] = Math.max(doubtMs / Math.sqrt(1 + ((told * doubtMs) / jitterMs) ** 2), LEAST_DOUBT * bestMs);
  const shortest: LinkFit["shortestMs"] = [...before.shortestMs];
  shortest[route] = shortestMs;
  return { latencyMs, doubtMs: doubts, shortestMs: shortest, jitterMs };
}

function grown(elapsedMs: number): number {
  return 1 + (SHORTEST_DRIFT * elapsedMs) / 1000;
}

function grownDoubt(doubtMs: number, latencyMs: number, elapsedMs: number): number {
  const drifted = Math.sqrt(doubtMs ** 2 + (DOUBT_DRIFT * latencyMs) ** 2 * (elapsedMs / 1000));
  return Math.max(doubtMs, Math.min(drifted, MOST_DOUBT * latencyMs));
}

/** What the newest send tells of its route's latency: by how much its error changes with it, at most about 1. */
function tellsOf(sends: readonly PastSend[], latencyMs: LinkFit["latencyMs"], route: number, jitterMs: number): number {
  const errorAt = (assumedMs: number) => {
    const assumed: LinkFit["latencyMs"] = [...latencyMs];
    assumed[route] = Math.max(0, assumedMs);
    return newestError(sends, assumed);
  };
  const bestMs = latencyMs[route] ?? 0;
  return (errorAt(bestMs + jitterMs) - errorAt(bestMs - jitterMs)) / (2 * jitterMs);
}

/** Milliseconds that the bytes of each send took under these latencies, above 0. */
export function transferMsOf(sends: readonly PastSend[], latencyMs: LinkFit["latencyMs"], index: number): number {
  const { durationMs, sinceMs, route } = sends[index];
  const before = index === 0 ? Infinity : sinceMs + (latencyMs[sends[index - 1].route] ?? 0);
  return Math.max(Math.min(durationMs, before) - (latencyMs[route] ?? 0), 0);
}

/** The latency of a route; of one that was never used, that of the other. */
export function latencyOf({ latencyMs }: LinkFit, route: number): number {
  return latencyMs[route] ?? latencyMs[1 - route] ?? 0;
}

/** How much longer or shorter each send's bytes took than those before it would have made expect. */
function expectationErrors(
  sends: readonly PastSend[],
  latencyMs: LinkFit["latencyMs"],
  errors: Float64Array,
): Float64Array {
  let ms = 0;
  let bytes = 0;
  for (let index = 0; index < sends.length; index++) {
    const own = sends[index].bytes;
    const taken = transferMsOf(sends, latencyMs, index);
    errors[index] = bytes === 0 ? 0 : taken - (own * ms) / bytes;
    ms += NEWEST_WEIGHT * (taken - ms);
    bytes += NEWEST_WEIGHT * (own - bytes);
  }
  return errors;
}

function newestError(sends: readonly PastSend[], latencyMs: LinkFit["latencyMs"]): number {
  return expectationErrors(sends, latencyMs, new Float64Array(sends.length))[sends.length - 1];
}

function sumOf(errors: Float64Array): number {
  let sum = 0;
  for (const error of errors) sum += Math.abs(error);
  return sum;
}

function medianOf(errors: Float64Array): number {
  return errors.map(Math.abs).sort()[errors.length >> 1];
}
