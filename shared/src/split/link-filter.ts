// What a link's sends have in common, told apart from each other: the latency of each route (round trip and service,
// whatever the size) and the time that a byte takes. A send alone says only how long both took together.
//
// It is a regression that forgets, as a Kalman filter (Kalman 1960) over the state x = [latency of tail, latency of
// large, milliseconds a byte]: a send of b bytes by route r that found the link idle took y = latency_r + b * x_2,
// and one that waited behind another ended y = latency_r - latency_before + b * x_2 after it. The time a byte takes
// wanders fast and latencies slowly, so that a changed link is not taken for a changed latency, even where a
// controller sends less the slower the link is and all sends take equally long.

export const ROUTES = ["tail", "large"] as const;
export type Route = (typeof ROUTES)[number];

export interface LinkFilter {
  /** Milliseconds of tail and large, milliseconds a byte. */
  mean: [number, number, number];
  /** Rows of the symmetric matrix, [3 x 3]. */
  covariance: number[];
  /** Variance of what the state does not explain: jitter, in square milliseconds. */
  noise: number;
  /** The shortest recent send of tail and large, which had at least the latency; null before the first. */
  shortestMs: [number | null, number | null];
}

/** One equation about the state: `observedMs` = sum of `factors` x state, and jitter. */
export interface LinkEquation {
  factors: readonly [number, number, number];
  observedMs: number;
  /** From start to answer. */
  durationMs: number;
}

/** Relative standard deviation that a second adds, of the time a byte takes and of latencies. */
const BYTE_DRIFT = 0.5;
const LATENCY_DRIFT = 0.05;
/** Jitter that is always reckoned with, as a share of the latency. */
const LEAST_JITTER = 0.02;
/** Standard deviations beyond which a send is a surprise: a changed link, as far as its bytes can tell, or a hiccup. */
const SURPRISE = 3;
/** How much of the estimated jitter each send replaces. */
const NOISE_WEIGHT = 0.1;
/** An estimate changes by no more than this factor with one send. */
const MOST_CHANGE = 8;
/** What a second adds to the shortest send: a way that has become longer must not be measured by the old one. */
const SHORTEST_DRIFT = 0.02;

/**
 * Knows one send, whose bytes took what they take at `throughput`, or half of the time where that is less; neither is
 * trusted.
 */
export function createLinkFilter(route: Route, bytes: number, durationMs: number, throughput: number): LinkFilter {
  const duration = Math.max(durationMs, 1e-3);
  const perByte = Math.min(1 / throughput, duration / 2 / bytes);
  const latency = duration - perByte * bytes;
  return {
    mean: [latency, latency, perByte],
    covariance: [latency ** 2, 0, 0, 0, latency ** 2, 0, 0, 0, perByte ** 2],
    noise: (latency * 0.1) ** 2,
    shortestMs: ROUTES.map((name) => (name === route ? duration : null)) as LinkFilter["shortestMs"],
  };
}

/** When the link was surely busy until, if a send by `route` had its answer at `endedMs`. */
export function busyUntil({ mean, shortestMs }: LinkFilter, route: Route, endedMs: number): number {
  const index = ROUTES.indexOf(route);
  return endedMs - (shortestMs[index] ?? mean[index]);
}

