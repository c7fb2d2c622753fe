// The weights by which the exits answer together, and what that answer is worth.
import { fitPoolWeights, poolProbabilities } from "@spillway/shared/calibration/opinion-pool";
import { ofTruth, rowOf } from "@spillway/shared/calibration/row-major";
import { argmax } from "@spillway/shared/calibration/softmax";
import { foldsOf } from "@spillway/shared/random/folds";

export interface VoteFit {
  /** One for each exit, in thousandths, adding up to one. */
  weights: number[];
  /** The vote's, row-major [rows, classes], each row's by weights fitted without it. */
  probabilities: Float64Array;
}

/**
 * Weights by likelihood on all rows; the probabilities are cross-validated.
 *
 * The folds are those of the calibrators: the rows that the weights of a fold see were calibrated by fits that knew
 * its judged rows. Leaving these out as well would take five times as many calibrators, for weights of three numbers.
 *
 * @param exits each exit's calibrated probabilities, row-major [rows, classes]
 * @throws RangeError for no exits, or under 5 rows
 */
export function fitVote(exits: readonly Float64Array[], labels: ArrayLike<number>, classes: number): VoteFit {
  const likelihoods = exits.map((values) => ofTruth(values, labels, classes));
  const weightsOn = (rows: readonly number[]) =>
    rounded(fitPoolWeights(likelihoods.map((likelihood) => rows.map((row) => likelihood[row]))));
  const probabilities = new Float64Array(labels.length * classes);
  for (const { fitted, judged } of foldsOf(labels.length)) {
    const weights = weightsOn(fitted);
    for (const row of judged) {
      const opinions = exits.map((values) => rowOf(values, row, classes));
      probabilities.set(poolProbabilities(opinions, weights), row * classes);
    }
  }
  return { weights: weightsOn(Array.from(likelihoods[0].keys())), probabilities };
}

/** Three digits are all that a few thousand images can tell; the largest takes up the rest. */
function rounded(weights: number[]): number[] {
  const short = weights.map((weight) => Math.round(weight * 1000) / 1000);
  const largest = argmax(short);
  const others = short.reduce((sum, weight, index) => (index === largest ? sum : sum + weight), 0);
  short[largest] = Math.round((1 - others) * 1000) / 1000;
  return short;
}
