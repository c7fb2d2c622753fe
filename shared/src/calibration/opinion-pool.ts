// Linear opinion pool: several classifiers' probabilities, averaged with fitted weights.
// The exits' vote and the fusion of edge and cloud are both this.
// Genest & Zidek, "Combining Probability Distributions", Statistical Science 1986.

const MAX_ITERATIONS = 2000;
const TOLERANCE = 1e-9;

/**
 * sum_m w_m p_m for one image.
 *
 * @param members each [classes]
 * @param weights one for each member, adding up to one
 * @throws RangeError when the counts or the classes differ
 */
export function poolProbabilities(members: readonly ArrayLike<number>[], weights: readonly number[]): Float64Array {
  if (members.length === 0 || members.length !== weights.length) {
    throw new RangeError(`weights: expected one for each of ${members.length} members, got ${weights.length}`);
  }
  const pooled = new Float64Array(members[0].length);
  members.forEach((member, m) => {
    if (member.length !== pooled.length) {
      throw new RangeError(`member ${m}: expected ${pooled.length} classes, got ${member.length}`);
    }
    for (let k = 0; k < pooled.length; k++) pooled[k] += weights[m] * member[k];
  });
  return pooled;
}

/**
 * The weights that maximise the mean log of the pooled probability of the true class, by
 * expectation-maximisation (the likelihood never falls; the problem is concave).
 *
 * @param likelihoods for each member, the probability it gave the true class of each row
 * @returns weights adding up to one
 * @throws RangeError for no members, no rows, rows of different length, or a likelihood that is NaN or negative
 */
export function fitPoolWeights(likelihoods: readonly ArrayLike<number>[]): number[] {
  const rows = likelihoods[0]?.length ?? 0;
  if (rows === 0) throw new RangeError("likelihoods: expected at least one member and one row");
  if (likelihoods.some((member) => member.length !== rows)) {
    throw new RangeError(`likelihoods: expected ${rows} rows for every member`);
  }
  for (let row = 0; row < rows; row++) {
    const wrong = likelihoods.find((member) => !(member[row] >= 0));
    if (wrong) throw new RangeError(`likelihoods: expected at least 0 in row ${row}, got ${wrong[row]}`);
  }
  let weights = likelihoods.map(() => 1 / likelihoods.length);
  for (let iteration = 0; iteration < MAX_ITERATIONS; iteration++) {
    const next = responsibilities(likelihoods, weights, rows);
    const change = Math.max(...next.map((w, m) => Math.abs(w - weights[m])));
    weights = next;
    if (change < TOLERANCE) break;
  }
  return weights;
}

/** Mean share of each member in the pooled probability of the true class. */
function responsibilities(likelihoods: readonly ArrayLike<number>[], weights: number[], rows: number): number[] {
  const shares = weights.map(() => 0);
  for (let row = 0; row < rows; row++) {
    let pooled = 0;
    for (let m = 0; m < weights.length; m++) pooled += weights[m] * likelihoods[m][row];
    for (let m = 0; m < weights.length; m++) {
      // A row to which every member gives zero says nothing about their weights.
      shares[m] += pooled > 0 ? (weights[m] * likelihoods[m][row]) / pooled : weights[m];
    }
  }
  return shares.map((share) => share / rows);
}