/** The filter after a send, `elapsedMs` after the one before. */
export function updateLinkFilter(
  before: LinkFilter,
  route: Route,
  { factors, observedMs, durationMs }: LinkEquation,
  elapsedMs: number,
): LinkFilter {
  const filter = drifted(withShortest(before, route, durationMs, elapsedMs), elapsedMs);
  const { mean, covariance, noise } = filter;
  const perByte = mean[2];
  const bytes = factors[2];
  let spread = variance(covariance, factors) + noise;
  let surpriseMs = observedMs - dot(mean, factors);
  const unexplained = surpriseMs ** 2 / SURPRISE ** 2 - spread;
  if (unexplained > 0) {
    // As much of it as bytes can explain is a changed link; the rest is a hiccup, and is cut off.
    const boost = Math.min(unexplained / bytes ** 2, (2 * perByte) ** 2);
    covariance[8] += boost;
    spread += boost * bytes ** 2;
    const most = SURPRISE * Math.sqrt(spread);
    surpriseMs = Math.max(-most, Math.min(surpriseMs, most));
  }
  const gain = [0, 1, 2].map((row) => rowTimes(covariance, row, factors) / spread);
  const moved = mean.map((value, row) => value + gain[row] * surpriseMs);
  const shareOfNoise = noise / spread;
  return {
    ...filter,
    mean: [
      Math.max(0, moved[0]),
      Math.max(0, moved[1]),
      Math.max(perByte / MOST_CHANGE, Math.min(moved[2], perByte * MOST_CHANGE)),
    ],
    covariance: reduced(covariance, gain, factors),
    // What large sends miss by is mostly the link; small ones tell jitter.
    noise: noise + NOISE_WEIGHT * shareOfNoise * (surpriseMs ** 2 - spread) * shareOfNoise,
  };
}

/** Time makes every estimate less certain, up to as uncertain as it is large. */
function drifted(filter: LinkFilter, elapsedMs: number): LinkFilter {
  const { mean } = filter;
  const covariance = [...filter.covariance];
  const seconds = Math.max(0, elapsedMs) / 1000;
  for (const [index, value] of mean.entries()) {
    const drift = index === 2 ? BYTE_DRIFT : LATENCY_DRIFT;
    const at = index * 4;
    covariance[at] = Math.max(covariance[at], Math.min(covariance[at] + (drift * value) ** 2 * seconds, value ** 2));
  }
  const latency = Math.max(...mean.slice(0, 2).filter((_, index) => filter.shortestMs[index] !== null));
  const noise = Math.max(filter.noise, (LEAST_JITTER * latency) ** 2, Number.MIN_VALUE);
  return { ...filter, covariance, noise };
}

/** A route seen for the first time is taken to be like the other, and not to be trusted. */
function withShortest(filter: LinkFilter, route: Route, durationMs: number, elapsedMs: number): LinkFilter {
  const index = ROUTES.indexOf(route);
  const known = filter.shortestMs[index];
  const grown = known === null ? Infinity : known * (1 + (SHORTEST_DRIFT * elapsedMs) / 1000);
  const shortestMs: LinkFilter["shortestMs"] = [...filter.shortestMs];
  shortestMs[index] = Math.min(grown, Math.max(durationMs, 1e-3));
  if (known !== null) return { ...filter, shortestMs };
  const mean: LinkFilter["mean"] = [...filter.mean];
  mean[index] = mean[1 - index];
  const covariance = filter.covariance.map((value, at) => {
    const [row, column] = [Math.floor(at / 3), at % 3];
    if (row !== index && column !== index) return value;
    return row === column ? Math.max(mean[index] ** 2, filter.covariance[4 * (1 - index)]) : 0;
  });
  return { ...filter, shortestMs, mean, covariance };
}

/** (I - gain factors') covariance, kept symmetric and its diagonal positive. */
function reduced(covariance: readonly number[], gain: readonly number[], factors: readonly number[]): number[] {
  const rows = [0, 1, 2].map((row) => rowTimes(covariance, row, factors));
  return covariance.map((value, at) => {
    const [row, column] = [Math.floor(at / 3), at % 3];
    const left = value - (gain[row] * rows[column] + gain[column] * rows[row]) / 2;
    return row === column ? Math.max(left, value * 1e-9) : left;
  });
}

function rowTimes(matrix: readonly number[], row: number, vector: readonly number[]): number {
  return matrix[3 * row] * vector[0] + matrix[3 * row + 1] * vector[1] + matrix[3 * row + 2] * vector[2];
}

function variance(covariance: readonly number[], factors: readonly number[]): number {
  return dot(
    [0, 1, 2].map((row) => rowTimes(covariance, row, factors)),
    factors,
  );
}

function dot(a: readonly number[], b: readonly number[]): number {
  return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}
