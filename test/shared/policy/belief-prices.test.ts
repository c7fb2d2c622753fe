import { type TokenGrid, tokenGrid } from "@spillway/shared/bucket/token-grid";
import {
  type PricedTraffic,
  type PriceOptions,
  solveTokenPrices,
  solveTokenPricesInSteps,
} from "@spillway/shared/policy/belief-prices";
import type { HiddenMarkovModel } from "@spillway/shared/policy/hidden-markov";
import { NEVER_THRESHOLD, solveThresholds } from "@spillway/shared/policy/value-iteration";
import { mulberry32 } from "@spillway/shared/random/mulberry32";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { expectClose } from "../close.ts";

/** One state that shows its symbols with these shares. */
function oneState(shares: readonly number[]): HiddenMarkovModel {
  return { states: 1, symbols: shares.length, transitions: Float64Array.of(1), emissions: Float64Array.from(shares) };
}

const STEADY = { pace: oneState([1]), paceSeconds: Float64Array.of(1) };
const priceAt = (values: Float64Array, { p, m }: TokenGrid, cell: number, level: number) =>
  values[cell * (m - p + 1) + level - p];

/**
 * The equations of {@link solveTokenPrices} written out: every band at every level in every state, until nothing
 * moves. [cell][level - p], a cell being pace * difficulty.states + difficulty.
 */
function bruteForcePrices(traffic: PricedTraffic, { q, p, m }: TokenGrid, discount: number): number[][] {
  const { difficulty, pace, bandGains, paceSeconds } = traffic;
  const levels = Array.from({ length: m + 1 }, (_, level) => level);
  const cells = Array.from({ length: pace.states * difficulty.states }, (_, cell) => ({
    a: Math.floor(cell / difficulty.states),
    s: cell % difficulty.states,
  }));
  let worth = cells.map(() => levels.map(() => 0));
  for (let sweep = 0; sweep < 5000; sweep++) {
    const later = cells.map(({ a, s }) =>
      levels.map((level) => {
        let sum = 0;
        for (const [cell, next] of cells.entries()) {
          const moves =
            pace.transitions[a * pace.states + next.a] * difficulty.transitions[s * difficulty.states + next.s];
          for (let i = 0; i < pace.symbols; i++) {
            const fill = Math.min(q * paceSeconds[i], m);
            const [whole, rest] = [Math.floor(fill), fill % 1];
            const filled = (levels: number) => worth[cell][Math.min(level + levels, m)];
            const mean = (1 - rest) * filled(whole) + (rest > 0 ? rest * filled(whole + 1) : 0);
            sum += discount * moves * pace.emissions[next.a * pace.symbols + i] * mean;
          }
        }
        return sum;
      }),
    );
    const next = cells.map(({ s }, cell) =>
      levels.map((level) => {
        if (level < p) return later[cell][level];
        let sum = 0;
        for (let band = 0; band < difficulty.symbols; band++) {
          const spent = bandGains[band] + later[cell][level - p];
          sum += difficulty.emissions[s * difficulty.symbols + band] * Math.max(later[cell][level], spent);
        }
        return sum;
      }),
    );
    const moved = Math.max(...next.flatMap((row, cell) => row.map((value, n) => Math.abs(value - worth[cell][n]))));
    worth = next;
    if (moved < 1e-13) return later.map((row) => levels.slice(p).map((level) => row[level] - row[level - p]));
  }
  throw new Error("not settled");
}

const share = fc.double({ min: 0.01, max: 1, noNaN: true });
/** Rows of probabilities. */
const rowsOf = (rows: number, columns: number) =>
  fc
    .array(fc.array(share, { minLength: columns, maxLength: columns }), { minLength: rows, maxLength: rows })
    .map((all) =>
      Float64Array.from(
        all.flatMap((row) => {
          const sum = row.reduce((total, value) => total + value, 0);
          return row.map((value) => value / sum);
        }),
      ),
    );
const modelOf = (states: number, symbols: number) =>
  fc.record({
    states: fc.constant(states),
    symbols: fc.constant(symbols),
    transitions: rowsOf(states, states),
    emissions: rowsOf(states, symbols),
  });
