// The token bucket in whole numbers: a rate of q / p tokens a time unit and a depth of m / p tokens, so that
// levels can be counted and a policy tabulated. Source: Qiu et al., EMSOFT 2022.

/** Level n of 0 .. m stands for n / p tokens; one offload takes p, a time unit gives q. */
export interface TokenGrid {
  q: number;
  p: number;
  m: number;
}

/** Finer grids than this change nothing that a simulation can see. */
export const MAX_GRID_SCALE = 100;
/** Levels above 0: every sweep of a solver passes over all of them, and a table holds a number for each. */
export const MAX_GRID_LEVELS = 10_000;
/** Sum of the relative errors of rate and depth. A policy for other traffic than this is worse than none. */
export const MAX_GRID_ERROR = 0.05;

/**
 * The smallest p up to 100 for which rate = q / p and depth = m / p come out best (least sum of relative errors).
 *
 * @param rate tokens a time unit, above 0; below 0.0096 no p is fine enough: count in longer units
 * @param depth tokens, at least 1; the more there are, the coarser the grid that its levels allow
 * @throws RangeError for values outside these, or when no grid within the limits above comes close enough
 */
export function tokenGrid(rate: number, depth: number): TokenGrid {
  if (!(rate > 0 && Number.isFinite(rate))) throw new RangeError(`rate: expected a number above 0, got ${rate}`);
  if (!(depth >= 1 && Number.isFinite(depth))) throw new RangeError(`depth: expected at least 1, got ${depth}`);
  let best: TokenGrid | undefined;
  let least = Number.POSITIVE_INFINITY;
  for (let p = 1; p <= MAX_GRID_SCALE; p++) {
    const q = Math.round(rate * p);
    const m = Math.round(depth * p);
    if (q === 0 || m > MAX_GRID_LEVELS) continue;
    const error = Math.abs(q / p - rate) / rate + Math.abs(m / p - depth) / depth;
    // A finer grid must be better by more than rounding to be worth its size.
    if (error < least - 1e-9) {
      best = { q, p, m };
      least = error;
    }
  }
  if (best === undefined || least > MAX_GRID_ERROR) {
    const limits = `scale ${MAX_GRID_SCALE}, ${MAX_GRID_LEVELS} levels, error ${MAX_GRID_ERROR}`;
    throw new RangeError(`rate and depth: expected a pair that a grid can hold (${limits}), got ${rate} and ${depth}`);
  }
  return best;
}

/** Of a level: what a sum of many refills may fall short of it. */
const LEVEL_TOLERANCE = 1e-6;

/** The level that so many tokens reach, p to m: what is below one token counts as one, what is above the grid as m. */
export function wholeTokenLevel(tokens: number, { p, m }: TokenGrid): number {
  return Math.max(p, Math.min(Math.floor(tokens * p + LEVEL_TOLERANCE), m));
}

/** @throws RangeError for a grid that holds no whole token, never fills, or has too many levels */
export function checkTokenGrid({ q, p, m }: TokenGrid): void {
  if (!(Number.isInteger(q) && q >= 1)) throw new RangeError(`q: expected a whole number, at least 1, got ${q}`);
  if (!(Number.isInteger(p) && p >= 1)) throw new RangeError(`p: expected a whole number, at least 1, got ${p}`);
  if (!(Number.isInteger(m) && m >= p && m <= MAX_GRID_LEVELS)) {
    throw new RangeError(`m: expected a whole number, ${p} to ${MAX_GRID_LEVELS}, got ${m}`);
  }
}
