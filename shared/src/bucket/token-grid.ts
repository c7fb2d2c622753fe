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

/**
 * The smallest p up to 100 for which rate = q / p and depth = m / p come out best (least sum of relative errors).
 *
 * @param rate tokens a time unit, above 0
 * @param depth tokens, at least 1
 * @throws RangeError for values outside these
 */
export function tokenGrid(rate: number, depth: number): TokenGrid {
  if (!(rate > 0 && Number.isFinite(rate))) throw new RangeError(`rate: expected a number above 0, got ${rate}`);
  if (!(depth >= 1 && Number.isFinite(depth))) throw new RangeError(`depth: expected at least 1, got ${depth}`);
  let best: TokenGrid | undefined;
  let least = Number.POSITIVE_INFINITY;
  for (let p = 1; p <= MAX_GRID_SCALE; p++) {
    const q = Math.round(rate * p);
    const m = Math.round(depth * p);
    if (q === 0) continue;
    const error = Math.abs(q / p - rate) / rate + Math.abs(m / p - depth) / depth;
    // A finer grid must be better by more than rounding to be worth its size.
    if (error < least - 1e-9) {
      best = { q, p, m };
      least = error;
    }
  }
  // A rate below half a hundredth of a token a unit is less than the grid can say.
  return best ?? { q: 1, p: MAX_GRID_SCALE, m: Math.round(depth * MAX_GRID_SCALE) };
}
