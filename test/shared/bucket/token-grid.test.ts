import {
  checkTokenGrid,
  MAX_GRID_ERROR,
  MAX_GRID_LEVELS,
  MAX_GRID_SCALE,
  type TokenGrid,
  tokenGrid,
  wholeTokenLevel,
} from "@spillway/shared/bucket/token-grid";
import fc from "fast-check";
import { describe, expect, it } from "vitest";

const errorOf = ({ q, p, m }: TokenGrid, rate: number, depth: number) =>
  Math.abs(q / p - rate) / rate + Math.abs(m / p - depth) / depth;

/** Every grid within the limits, not only those with rounded numerators. */
function leastError(rate: number, depth: number): number {
  let least = Number.POSITIVE_INFINITY;
  for (let p = 1; p <= MAX_GRID_SCALE; p++) {
    for (const q of [Math.floor(rate * p), Math.ceil(rate * p)]) {
      for (const m of [Math.floor(depth * p), Math.ceil(depth * p)]) {
        if (q >= 1 && m >= p && m <= MAX_GRID_LEVELS) least = Math.min(least, errorOf({ q, p, m }, rate, depth));
      }
    }
  }
  return least;
}

describe("tokenGrid", () => {
  const depths = [1, 2, 4, 5, 10];
  it.each([
    [0.05, 1, 20],
    [0.1, 1, 10],
    [0.25, 1, 4],
  ])("is exact for the published rate of %d", (rate, q, p) => {
    for (const depth of depths) expect(tokenGrid(rate, depth)).toEqual({ q, p, m: depth * p });
  });

  it.each([
    ["a third", 1 / 3, 2, { q: 1, p: 3, m: 6 }],
    ["a depth in halves", 1, 2.5, { q: 2, p: 2, m: 5 }],
    ["the finest scale", 0.01, 1, { q: 1, p: 100, m: 100 }],
    ["whole numbers", 7, 3, { q: 7, p: 1, m: 3 }],
    ["a rate that fills any bucket at once", 1e300, 2, { q: 1e300, p: 1, m: 2 }],
    ["a depth just above one token", 0.5, 1 + 1e-12, { q: 1, p: 2, m: 2 }],
  ])("holds %s exactly", (_, rate, depth, grid) => {
    expect(tokenGrid(rate, depth)).toEqual(grid);
  });

  it("is the best of all grids, and the coarsest of the best", () => {
    const rates = fc.double({ min: 0.0101, max: 30, noNaN: true });
    fc.assert(
      fc.property(rates, fc.double({ min: 1, max: 90, noNaN: true }), (rate, depth) => {
        const grid = tokenGrid(rate, depth);
        const error = errorOf(grid, rate, depth);
        expect(() => checkTokenGrid(grid)).not.toThrow();
        expect(error).toBeLessThanOrEqual(leastError(rate, depth) + 1e-9);
        for (let p = 1; p < grid.p; p++) {
          const coarser = { q: Math.round(rate * p), p, m: Math.round(depth * p) };
          if (coarser.q > 0) expect(errorOf(coarser, rate, depth)).toBeGreaterThan(error);
        }
      }),
      { seed: 3, numRuns: 200 },
    );
  });

  it("takes a coarser grid where a fine one would have too many levels", () => {
    expect(tokenGrid(0.37, 100)).toEqual({ q: 37, p: 100, m: MAX_GRID_LEVELS });
    const grid = tokenGrid(0.37, 101);
    expect(grid.p).toBeLessThan(100);
    expect(grid.m).toBeLessThanOrEqual(MAX_GRID_LEVELS);
    expect(errorOf(grid, 0.37, 101)).toBe(leastError(0.37, 101));
  });

  it("has at most so many levels", () => {
    expect(tokenGrid(1, MAX_GRID_LEVELS)).toEqual({ q: 1, p: 1, m: MAX_GRID_LEVELS });
    expect(() => tokenGrid(1, MAX_GRID_LEVELS + 1)).toThrow("got 1 and 10001");
    expect(() => tokenGrid(0.1, 1e6)).toThrow(RangeError);
  });

  it("refuses what it could only hold with a greater error than its limit", () => {
    const slowest = 1 / MAX_GRID_SCALE / (1 + MAX_GRID_ERROR);
    expect(tokenGrid(slowest * 1.000001, 1)).toEqual({ q: 1, p: 100, m: 100 });
    expect(() => tokenGrid(slowest * 0.999999, 1)).toThrow(/^rate and depth: expected a pair that a grid can hold/);
    expect(() => tokenGrid(Number.MIN_VALUE, 1)).toThrow(RangeError);
    // A tenth of a token needs a scale of ten, which leaves room for a thousand tokens.
    expect(tokenGrid(0.1, 1000)).toEqual({ q: 1, p: 10, m: MAX_GRID_LEVELS });
    expect(() => tokenGrid(0.1, 1200)).toThrow(RangeError);
  });

  it.each([
    [0, 1, "rate: expected a number above 0, got 0"],
    [-1, 1, "rate: expected a number above 0, got -1"],
    [Number.NaN, 1, "rate: expected a number above 0, got NaN"],
    [Number.POSITIVE_INFINITY, 1, "rate: expected a number above 0, got Infinity"],
    [1, 1 - Number.EPSILON, "depth: expected at least 1, got 0.9999999999999998"],
    [1, Number.NaN, "depth: expected at least 1, got NaN"],
    [1, Number.POSITIVE_INFINITY, "depth: expected at least 1, got Infinity"],
  ])("refuses a rate of %d and a depth of %d", (rate, depth, message) => {
    expect(() => tokenGrid(rate, depth)).toThrow(new RangeError(message));
  });
});

