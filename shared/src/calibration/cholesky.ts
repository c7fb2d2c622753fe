// Small systems of linear equations whose matrix is symmetric and positive definite: the normal equations of least
// squares with a ridge.

/**
 * Solves A x = b by Cholesky's factorisation A = L L^T: L y = b from above, then L^T x = y from below. Only the lower
 * triangle of A is read. Cost: size^3 / 6.
 *
 * @param matrix A, [size] of [size]; left as it was
 * @param right b, [size]
 * @returns x, [size]
 * @throws RangeError when A is not [size, size] or has a pivot that is not above 0
 */
export function solvePositiveDefinite(matrix: readonly (readonly number[])[], right: readonly number[]): number[] {
  const size = right.length;
  if (matrix.length !== size || matrix.some((row) => row.length !== size)) {
    throw new RangeError(`matrix: expected ${size} x ${size} numbers`);
  }
  const factor = factorised(matrix);
  const solution = [...right];
  for (let j = 0; j < size; j++) {
    for (let i = 0; i < j; i++) solution[j] -= factor[j][i] * solution[i];
    solution[j] /= factor[j][j];
  }
  for (let j = size - 1; j >= 0; j--) {
    for (let i = j + 1; i < size; i++) solution[j] -= factor[i][j] * solution[i];
    solution[j] /= factor[j][j];
  }
  return solution;
}

/** L, its rows as long as the triangle is wide. */
function factorised(matrix: readonly (readonly number[])[]): number[][] {
  const factor: number[][] = [];
  matrix.forEach((row, j) => {
    factor.push([]);
    for (let k = 0; k <= j; k++) {
      let rest = row[k];
      for (let i = 0; i < k; i++) rest -= factor[j][i] * factor[k][i];
      if (j === k && !(rest > 0)) throw new RangeError(`matrix: expected a pivot above 0 in row ${j}, got ${rest}`);
      factor[j].push(j === k ? Math.sqrt(rest) : rest / factor[k][k]);
    }
  });
  return factor;
}
