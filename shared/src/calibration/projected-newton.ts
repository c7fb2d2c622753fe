// Newton's method for a convex function of a few numbers, each kept between the same two ends.
// Bertsekas, "Projected Newton Methods for Optimization Problems with Simple Constraints", SIAM J. Control 1982.

const MAX_ITERATIONS = 100;
const MAX_HALVINGS = 50;
const SUFFICIENT_DECREASE = 1e-4;
/** What another step may still promise to take off the value. */
const TOLERANCE = 1e-14;
/** This close to an end, and pulled towards it, a number is at it. */
const AT_END = 1e-9;
/** Of the curvature's trace, added to its diagonal: directions that change nothing leave it singular. */
const RIDGE = 1e-7;

/** The value of a function with its first and second derivatives. */
export interface Derivatives {
  value: number;
  gradient: readonly number[];
  /** Symmetric, row by row. */
  curvature: readonly (readonly number[])[];
}

/**
 * The point of [smallest, largest]^d with the least value. Numbers at an end that would leave it follow the gradient,
 * which keeps them there; the others take Newton's step, cut off at the ends and halved until the value falls enough.
 * Where the function is flat in a direction, the start decides.
 *
 * @param evaluate convex and finite in the box
 */
export function minimiseInBox(
  evaluate: (point: readonly number[]) => Derivatives,
  start: readonly number[],
  smallest: number,
  largest: number,
): number[] {
  const within = (value: number) => Math.min(largest, Math.max(smallest, value));
  let point = start.map(within);
  let here = evaluate(point);
  for (let iteration = 0; iteration < MAX_ITERATIONS; iteration++) {
    const isFree = point.map((x, i) => (here.gradient[i] > 0 ? x > smallest + AT_END : x < largest - AT_END));
    const direction = newtonDirection(here, isFree);
    const next = search(evaluate, point, here, (step) => point.map((x, i) => within(x + step * direction[i])));
    if (next === null) return point;
    [point, here] = next;
  }
  return point;
}

/** The longest of the steps 1, 1/2, 1/4, ... that takes off enough; null where none promises to take off anything. */
function search(
  evaluate: (point: readonly number[]) => Derivatives,
  from: readonly number[],
  here: Derivatives,
  pointAt: (step: number) => number[],
): [number[], Derivatives] | null {
  for (let step = 1, halving = 0; halving < MAX_HALVINGS; step /= 2, halving++) {
    const point = pointAt(step);
    const promised = point.reduce((sum, x, i) => sum + here.gradient[i] * (from[i] - x), 0);
    if (!(promised > TOLERANCE * Math.max(1, Math.abs(here.value)))) return null;
    const there = evaluate(point);
    if (there.value <= here.value - SUFFICIENT_DECREASE * promised) return [point, there];
  }
  return null;
}

/** Solves the curvature of the free numbers for their gradient, by Cholesky's decomposition. */
function newtonDirection({ gradient, curvature }: Derivatives, isFree: readonly boolean[]): number[] {
  const direction = gradient.map((slope) => -slope);
  const free = direction.flatMap((_, i) => (isFree[i] ? [i] : []));
  const ridge = RIDGE * free.reduce((trace, i) => trace + curvature[i][i], 0) + Number.MIN_VALUE;
  const factor: number[][] = [];
  free.forEach((i, a) => {
    factor.push([]);
    for (let b = 0; b <= a; b++) {
      let rest = curvature[i][free[b]];
      for (let c = 0; c < b; c++) rest -= factor[a][c] * factor[b][c];
      factor[a].push(a === b ? Math.sqrt(Math.max(rest, 0) + ridge) : rest / factor[b][b]);
    }
  });
  free.forEach((i, a) => {
    for (let b = 0; b < a; b++) direction[i] -= factor[a][b] * direction[free[b]];
    direction[i] /= factor[a][a];
  });
  for (let a = free.length - 1; a >= 0; a--) {
    for (let b = a + 1; b < free.length; b++) direction[free[a]] -= factor[b][a] * direction[free[b]];
    direction[free[a]] /= factor[a][a];
  }
  return direction;
}
