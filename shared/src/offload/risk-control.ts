// Thresholds that hold on images not yet seen: Learn then Test.
//
// A list of candidates is fixed before the certification rows are looked at, the safest first. Each is
// tested against "its expected accuracy loss exceeds the limit"; the candidates before the first that
// cannot be rejected are certified. Testing in a fixed order needs no correction for the number of tests
// (Bauer 1991), so with probability `level` no certified candidate loses more than the limit, whatever the
// model and the images, as long as the rows are drawn like the images to come.
// Angelopoulos, Bates, Candès, Jordan, Lei, "Learn then Test", 2021.
import { binomialPValue, hoeffdingBentkusPValue, pairedPValue } from "./risk-p-values.ts";

/**
 * - `paired-exact`: counts images lost and images won against the reference; the sharpest
 * - `binomial`: counts only images lost, exactly
 * - `hoeffding-bentkus`: the same with the bound that also serves losses between 0 and 1
 */
export const RISK_METHODS = ["paired-exact", "binomial", "hoeffding-bentkus"] as const;
export type RiskMethod = (typeof RISK_METHODS)[number];

/** A candidate against the reference on the certification rows. */
export interface Comparison {
  /** Images that only the reference answered rightly. */
  worse: number;
  /** Images that only the candidate answered rightly. */
  better: number;
}

export interface RiskLimit {
  /** Largest expected loss of accuracy against the reference, as a fraction. */
  maxAccuracyLoss: number;
  /** Probability with which that holds, such as 0.95. */
  confidenceLevel: number;
  method: RiskMethod;
}

/** Of the risk that a level leaves, what `paired-exact` may spend on not knowing how many images change. */
const NUISANCE_PART = 0.2;
const LARGEST_NUISANCE_SHARE = 0.01;
/** More rows than any data set has. */
const MOST_ROWS = 2 ** 40;

/**
 * p-value of "the expected accuracy loss exceeds the limit", to be held against 1 - confidenceLevel.
 *
 * @throws RangeError for counts that do not fit the rows
 */
export function riskPValue({ worse, better }: Comparison, rows: number, limit: RiskLimit): number {
  switch (limit.method) {
    case "paired-exact": {
      // A p-value is never below the nuisance share: a fixed one would forbid the highest levels.
      const nuisanceShare = Math.min(LARGEST_NUISANCE_SHARE, NUISANCE_PART * (1 - limit.confidenceLevel));
      return pairedPValue(worse, better, rows, limit.maxAccuracyLoss, nuisanceShare);
    }
    case "binomial":
      return binomialPValue(worse, rows, limit.maxAccuracyLoss);
    case "hoeffding-bentkus":
      return hoeffdingBentkusPValue(worse / rows, rows, limit.maxAccuracyLoss);
  }
}

/**
 * How many of the leading candidates are certified; 0 when not even the safest is.
 *
 * @param comparisons of the candidates in their fixed order; read no further than the first that fails
 * @throws RangeError for a limit or level outside (0, 1)
 */
export function certifyInOrder(comparisons: Iterable<Comparison>, rows: number, limit: RiskLimit): number {
  checkLimit(limit);
  let certified = 0;
  for (const comparison of comparisons) {
    if (riskPValue(comparison, rows, limit) > 1 - limit.confidenceLevel) break;
    certified++;
  }
  return certified;
}

/**
 * The fewest rows on which a candidate that never differs from the reference is certified; Infinity where a million
 * million would not do, as for `paired-exact` and a limit above 1/2.
 *
 * @throws RangeError for a limit or level outside (0, 1)
 */
export function certifiableRows(limit: RiskLimit): number {
  checkLimit(limit);
  const isEnough = (rows: number) => riskPValue({ worse: 0, better: 0 }, rows, limit) <= 1 - limit.confidenceLevel;
  let rows = 1;
  while (!isEnough(rows)) {
    if (rows >= MOST_ROWS) return Number.POSITIVE_INFINITY;
    rows *= 2;
  }
  let low = rows / 2;
  while (rows - low > 1) {
    const middle = Math.ceil((low + rows) / 2);
    if (isEnough(middle)) rows = middle;
    else low = middle;
  }
  return rows;
}

function checkLimit({ maxAccuracyLoss, confidenceLevel }: RiskLimit): void {
  for (const [name, value] of Object.entries({ maxAccuracyLoss, confidenceLevel })) {
    if (!(value > 0 && value < 1)) throw new RangeError(`${name}: expected a number between 0 and 1, got ${value}`);
  }
}
