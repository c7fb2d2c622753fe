// Log-linear opinion pool: several classifiers' probabilities, multiplied with fitted powers. Members that agree make
// the pool surer than each of them, which no average can.
// Genest & Zidek, "Combining Probability Distributions", Statistical Science 1986;
// Hinton, "Training Products of Experts by Minimizing Contrastive Divergence", Neural Computation 2002.
import { checkLabelledRows } from "./labelled-rows.ts";
import { type Derivatives, minimiseInBox } from "./projected-newton.ts";
import { softmax } from "./softmax.ts";

/** A smaller probability counts as this, so that one member's zero is no veto. */
export const SMALLEST_PROBABILITY = 1e-12;
/** No calibration holds a larger one: members that need it separate the labels perfectly. */
export const LARGEST_POWER = 100;

/**
 * p_k = prod_m p_mk^w_m / sum_j prod_m p_mj^w_m for one image, each p_mk at least 1e-12. A power of 0 leaves its
 * member out; powers that are all 0 give the uniform distribution.
 *
 * @param members each [classes]
 * @param powers one for each member, at least 0
 * @returns float64 [classes], adding up to one
 * @throws RangeError when the counts or the classes differ, for a negative or infinite power, or a probability that
 *   is negative, infinite or NaN
 */
export function poolLogLinear(members: readonly ArrayLike<number>[], powers: readonly number[]): Float64Array {
  if (members.length === 0 || members.length !== powers.length) {
    throw new RangeError(`powers: expected one for each of ${members.length} members, got ${powers.length}`);
  }
  const scores = new Float64Array(members[0].length);
  members.forEach((member, m) => {
    if (member.length !== scores.length) {
      throw new RangeError(`member ${m}: expected ${scores.length} classes, got ${member.length}`);
    }
    const power = powers[m];
    if (!(power >= 0 && power < Infinity)) {
      throw new RangeError(`powers: expected at least 0 for member ${m}, got ${power}`);
    }
    for (let k = 0; k < scores.length; k++) scores[k] += power * logOf(member[k], m);
  });
  return softmax(scores);
}

/**
 * The powers in [0, 100] that maximise the mean log of the pooled probability of the true class,
 *
 *     mean_n [ sum_m w_m l_mny - ln sum_k exp(sum_m w_m l_mnk) ],  l = ln max(p, 1e-12).
 *
 * The problem is concave; its gradient is the mean of l_my - E_p[l_m], its curvature minus the covariance of the l_m
 * under p. Members that are the same share their power equally. Cost: about ten passes of
 * rows x classes x members^2.
 *
 * @param members for each member, probabilities row-major [rows, classes]
 * @param labels [rows], integers in [0, classes)
 * @throws RangeError for no members, wrong lengths, labels out of range, or a probability that is negative, infinite
 *   or NaN
 */
export function fitLogLinearPool(
  members: readonly (Float32Array | Float64Array)[],
  labels: ArrayLike<number>,
  classes: number,
): number[] {
  if (members.length === 0) throw new RangeError("members: expected at least one, got none");
  members.forEach((member, m) => {
    checkLabelledRows(member, labels, classes, `member ${m}`);
  });
  const logs = members.map((member, m) => Float64Array.from(member, (p) => logOf(p, m)));
  const start = members.map(() => 1 / members.length);
  return minimiseInBox((powers) => lossAt(logs, labels, classes, powers), start, 0, LARGEST_POWER);
}

/** Mean negative log-likelihood of the labels, with its derivatives by the powers. */
function lossAt(
  logs: readonly Float64Array[],
  labels: ArrayLike<number>,
  classes: number,
  powers: readonly number[],
): Derivatives {
  const rows = labels.length;
  const gradient = powers.map(() => 0);
  const curvature = powers.map(() => powers.map(() => 0));
  const pooled = new Float64Array(classes);
  let value = 0;
  for (let row = 0; row < rows; row++) {
    const members = logs.map((log) => log.subarray(row * classes, (row + 1) * classes));
    const logSum = poolRow(members, powers, pooled);
    const label = labels[row];
    const means = members.map((log) => expectation(pooled, log));
    members.forEach((log, m) => {
      value -= powers[m] * log[label];
      gradient[m] += means[m] - log[label];
      for (let other = 0; other <= m; other++) {
        curvature[m][other] += covariance(pooled, log, means[m], members[other], means[other]);
      }
    });
    value += logSum;
  }
  return {
    value: value / rows,
    gradient: gradient.map((sum) => sum / rows),
    curvature: curvature.map((line, m) => line.map((_, n) => curvature[Math.max(m, n)][Math.min(m, n)] / rows)),
  };
}

/** Writes the pooled probabilities of one row and returns the logarithm of what made them add up to one. */
function poolRow(members: readonly Float64Array[], powers: readonly number[], pooled: Float64Array): number {
  pooled.fill(0);
  members.forEach((log, m) => {
    for (let k = 0; k < pooled.length; k++) pooled[k] += powers[m] * log[k];
  });
  let largest = -Infinity;
  for (let k = 0; k < pooled.length; k++) largest = Math.max(largest, pooled[k]);
  let sum = 0;
  for (let k = 0; k < pooled.length; k++) {
    pooled[k] = Math.exp(pooled[k] - largest);
    sum += pooled[k];
  }
  for (let k = 0; k < pooled.length; k++) pooled[k] /= sum;
  return largest + Math.log(sum);
}

function expectation(probabilities: Float64Array, values: Float64Array): number {
  let sum = 0;
  for (let k = 0; k < values.length; k++) sum += probabilities[k] * values[k];
  return sum;
}

function covariance(p: Float64Array, a: Float64Array, meanOfA: number, b: Float64Array, meanOfB: number): number {
  let sum = 0;
  for (let k = 0; k < p.length; k++) sum += p[k] * (a[k] - meanOfA) * (b[k] - meanOfB);
  return sum;
}

function logOf(probability: number, member: number): number {
  if (!(probability >= 0 && probability < Infinity)) {
    throw new RangeError(`member ${member}: expected probabilities of at least 0, got ${probability}`);
  }
  return Math.log(Math.max(probability, SMALLEST_PROBABILITY));
}
