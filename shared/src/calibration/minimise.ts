// Minimum of a smooth function of many numbers by limited-memory BFGS: the curvature is guessed from the last few
// steps. Liu & Nocedal, "On the limited memory BFGS method for large scale optimization", Math. Programming 1989;
// the line search is the bisection of Lewis & Overton, "Nonsmooth optimization via quasi-Newton methods", 2013.

/** A step that takes off a smaller share of the value than this is the last: rounding hides what is left. */
const VALUE_TOLERANCE = 1e-14;
const MAX_STEP_TRIALS = 60;
const SUFFICIENT_DECREASE = 1e-4;
const SLOPE_LEFT = 0.9;

/** Returns the value at a point and writes the gradient there into its second argument. */
export type Objective = (point: Float64Array, gradient: Float64Array) => number;

export interface MinimiseOptions {
  /** Stops where no entry of the gradient is larger. */
  gradientTolerance?: number;
  maxIterations?: number;
  /** How many steps the curvature is guessed from. */
  memory?: number;
}

export interface Minimum {
  point: Float64Array;
  value: number;
  /** The largest entry of the gradient there, in size. */
  gradientNorm: number;
  iterations: number;
}

/**
 * Goes downhill from a start until the gradient vanishes, the iterations are used up, or rounding hides any further
 * descent; the value never rises. Of a convex function that is the minimum. Cost: about one evaluation of the
 * objective, and 4 x memory x numbers, for each iteration.
 *
 * @throws RangeError where the start has no finite value
 */
export function minimise(objective: Objective, start: ArrayLike<number>, options: MinimiseOptions = {}): Minimum {
  const { gradientTolerance = 1e-8, maxIterations = 1000, memory = 10 } = options;
  let here = evaluate(objective, Float64Array.from(start));
  if (!Number.isFinite(here.value)) throw new RangeError(`start: expected a finite value there, got ${here.value}`);
  const steps: Step[] = [];
  let iterations = 0;
  for (; iterations < maxIterations && largestOf(here.gradient) > gradientTolerance; iterations++) {
    const direction = twoLoopRecursion(steps, here.gradient);
    const there = lineSearch(objective, here, direction);
    if (there === null) break;
    const isLast = here.value - there.value <= VALUE_TOLERANCE * Math.max(1, Math.abs(here.value));
    const step = stepBetween(here, there);
    // Only a step along which the slope rises says something of the curvature.
    if (step.curvature > 0) steps.push(step);
    if (steps.length > memory) steps.shift();
    here = there;
    if (isLast) break;
  }
  return { point: here.point, value: here.value, gradientNorm: largestOf(here.gradient), iterations };
}

interface Evaluated {
  point: Float64Array;
  value: number;
  gradient: Float64Array;
}

/** How the point and the gradient changed, and the product of both. */
interface Step {
  point: Float64Array;
  gradient: Float64Array;
  curvature: number;
}

function evaluate(objective: Objective, point: Float64Array): Evaluated {
  const gradient = new Float64Array(point.length);
  return { point, value: objective(point, gradient), gradient };
}

function stepBetween(from: Evaluated, to: Evaluated): Step {
  const point = to.point.map((x, i) => x - from.point[i]);
  const gradient = to.gradient.map((g, i) => g - from.gradient[i]);
  return { point, gradient, curvature: dot(point, gradient) };
}

/** Minus the guessed inverse curvature times the gradient; without steps to guess from, a short step downhill. */
function twoLoopRecursion(steps: readonly Step[], gradient: Float64Array): Float64Array {
  const direction = gradient.map((g) => -g);
  const shares = new Float64Array(steps.length);
  for (let s = steps.length - 1; s >= 0; s--) {
    shares[s] = dot(steps[s].point, direction) / steps[s].curvature;
    addScaled(direction, -shares[s], steps[s].gradient);
  }
  const last = steps.at(-1);
  const scale = last ? last.curvature / dot(last.gradient, last.gradient) : Math.min(1, 1 / norm(gradient));
  for (let i = 0; i < direction.length; i++) direction[i] *= scale;
  steps.forEach((step, s) => {
    addScaled(direction, shares[s] - dot(step.gradient, direction) / step.curvature, step.point);
  });
  return direction;
}

/** A point along the direction that is low enough and where the slope has flattened; null where rounding hides all. */
function lineSearch(objective: Objective, from: Evaluated, direction: Float64Array): Evaluated | null {
  const slope = dot(from.gradient, direction);
  if (!(slope < 0)) return null;
  let low = 0;
  let high = Infinity;
  let length = 1;
  let lowest: Evaluated | null = null;
  for (let trial = 0; trial < MAX_STEP_TRIALS; trial++) {
    const point = from.point.map((x, i) => x + length * direction[i]);
    const there = evaluate(objective, point);
    // A value that is NaN is too far out as well.
    const isLow = there.value <= from.value + SUFFICIENT_DECREASE * length * slope;
    if (isLow) {
      lowest = there;
      low = length;
      if (dot(there.gradient, direction) >= SLOPE_LEFT * slope) return there;
    } else {
      high = length;
    }
    length = high === Infinity ? 2 * low : (low + high) / 2;
  }
  return lowest;
}

function largestOf(values: Float64Array): number {
  return values.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0);
}

function norm(values: Float64Array): number {
  return Math.sqrt(dot(values, values));
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}

function addScaled(target: Float64Array, factor: number, values: Float64Array): void {
  for (let i = 0; i < target.length; i++) target[i] += factor * values[i];
}
