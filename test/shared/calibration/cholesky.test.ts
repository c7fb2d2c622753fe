import { solvePositiveDefinite } from "@spillway/shared/calibration/cholesky";
import fc from "fast-check";
import { expect, it } from "vitest";
import { expectClose } from "../close.ts";

it("solves a system worked by hand", () => {
  // [[4, 2], [2, 5]] (1, -2) = (0, -8)
  expectClose(
    solvePositiveDefinite(
      [
        [4, 2],
        [2, 5],
      ],
      [0, -8],
    ),
    [1, -2],
  );
  expect(solvePositiveDefinite([[4]], [2])).toEqual([0.5]);
  expect(solvePositiveDefinite([], [])).toEqual([]);
});

it("gives back what a matrix B^T B + I made its right side of, and leaves its arguments", () => {
  const number = fc.double({ min: -10, max: 10, noNaN: true });
  const vector = fc.array(number, { minLength: 4, maxLength: 4 });
  fc.assert(
    fc.property(fc.array(vector, { minLength: 1, maxLength: 6 }), vector, (rows, solution) => {
      const matrix = solution.map((_, j) =>
        solution.map((__, k) => rows.reduce((sum, row) => sum + row[j] * row[k], j === k ? 1 : 0)),
      );
      const right = matrix.map((row) => row.reduce((sum, value, k) => sum + value * solution[k], 0));
      const kept = structuredClone({ matrix, right });
      expectClose(solvePositiveDefinite(matrix, right), solution, 1e-6);
      expect({ matrix, right }).toEqual(kept);
    }),
    { seed: 31 },
  );
});

it.each([
  ["a matrix that is too small", [[1]], [1, 2], "matrix: expected 2 x 2 numbers"],
  ["a matrix that is not square", [[1, 0], [0]], [1, 2], "matrix: expected 2 x 2 numbers"],
  [
    "a matrix that is only half definite",
    [
      [1, 1],
      [1, 1],
    ],
    [1, 2],
    "matrix: expected a pivot above 0 in row 1, got 0",
  ],
  ["NaN", [[Number.NaN]], [1], "matrix: expected a pivot above 0 in row 0, got NaN"],
])("refuses %s", (_, matrix, right, message) => {
  expect(() => solvePositiveDefinite(matrix, right)).toThrow(new RangeError(message));
});
