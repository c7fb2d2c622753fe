import {
  binomialCdf,
  binomialProbability,
  binomialUpperTail,
  deviance,
  logGamma,
  regularisedBeta,
  upperConfidenceBound,
} from "@spillway/shared/offload/binomial-tail";
import { describe, expect, it } from "vitest";
import golden from "../../vectors/calibration.json" with { type: "json" };
import { expectClose } from "../close.ts";

/** SciPy itself is off by 3e-10 where p is a millionth and n ten million. */
const RELATIVE = 1e-9;

/** Within 1e-9 of the expected number, and within 1e-9 of its size. */
function expectSameSize(actual: number, expected: number, what: string): void {
  const error = Math.abs(actual - expected) / (Math.abs(expected) || 1);
  if (!(error <= RELATIVE)) expect.fail(`${what}: expected ${expected}, got ${actual}`);
}

it("agrees with SciPy on both tails and the probability, from 1e-250 to 1", () => {
  expect(golden.binomial.some(([, , , cdf]) => cdf > 0 && cdf < 1e-150)).toBe(true);
  expect(golden.binomial.some(([, , , , upper]) => upper > 0 && upper < 1e-60)).toBe(true);
  for (const [k, n, p, cdf, upper, probability] of golden.binomial) {
    expectSameSize(binomialCdf(k, n, p), cdf, `P(X <= ${k}; ${n}, ${p})`);
    expectSameSize(binomialUpperTail(k, n, p), upper, `P(X >= ${k}; ${n}, ${p})`);
    expectSameSize(binomialProbability(k, n, p), probability, `P(X = ${k}; ${n}, ${p})`);
  }
});

it("agrees with SciPy on the regularised incomplete beta function", () => {
  for (const [x, a, b, value] of golden.beta) expectSameSize(regularisedBeta(x, a, b), value, `I_${x}(${a}, ${b})`);
});

it("agrees with SciPy on the logarithm of the gamma function", () => {
  for (const [x, value] of golden.logGamma) expectClose([logGamma(x)], [value], 1e-14);
});

describe("the tails", () => {
  it("add up: P(X <= k) + P(X >= k + 1) = 1, and P(X = k) is the difference of neighbours", () => {
    for (let k = -1; k <= 31; k++) {
      expect(binomialCdf(k, 30, 0.37) + binomialUpperTail(k + 1, 30, 0.37)).toBeCloseTo(1, 14);
      const difference = binomialCdf(k, 30, 0.37) - binomialCdf(k - 1, 30, 0.37);
      expect(binomialProbability(k, 30, 0.37)).toBeCloseTo(difference, 14);
    }
  });

  it("are exact one past both ends, and for no trials", () => {
    expect([binomialCdf(-1, 5, 0.5), binomialCdf(5, 5, 0.5), binomialCdf(6, 5, 0.5)]).toEqual([0, 1, 1]);
    expect([binomialUpperTail(0, 5, 0.5), binomialUpperTail(6, 5, 0.5)]).toEqual([1, 0]);
    expect([binomialProbability(-1, 5, 0.5), binomialProbability(6, 5, 0.5)]).toEqual([0, 0]);
    expect([binomialCdf(0, 0, 0.5), binomialUpperTail(1, 0, 0.5), binomialProbability(0, 0, 0.5)]).toEqual([1, 0, 1]);
  });

  it("keep the digits of the smallest: both ends of a thousand trials", () => {
    expectSameSize(binomialCdf(0, 1000, 0.5), 2 ** -1000, "P(X <= 0)");
    expectSameSize(binomialUpperTail(1000, 1000, 0.5), 2 ** -1000, "P(X >= 1000)");
    expectSameSize(binomialUpperTail(2, 2, 1e-120), 1e-240, "P(X >= 2)");
  });

  it.each([
    ["part of a success", 0.5, 5, 0.5, "k: expected a whole number, got 0.5"],
    ["NaN", Number.NaN, 5, 0.5, "k: expected a whole number, got NaN"],
    ["part of a trial", 1, 2.5, 0.5, "n: expected a whole number of at least 0, got 2.5"],
    ["fewer trials than none", 1, -1, 0.5, "n: expected a whole number of at least 0, got -1"],
    ["a negative probability", 1, 5, -Number.MIN_VALUE, "p: expected [0, 1], got -5e-324"],
    ["a probability above 1", 1, 5, 1.5, "p: expected [0, 1], got 1.5"],
    ["a probability that is NaN", 1, 5, Number.NaN, "p: expected [0, 1], got NaN"],
  ])("refuse %s", (_, k, n, p, message) => {
    for (const compute of [binomialCdf, binomialUpperTail, binomialProbability]) {
      expect(() => compute(k, n, p)).toThrow(new RangeError(message));
    }
  });
});

describe("upperConfidenceBound", () => {
  it("agrees with SciPy", () => {
    for (const [k, n, level, bound] of golden.upperConfidenceBound) {
      expectSameSize(upperConfidenceBound(k, n, level), bound, `bound of ${k} in ${n} at ${level}`);
    }
  });

  it("is where as few successes have probability 1 - level", () => {
    for (const k of [0, 1, 50, 399]) {
      expectSameSize(binomialCdf(k, 400, upperConfidenceBound(k, 400, 0.99)), 0.01, `P at the bound of ${k}`);
    }
  });

  it("is 1 for successes alone, and below 1 for one less", () => {
    expect(upperConfidenceBound(7, 7, 0.9)).toBe(1);
    expect(upperConfidenceBound(6, 7, 0.9)).toBeLessThan(1);
  });

  it.each([
    ["no trials", 0, 0, 0.5, "n: expected at least 1, got 0"],
    ["more successes than trials", 6, 5, 0.5, "k: expected 0 to 5, got 6"],
    ["fewer successes than none", -1, 5, 0.5, "k: expected 0 to 5, got -1"],
    ["a level of 0", 1, 5, 0, "level: expected a number between 0 and 1, got 0"],
    ["a level of 1", 1, 5, 1, "level: expected a number between 0 and 1, got 1"],
    ["NaN", 1, 5, Number.NaN, "level: expected a number between 0 and 1, got NaN"],
  ])("refuses %s", (_, k, n, level, message) => {
    expect(() => upperConfidenceBound(k, n, level)).toThrow(new RangeError(message));
  });
});

it("measures the deviance without cancellation", () => {
  expect(deviance(5, 5)).toBe(0);
  expectSameSize(deviance(2, 1), 2 * Math.log(2) - 1, "far from the mean");
  // (x - mean)^2 / (2 mean) to leading order; the direct formula has no digit left.
  expectSameSize(deviance(1e8 + 1, 1e8), 1 / 2e8 - 1 / 6e16, "near the mean");
});

it.each([0, -1, Infinity, Number.NaN])("refuses %d for the functions behind", (x) => {
  const message = `expected a finite number above 0, got ${x}`;
  expect(() => logGamma(x)).toThrow(new RangeError(`x: ${message}`));
  expect(() => regularisedBeta(0.5, x, 1)).toThrow(new RangeError(`a: ${message}`));
  expect(() => regularisedBeta(0.5, 1, x)).toThrow(new RangeError(`b: ${message}`));
  expect(() => regularisedBeta(x === 0 ? 1.1 : x, 1, 1)).toThrow(RangeError);
});