describe("checkTokenGrid", () => {
  it.each([
    { q: 1, p: 1, m: 1 },
    { q: 3, p: 2, m: MAX_GRID_LEVELS },
  ])("accepts %o", (grid) => {
    expect(() => checkTokenGrid(grid)).not.toThrow();
  });

  it.each([
    [{ q: 0, p: 1, m: 1 }, "q: expected a whole number, at least 1, got 0"],
    [{ q: 1.5, p: 1, m: 1 }, "q: expected a whole number, at least 1, got 1.5"],
    [{ q: 1, p: 0, m: 1 }, "p: expected a whole number, at least 1, got 0"],
    [{ q: 1, p: Number.NaN, m: 1 }, "p: expected a whole number, at least 1, got NaN"],
    [{ q: 1, p: 4, m: 3 }, "m: expected a whole number, 4 to 10000, got 3"],
    [{ q: 1, p: 4, m: 4.5 }, "m: expected a whole number, 4 to 10000, got 4.5"],
    [{ q: 1, p: 4, m: MAX_GRID_LEVELS + 1 }, "m: expected a whole number, 4 to 10000, got 10001"],
  ])("refuses %o", (grid, message) => {
    expect(() => checkTokenGrid(grid)).toThrow(new RangeError(message));
  });
});

describe("wholeTokenLevel", () => {
  const GRID = { q: 1, p: 10, m: 25 };
  it.each([
    ["below one token", 0.99, 10],
    ["nothing", 0, 10],
    ["a debt", -1, 10],
    ["one token", 1, 10],
    ["one token but for rounding", 1 - 2 ** -53, 10],
    ["just below a level", 1.0999, 10],
    ["a level", 1.1, 11],
    ["a level but for rounding", 1.1 - 2 ** -52, 11],
    ["as much below a level as still counts", 1.1 - 0.9e-7, 11],
    ["more than that below it", 1.1 - 1.1e-7, 10],
    ["the top", 2.5, 25],
    ["above the top", 2.6, 25],
    ["far above it", 1e300, 25],
  ])("is p to m: %s", (_, tokens, level) => {
    expect(wholeTokenLevel(tokens, GRID)).toBe(level);
  });

  it("is p where the bucket holds one token", () => {
    for (const tokens of [0, 1, 2]) expect(wholeTokenLevel(tokens, { q: 1, p: 7, m: 7 })).toBe(7);
  });

  it.each([0.1, 0.05, 0.25, 0.07, 1 / 3])("is exact after any number of refills of %d", (rate) => {
    const grid = tokenGrid(rate, 50);
    let tokens = 0;
    for (let level = grid.q; level <= grid.m; level += grid.q) {
      tokens += rate;
      expect(wholeTokenLevel(tokens, grid)).toBe(Math.max(grid.p, level));
    }
  });
});
