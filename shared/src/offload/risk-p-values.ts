// P-values of "the expected loss is above the limit", valid at every number of images and not only for many.
// Where one is at most delta, a risk of at most delta is run by deploying a system whose loss is above the limit.
// Angelopoulos, Bates, Candes, Jordan & Lei, "Learn then Test: Calibrating Predictive Algorithms to Achieve Risk
// Control", 2021.
import {
  binomialCdf,
  binomialProbability,
  binomialUpperTail,
  deviance,
  upperConfidenceBound,
} from "./binomial-tail.ts";

/** A count lies further than SIGMAS standard deviations and REACH more from its mean with less than 1e-17 (Bernstein). */
const SIGMAS = 9;
const REACH = 30;
/** Probabilities below this are computed anew. */
const SMALLEST = 1e-280;
const DEFAULT_NUISANCE_SHARE = 0.01;

/**
 * For losses in [0, 1]: the smaller of Hoeffding's and Bentkus's bounds,
 *
 *     min( exp(-n h1(min(m, limit), limit)), e P(Bin(n, limit) <= ceil(n m)), 1 ),
 *
 * m the mean loss and h1(a, b) = a ln(a/b) + (1-a) ln((1-a)/(1-b)). Cost: one binomial tail.
 * Bates, Angelopoulos, Lei, Malik & Jordan, "Distribution-Free, Risk-Controlling Prediction Sets", JACM 2021.
 *
 * @throws RangeError for a mean loss or a limit outside [0, 1], or rows that are not a whole number of at least 1
 */
export function hoeffdingBentkusPValue(meanLoss: number, rows: number, limit: number): number {
  checkTest(rows, limit);
  if (!(meanLoss >= 0 && meanLoss <= 1)) throw new RangeError(`meanLoss: expected [0, 1], got ${meanLoss}`);
  const hoeffding = meanLoss >= limit ? 1 : Math.exp(-rows * relativeEntropy(meanLoss, limit));
  // A mean of whole losses times the rows may come out a rounding step above their sum.
  const bentkus = Math.E * binomialCdf(Math.ceil(rows * meanLoss * (1 - 4 * Number.EPSILON)), rows, limit);
  return Math.min(hoeffding, bentkus, 1);
}

/**
 * For losses of 0 and 1, of which `harmed` are 1: P(Bin(rows, limit) <= harmed), which no valid test beats.
 *
 * @throws RangeError for a limit outside [0, 1], rows that are not a whole number of at least 1, or harmed outside
 *   0..rows
 */
export function binomialPValue(harmed: number, rows: number, limit: number): number {
  checkTest(rows, limit);
  checkCount("harmed", harmed, rows);
  return binomialCdf(harmed, rows, limit);
}

/**
 * For losses of -1, 0 and 1: the cheap system loses `worse` images that the reference gets right and wins `better`
 * that it gets wrong. With S = worse - better, b = nuisanceShare and d the larger of limit and the level 1 - b
 * upper bound of the share of images that change, the p-value is
 *
 *     b + P(S' <= S),  S' a sum of `rows` independent +1 (probability (d + limit) / 2), -1 ((d - limit) / 2) and 0,
 *
 * and 1 where d > 1/2 or S > (rows - 1) limit - 2. It holds without knowing the share that changes:
 * 1. For d <= 1/2, 1 - d >= 2 sqrt(p+ p-), so each term is a difference of two independent Bernoullis, and S' a
 *    shifted Poisson-binomial, whose mode is within 1 of its mean (Darroch 1964).
 * 2. Hence dP(S' <= s)/dd = (n/2) [P(S'_{n-1} = s+1) - P(S'_{n-1} = s)] >= 0 for s <= (n-1) limit - 2: over all shares
 *    from limit to d the largest P is at d; and at a given share, P falls as the expected loss rises above limit.
 * 3. The share lies above d in at most b of experiments, which b pays for (Berger & Boos, JASA 1994).
 *
 * P(S' <= S) is a sum over the number m of changes, Bin(m; rows, d) P(Bin(m, q) <= floor((S + m) / 2)) with
 * q = (d + limit) / (2 d), for m within 9 standard deviations and 30 of rows d; the mass outside, below 1e-17, is
 * added in full. Absolute error about 1e-12. Cost: a few products for each m.
 *
 * @throws RangeError for a limit outside [0, 1], rows that are not a whole number of at least 1, counts that are not
 *   whole and at least 0 or together more than rows, or nuisanceShare outside (0, 1)
 */