const trafficOf: fc.Arbitrary<PricedTraffic> = fc.record({
  difficulty: modelOf(2, 3),
  bandGains: fc
    .array(fc.double({ min: -0.5, max: 1, noNaN: true }), { minLength: 3, maxLength: 3 })
    .map((gains) => Float64Array.from(gains)),
  pace: modelOf(2, 2),
  paceSeconds: fc.constantFrom([1, 3], [0, 2], [0.5, 1.25]).map((units) => Float64Array.from(units)),
});
const gridOf = fc
  .record({ q: fc.integer({ min: 1, max: 3 }), p: fc.integer({ min: 1, max: 4 }), m: fc.integer({ min: 1, max: 6 }) })
  .filter(({ p, m }) => m >= p);
const EXACT: PriceOptions = { discount: 0.9, tolerance: 1e-12 };

describe("solveTokenPrices", () => {
  it("solves the equations that it states", () => {
    fc.assert(
      fc.property(trafficOf, gridOf, (traffic, grid) => {
        const { values } = solveTokenPrices(traffic, grid, EXACT);
        expectClose(values, bruteForcePrices(traffic, grid, 0.9).flat(), 1e-9);
      }),
      { seed: 41, numRuns: 60 },
    );
  });

  it("has prices that are at least 0 and fall as the bucket fills", () => {
    fc.assert(
      fc.property(trafficOf, gridOf, (traffic, grid) => {
        const { values } = solveTokenPrices(traffic, grid, EXACT);
        for (let cell = 0; cell < 4; cell++) {
          for (let level = grid.p; level <= grid.m; level++) {
            const price = priceAt(values, grid, cell, level);
            expect(price).toBeGreaterThanOrEqual(0);
            if (level > grid.p) expect(price).toBeLessThanOrEqual(priceAt(values, grid, cell, level - 1) + 1e-9);
          }
        }
      }),
      { seed: 42, numRuns: 100 },
    );
  });

  it.each([
    [0.1, 4],
    [0.25, 2],
    [0.37, 3],
  ])("buys the same images as value iteration where nothing is hidden: rate %d, depth %d", (rate, depth) => {
    const random = mulberry32(43);
    const gains = Float64Array.from({ length: 40 }, () => 2 * random() - 1).sort();
    const grid = tokenGrid(rate, depth);
    const traffic = { difficulty: oneState(new Array(40).fill(1 / 40)), bandGains: gains, ...STEADY };
    const { values } = solveTokenPrices(traffic, grid, { discount: 0.99, tolerance: 1e-10 });
    const thresholds = solveThresholds({ metrics: gains, rewards: gains }, grid, [{ units: 1, share: 1 }], {
      discount: 0.99,
      settle: "values",
      tolerance: 1e-10,
    });
    expect(Array.from(values, (price) => gains.find((gain) => gain > price) ?? NEVER_THRESHOLD)).toEqual(thresholds);
    expect(new Set(thresholds).size).toBeGreaterThan(3);
  });

  it("counts intervals like value iteration", () => {
    const gains = Float64Array.of(0.05, 0.3, 0.7);
    const grid = { q: 1, p: 5, m: 15 };
    const traffic = {
      difficulty: oneState([0.5, 0.25, 0.25]),
      bandGains: gains,
      pace: oneState([0.4, 0.6]),
      paceSeconds: Float64Array.of(1, 3),
    };
    const { values } = solveTokenPrices(traffic, grid, { discount: 0.99, tolerance: 1e-10 });
    const four = { metrics: Float64Array.of(0.05, 0.05, 0.3, 0.7), rewards: Float64Array.of(0.05, 0.05, 0.3, 0.7) };
    const intervals = [
      { units: 1, share: 0.4 },
      { units: 3, share: 0.6 },
    ];
    const thresholds = solveThresholds(four, grid, intervals, { discount: 0.99, settle: "values", tolerance: 1e-10 });
    expect(Array.from(values, (price) => gains.find((gain) => gain > price) ?? NEVER_THRESHOLD)).toEqual(thresholds);
  });

  it("asks more for a token while hard images last", () => {
    const difficulty = {
      states: 2,
      symbols: 2,
      transitions: Float64Array.of(0.95, 0.05, 0.05, 0.95),
      emissions: Float64Array.of(0.9, 0.1, 0.2, 0.8),
    };
    const grid = tokenGrid(0.1, 2);
    const { values } = solveTokenPrices({ difficulty, bandGains: Float64Array.of(0.05, 0.6), ...STEADY }, grid);
    const width = grid.m - grid.p + 1;
    for (let index = 0; index < width; index++) expect(values[width + index]).toBeGreaterThan(values[index]);
  });

  it("asks nothing where there are tokens for all, or nothing to gain", () => {
    const difficulty = oneState([0.5, 0.5]);
    const plenty = solveTokenPrices(
      { difficulty, bandGains: Float64Array.of(-0.2, 0.5), ...STEADY },
      { q: 1, p: 1, m: 3 },
    );
    expectClose(plenty.values, new Float64Array(3), 1e-9);
    const vain = solveTokenPrices({ difficulty, bandGains: Float64Array.of(-1, 0), ...STEADY }, { q: 1, p: 3, m: 6 });
    expectClose(vain.values, new Float64Array(4), 0);
  });

  it("settles within its tolerance where it settles slowly", () => {
    // A bucket of 10 tokens that takes 200 images to fill.
    const random = mulberry32(44);
    const difficulty = oneState(new Array(20).fill(1 / 20));
    const traffic = { difficulty, bandGains: Float64Array.from({ length: 20 }, random), ...STEADY };
    const grid = tokenGrid(0.05, 10);
    const exact = solveTokenPrices(traffic, grid, { tolerance: 1e-11, maxSweeps: 50_000 });
    const { values, settled } = solveTokenPrices(traffic, grid);
    expect(settled).toBe(true);
    // A price is compared with gains that nobody knows to three digits.
    expectClose(values, exact.values, 1e-3);
    expect(solveTokenPrices(traffic, grid, { maxSweeps: 10 }).settled).toBe(false);
  });

  it("prices no token above the largest gain, and comes close to the exact prices, however rare tokens are", () => {
    const sticky = (states: number, stay: number) =>
      Float64Array.from({ length: states ** 2 }, (_, at) =>
        at % (states + 1) === 0 ? stay : (1 - stay) / Math.max(1, states - 1),
      );
    const bandGains = Float64Array.from({ length: 10 }, (_, band) => band / 10 - 0.02);
    const bands = (states: number) =>
      Float64Array.from({ length: states * 10 }, (_, at) => {
        const [state, band] = [Math.floor(at / 10), at % 10];
        return states === 1 ? 0.1 : Math.floor((band * states) / 10) === state ? 0.09 * states : 0.01;
      });
    for (const [states, paces] of [
      [1, [1]],
      [2, [1]],
      [2, [0.05, 1]],
    ] as const) {
      const emissions = bands(states);
      const rows = Float64Array.from(emissions, (value, at) => {
        const start = at - (at % 10);
        return value / emissions.slice(start, start + 10).reduce((sum, share) => sum + share, 0);
      });
      const difficulty = { states, symbols: 10, transitions: sticky(states, states === 1 ? 1 : 0.98), emissions: rows };
      const pace = {
        states: paces.length,
        symbols: paces.length,
        transitions: sticky(paces.length, paces.length === 1 ? 1 : 0.999),
        emissions: Float64Array.from({ length: paces.length ** 2 }, (_, at) => (at % (paces.length + 1) === 0 ? 1 : 0)),
      };
      const traffic = { difficulty, bandGains, pace, paceSeconds: Float64Array.from(paces) };
      for (const [rate, depth] of [
        [0.1, 4],
        [0.02, 4],
        [0.01, 20],
        [0.005, 4],
      ]) {
        const p = 5;
        const grid = { q: rate * p, p, m: depth * p };
        const { values, settled } = solveTokenPrices(traffic, grid);
        expect(settled).toBe(true);
        expect(Math.max(...values)).toBeLessThanOrEqual(0.88 + 1e-9);
        const exact = solveTokenPrices(traffic, grid, { tolerance: 1e-8, maxSweeps: 100_000 });
        expectClose(values, exact.values, 0.01);
      }
    }
  });

  it("takes steps to the same prices", () => {
    const random = mulberry32(45);
    const [states, symbols] = [24, 20];
    const transitions = new Float64Array(states * states).fill(1 / states);
    const emissions = new Float64Array(states * symbols).fill(1 / symbols);
    const difficulty = { states, symbols, transitions, emissions };
    const traffic = { difficulty, bandGains: Float64Array.from({ length: symbols }, random), ...STEADY };
    const steps = solveTokenPricesInSteps(traffic, tokenGrid(0.05, 10));
    let taken = 0;
    let step = steps.next();
    for (; !step.done; step = steps.next()) taken += 1;
    expect(taken).toBeGreaterThan(0);
    expect(step.value).toEqual(solveTokenPrices(traffic, tokenGrid(0.05, 10)));
  });

  it("does not settle before the first tokens have come", () => {
    // One token at most, all or nothing: for p sweeps no price moves, though the levels below still do.
    const traffic = { difficulty: oneState([0.5, 0.5]), bandGains: Float64Array.of(0.1, 1), ...STEADY };
    const grid = { q: 1, p: 30, m: 30 };
    const { values } = solveTokenPrices(traffic, grid, EXACT);
    expectClose(values, bruteForcePrices(traffic, grid, 0.9).flat(), 1e-9);
  });

  it("takes options at their limits", () => {
    const traffic = { difficulty: oneState([1]), bandGains: Float64Array.of(0.5), ...STEADY };
    const grid = { q: 1, p: 2, m: 2 };
    expect(solveTokenPrices(traffic, grid, { discount: 0 }).values).toEqual(Float64Array.of(0));
    expect(solveTokenPrices(traffic, { q: 1, p: 1, m: 1 }, { maxSweeps: 1 }).values).toEqual(Float64Array.of(0));
    // A token comes for every second image: one spent now is missed at the next, discount or not.
    const undiscounted = solveTokenPrices(traffic, grid, { discount: 1, tolerance: 0, maxSweeps: 1000 }).values;
    expect(undiscounted[0]).toBeGreaterThan(0);
    expect(undiscounted[0]).toBeLessThanOrEqual(0.5);
  });
});

