// Rows of probabilities, checked in one pass: evaluations read hundreds of megabytes of them.

/** A float32 softmax over a hundred classes errs by some 1e-6; logits or percentages by far more. */
const MAX_SUM_ERROR = 1e-3;

/**
 * Checks that no value is negative or NaN and that each row sums to one within {@link MAX_SUM_ERROR}.
 * One pass, about a nanosecond a value.
 *
 * @param values row-major [rows, classes]
 * @param name of the file, for messages
 * @param firstRow index of the first of these rows in the file, counted from 0
 * @throws Error with one line naming file and row; RangeError when the values are not whole rows
 */
export function checkProbabilityRows(
  values: Float32Array | Float64Array,
  classes: number,
  name: string,
  firstRow: number,
): void {
  if (!Number.isInteger(classes) || classes < 1 || values.length % classes !== 0) {
    throw new RangeError(`values: expected whole rows of ${classes} classes, got ${values.length} numbers`);
  }
  const rows = values.length / classes;
  for (let row = 0, at = 0; row < rows; row++) {
    let sum = 0;
    let isNegative = false;
    for (const end = at + classes; at < end; at++) {
      const value = values[at];
      if (value < 0) isNegative = true;
      sum += value;
    }
    // NaN and Infinity fail here too: no sum with them is near 1.
    if (isNegative || !(Math.abs(sum - 1) <= MAX_SUM_ERROR)) {
      const problem = problemOf(values.subarray(at - classes, at), sum);
      throw new Error(`${name}: row ${firstRow + row}: ${problem}`);
    }
  }
}

function problemOf(row: Float32Array | Float64Array, sum: number): string {
  const column = row.findIndex((value) => !(value >= 0 && value < Infinity));
  if (column >= 0) return `expected probabilities, got ${row[column]} in column ${column}`;
  return `expected probabilities that sum to 1 within ${MAX_SUM_ERROR}, got a sum of ${sum}`;
}
