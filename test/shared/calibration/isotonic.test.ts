import { type Block, fitNonIncreasing, pool } from "@spillway/shared/calibration/isotonic";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import golden from "../../vectors/calibration.json" with { type: "json" };
import { expectClose } from "../close.ts";

const SEED = { seed: 6 };

/** Rows on a coarse grid, so that many share a position. */
const rows = fc.array(fc.tuple(fc.integer({ min: 0, max: 8 }), fc.integer({ min: -20, max: 20 })), {
  minLength: 1,
  maxLength: 30,
});

/** The fitted value of each row: blocks hold the rows in rising position. */
function fittedValues(positions: readonly number[], blocks: readonly Block[]): number[] {
  const order = positions.map((_, row) => row).sort((a, b) => positions[a] - positions[b]);
  const inOrder = blocks.flatMap((block) => new Array<number>(block.count).fill(block.value));
  const fitted = new Array<number>(positions.length);
  order.forEach((row, place) => {
    fitted[row] = inOrder[place];
  });
  return fitted;
}

function squaredError(values: readonly number[], fitted: readonly number[]): number {
  return values.reduce((sum, value, row) => sum + (value - fitted[row]) ** 2, 0);
}

describe("fitNonIncreasing", () => {
  it.each(golden.isotonic)("agrees with scikit-learn: $name", ({ positions, values, fitted }) => {
    const blocks = fitNonIncreasing(positions, values);
    expect(blocks.reduce((sum, block) => sum + block.count, 0)).toBe(positions.length);
    expectClose(fittedValues(positions, blocks), fitted);
  });

  it("gives blocks that rise in position and fall in value", () => {
    fc.assert(
      fc.property(rows, (pairs) => {
        const blocks = fitNonIncreasing(...columns(pairs));
        for (let k = 1; k < blocks.length; k++) {
          expect(blocks[k].position).toBeGreaterThan(blocks[k - 1].position);
          expect(blocks[k].value).toBeLessThan(blocks[k - 1].value);
        }
      }),
      SEED,
    );
  });

  it("fits better than any other falling function of the position", () => {
    const falls = fc.array(fc.double({ min: 0, max: 6, noNaN: true }), { minLength: 9, maxLength: 9 });
    fc.assert(
      fc.property(rows, fc.integer({ min: -25, max: 25 }), falls, (pairs, start, steps) => {
        const [positions, values] = columns(pairs);
        let level = start;
        const falling = steps.map((step) => {
          level -= step;
          return level;
        });
        const alternative = positions.map((position) => falling[position]);
        const fitted = fittedValues(positions, fitNonIncreasing(positions, values));
        expect(squaredError(values, fitted)).toBeLessThanOrEqual(squaredError(values, alternative) + 1e-9);
      }),
      { ...SEED, numRuns: 500 },
    );
  });

  it("fits better than itself with one step moved, so that no close alternative wins", () => {
    fc.assert(
      fc.property(rows, fc.nat(8), fc.double({ min: -1, max: 1, noNaN: true }), (pairs, from, shift) => {
        const [positions, values] = columns(pairs);
        const fitted = fittedValues(positions, fitNonIncreasing(positions, values));
        // Raising all up to a position, or lowering all from it on, leaves a falling function falling.
        const moved = fitted.map((value, row) => {
          if (shift > 0) return positions[row] <= from ? value + shift : value;
          return positions[row] >= from ? value + shift : value;
        });
        expect(squaredError(values, fitted)).toBeLessThanOrEqual(squaredError(values, moved) + 1e-9);
      }),
      { ...SEED, numRuns: 500 },
    );
  });

  it("keeps the mean of the values and of the positions", () => {
    fc.assert(
      fc.property(rows, (pairs) => {
        const [positions, values] = columns(pairs);
        const blocks = fitNonIncreasing(positions, values);
        const total = (of: (block: Block) => number) => blocks.reduce((sum, block) => sum + block.count * of(block), 0);
        expectClose([total((block) => block.value)], [values.reduce((a, b) => a + b)]);
        expectClose([total((block) => block.position)], [positions.reduce((a, b) => a + b)]);
      }),
      SEED,
    );
  });

  it("does not depend on the order of the rows", () => {
    fc.assert(
      fc.property(rows, (pairs) => {
        const [blocks, reversed] = [pairs, pairs.toReversed()].map((list) => fitNonIncreasing(...columns(list)));
        const numbers = (list: Block[]) => list.flatMap((block) => [block.position, block.value, block.count]);
        expectClose(numbers(reversed), numbers(blocks));
      }),
      SEED,
    );
  });

  it("leaves its arguments as they were", () => {
    const positions = [3, 1, 2];
    const values = [1, 2, 3];
    fitNonIncreasing(positions, values);
    expect([positions, values]).toEqual([
      [3, 1, 2],
      [1, 2, 3],
    ]);
  });

  it.each([
    ["no rows", [], [], "values: expected one for each of 0 positions, at least one, got 0"],
    ["different lengths", [1, 2], [1], "values: expected one for each of 2 positions, at least one, got 1"],
    ["a position that is NaN", [1, Number.NaN], [1, 2], "row 1: got NaN"],
    ["a value that is NaN", [1, 2], [Number.NaN, 2], "row 0: got NaN"],
  ])("refuses %s", (_, positions, values, message) => {
    expect(() => fitNonIncreasing(positions, values)).toThrow(new RangeError(message));
  });
});

it("pools by adding counts and averaging by them", () => {
  const left = { position: 1, value: 10, count: 3 };
  pool(left, { position: 5, value: 2, count: 1 });
  expect(left).toEqual({ position: 2, value: 8, count: 4 });
});

function columns(pairs: readonly (readonly [number, number])[]): [number[], number[]] {
  return [pairs.map(([position]) => position), pairs.map(([, value]) => value)];
}