describe("bad input", () => {
  const good = { difficulty: oneState([0.5, 0.5]), bandGains: Float64Array.of(0, 1), ...STEADY };
  const grid = { q: 1, p: 2, m: 4 };

  it.each([
    [{ bandGains: Float64Array.of(1) }, "bandGains: expected 2, one for each symbol, got 1"],
    [{ bandGains: Float64Array.of(1, Number.NaN) }, "bandGains: expected finite numbers, got NaN"],
    [{ paceSeconds: Float64Array.of(1, 2) }, "paceSeconds: expected 1, one for each symbol, got 2"],
    [{ paceSeconds: Float64Array.of(-1) }, "paceSeconds: expected finite numbers, at least 0, got -1"],
    [{ paceSeconds: Float64Array.of(Number.NaN) }, "paceSeconds: expected finite numbers, at least 0, got NaN"],
  ])("is refused: %o", (part, message) => {
    expect(() => solveTokenPrices({ ...good, ...part }, grid)).toThrow(new RangeError(message));
  });

  it.each([
    [{ discount: 1 + Number.EPSILON }, "discount: expected 0 to 1, got 1.0000000000000002"],
    [{ maxSweeps: 0 }, "maxSweeps: expected a whole number, at least 1, got 0"],
    [{ tolerance: -Number.MIN_VALUE }, "tolerance: expected at least 0, got -5e-324"],
  ])("is refused: %o", (options, message) => {
    expect(() => solveTokenPrices(good, grid, options)).toThrow(new RangeError(message));
  });

  it("is refused: a bucket that holds no whole token", () => {
    expect(() => solveTokenPrices(good, { q: 1, p: 4, m: 3 })).toThrow("m: expected");
  });
});