export function pairedPValue(
  worse: number,
  better: number,
  rows: number,
  limit: number,
  nuisanceShare = DEFAULT_NUISANCE_SHARE,
): number {
  checkTest(rows, limit);
  checkCount("worse", worse, rows);
  checkCount("better", better, rows - worse);
  if (!(nuisanceShare > 0 && nuisanceShare < 1)) {
    throw new RangeError(`nuisanceShare: expected a number between 0 and 1, got ${nuisanceShare}`);
  }
  const sum = worse - better;
  const share = Math.max(limit, upperConfidenceBound(worse + better, rows, 1 - nuisanceShare));
  if (share > 0.5 || sum > (rows - 1) * limit - 2) return 1;
  return Math.min(1, nuisanceShare + differenceCdf(sum, rows, share, limit));
}

/** P(S' <= sum) of {@link pairedPValue}, at most 1e-17 too large. */
function differenceCdf(sum: number, rows: number, share: number, mean: number): number {
  const reach = SIGMAS * Math.sqrt(rows * share * (1 - share)) + REACH;
  const fewest = Math.max(0, Math.floor(rows * share - reach));
  const most = Math.min(rows, Math.ceil(rows * share + reach));
  const plus = (share + mean) / (2 * share);
  let changes = binomialProbability(fewest, rows, share);
  let draws = binomialDraws(fewest, Math.floor((sum + fewest) / 2), plus);
  let total = binomialCdf(fewest - 1, rows, share) + binomialUpperTail(most + 1, rows, share);
  total += changes * draws.atMost;
  for (let m = fewest + 1; m <= most; m++) {
    changes *= ((rows - m + 1) / m) * (share / (1 - share));
    draws = oneMoreDraw(draws, m, Math.floor((sum + m) / 2), plus);
    total += changes * draws.atMost;
  }
  return total;
}

/** P(Bin <= k) and P(Bin = k). */
interface Draws {
  k: number;
  atMost: number;
  exactly: number;
}

function binomialDraws(m: number, k: number, plus: number): Draws {
  return { k, atMost: binomialCdf(k, m, plus), exactly: binomialProbability(k, m, plus) };
}

/** From m - 1 draws to m, and from k to the same or the next: two products instead of a tail. */
function oneMoreDraw({ k, atMost, exactly }: Draws, m: number, wanted: number, plus: number): Draws {
  // What has underflowed, or cannot happen, does not grow by products.
  if (!(exactly > SMALLEST)) return binomialDraws(m, wanted, plus);
  // Of those with at most k, the ones with k that draw a plus leave.
  const kept = atMost - plus * exactly;
  const same = exactly * (m / (m - k)) * (1 - plus);
  if (wanted === k) return { k, atMost: kept, exactly: same };
  const next = exactly * (m / (k + 1)) * plus;
  return { k: wanted, atMost: kept + next, exactly: next };
}

/** KL divergence of Bernoulli(a) from Bernoulli(b), a < b. */
function relativeEntropy(a: number, b: number): number {
  const ofOne = a > 0 ? deviance(a, b) : b;
  if (b === 1) return Infinity;
  return ofOne + deviance(1 - a, 1 - b);
}

function checkTest(rows: number, limit: number): void {
  if (!Number.isInteger(rows) || rows < 1) {
    throw new RangeError(`rows: expected a whole number of at least 1, got ${rows}`);
  }
  if (!(limit >= 0 && limit <= 1)) throw new RangeError(`limit: expected [0, 1], got ${limit}`);
}

function checkCount(name: string, count: number, most: number): void {
  if (!Number.isInteger(count) || count < 0 || count > most) {
    throw new RangeError(`${name}: expected a whole number from 0 to ${most}, got ${count}`);
  }
}
