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
  /** Typical deviation of a send from what was to be expected of it. */
  jitterMs: number;
}

/** Sends that latencies are fitted to. */
export const FITTED_SENDS = 32;
/** Assumptions that are tried, from no latency to the shortest send. */
const TRIED = 12;
/** How far a latency moves with one send, as a share of it, unless the sends insist. */
const LATENCY_DRIFT = 0.03;
/** Share of the expectation that each send replaces. */
const NEWEST_WEIGHT = 0.4;
/** Jitter that is always reckoned with, as a share of the latency. */
const LEAST_JITTER = 0.01;

/** Of one send: its bytes took what they take at `throughput`, or half of the time where that is less. */
export function firstFit({ bytes, route, durationMs }: PastSend, throughput: number): LinkFit {
  const latencyMs: LinkFit["latencyMs"] = [null, null];
  latencyMs[route] = durationMs - Math.min(bytes / throughput, durationMs / 2);
  return { latencyMs, jitterMs: durationMs / 8 };
}

/** The fit after the last of these sends, the oldest first. */
export function refit(before: LinkFit, sends: readonly PastSend[]): LinkFit {
  const { route, durationMs } = sends[sends.length - 1];
  const known = before.latencyMs[route] ?? Math.min(latencyOf(before, route), durationMs);
  const latencyMs: LinkFit["latencyMs"] = [...before.latencyMs];
  const shortestMs = sends.reduce(
    (least, send) => (send.route === route ? Math.min(least, send.durationMs) : least),
    Infinity,
  );
  const toleranceMs = known * Math.max(LATENCY_DRIFT, 1 / sends.length) + 1e-6;
  const errors = new Float64Array(sends.length);
  let least = Infinity;
  let best = known;
  for (const assumed of assumptions(known, toleranceMs, shortestMs)) {
    latencyMs[route] = assumed;
    const misfit = meanOf(expectationErrors(sends, latencyMs, errors)) / before.jitterMs;
    const cost = misfit + ((assumed - known) / toleranceMs) ** 2;
    if (cost < least) {
      least = cost;
      best = assumed;
    }
  }
  latencyMs[route] = best;
  const jitterMs = medianOf(expectationErrors(sends, latencyMs, errors)) * 1.5;
  return { latencyMs, jitterMs: Math.max(jitterMs, LEAST_JITTER * best, 1e-6) };
}

/** Latencies from none to the shortest send, and closer to each other about the one that is known. */
function assumptions(knownMs: number, toleranceMs: number, shortestMs: number): number[] {
  const even = Array.from({ length: TRIED + 1 }, (_, step) => (shortestMs * step) / TRIED);
  const near = [-1, -0.5, -0.2, 0, 0.2, 0.5, 1].map((step) => knownMs + step * toleranceMs);
  return [...near, ...even].map((assumed) => Math.max(0, Math.min(assumed, shortestMs)));
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
    errors[index] = bytes === 0 ? 0 : Math.abs(taken - (own * ms) / bytes);
    ms += NEWEST_WEIGHT * (taken - ms);
    bytes += NEWEST_WEIGHT * (own - bytes);
  }
  return errors;
}

function meanOf(values: Float64Array): number {
  let sum = 0;
  for (const value of values) sum += value;
  return sum / values.length;
}

function medianOf(values: Float64Array): number {
  return values.toSorted()[values.length >> 1];
}
