import { binomialCdf, upperConfidenceBound } from "@spillway/shared/offload/binomial-tail";
import { binomialPValue, hoeffdingBentkusPValue, pairedPValue } from "@spillway/shared/offload/risk-p-values";
import { mulberry32 } from "@spillway/shared/random/mulberry32";
import { describe, expect, it } from "vitest";
import golden from "../../vectors/calibration.json" with { type: "json" };
import { expectClose } from "../close.ts";

describe("hoeffdingBentkusPValue", () => {
  it("agrees with SciPy", () => {
    for (const [mean, rows, limit, value] of golden.risk.hoeffdingBentkus) {
      expectClose([hoeffdingBentkusPValue(mean, rows, limit)], [value], 1e-12);
    }
  });

  it("is 1 from the limit on, and less just below it for enough rows", () => {
    expect(hoeffdingBentkusPValue(0.05, 1000, 0.05)).toBe(1);
    expect(hoeffdingBentkusPValue(0.06, 1000, 0.05)).toBe(1);
    expect(hoeffdingBentkusPValue(0.02, 1000, 0.05)).toBeLessThan(1e-5);
  });

  it("knows the ends of the limit: nothing is below 0, nothing above 1", () => {
    expect(hoeffdingBentkusPValue(0, 50, 0)).toBe(1);
    expect(hoeffdingBentkusPValue(0.5, 50, 1)).toBe(0);
    expect(hoeffdingBentkusPValue(1, 50, 1)).toBe(1);
  });

  it("is never below the exact p-value of losses that are 0 or 1", () => {
    for (let harmed = 0; harmed <= 40; harmed++) {
      const exact = binomialPValue(harmed, 200, 0.1);
      expect(hoeffdingBentkusPValue(harmed / 200, 200, 0.1)).toBeGreaterThanOrEqual(exact);
    }
  });

  it.each([
    ["a negative loss", -0.001, 10, 0.5, "meanLoss: expected [0, 1], got -0.001"],
    ["a loss above 1", 1.001, 10, 0.5, "meanLoss: expected [0, 1], got 1.001"],
    ["NaN", Number.NaN, 10, 0.5, "meanLoss: expected [0, 1], got NaN"],
  ])("refuses %s", (_, loss, rows, limit, message) => {
    expect(() => hoeffdingBentkusPValue(loss, rows, limit)).toThrow(new RangeError(message));
  });
});

describe("binomialPValue", () => {
  it("is the lower tail, 1 where every row was harmed", () => {
    expect(binomialPValue(3, 100, 0.1)).toBe(binomialCdf(3, 100, 0.1));
    expect(binomialPValue(0, 20, 0.1)).toBeCloseTo(0.9 ** 20, 14);
    expect(binomialPValue(20, 20, 0.1)).toBe(1);
  });

  it.each([-1, 21, 0.5, Number.NaN])("refuses %d of 20 rows", (harmed) => {
    const message = `harmed: expected a whole number from 0 to 20, got ${harmed}`;
    expect(() => binomialPValue(harmed, 20, 0.1)).toThrow(new RangeError(message));
  });
});

describe("pairedPValue", () => {
  it("agrees with the distribution of the sum by convolution in NumPy", () => {
    expect(golden.risk.paired.filter(([, , , , , value]) => value < 1).length).toBeGreaterThan(200);
    for (const [worse, better, rows, limit, share, value] of golden.risk.paired) {
      expectClose([pairedPValue(worse, better, rows, limit, share)], [value], 1e-12);
    }
  });

  it("takes a nuisance share of 0.01 unless told, and is never less than it", () => {
    expect(pairedPValue(10, 60, 1000, 0.01)).toBe(pairedPValue(10, 60, 1000, 0.01, 0.01));
    expect(pairedPValue(0, 100, 1000, 0.1)).toBeCloseTo(0.01, 12);
    expect(pairedPValue(0, 100, 1000, 0.1, 0.001)).toBeCloseTo(0.001, 12);
  });

  it("is 1 one past the sum, and one past the share of changes, for which it is proven", () => {
    // (201 - 1) 0.1 - 2 = 18
    expect(pairedPValue(18, 0, 201, 0.1)).toBeLessThan(1);
    expect(pairedPValue(19, 0, 201, 0.1)).toBe(1);
    const changes = Array.from({ length: 400 }, (_, m) => m).findLast((m) => upperConfidenceBound(m, 400, 0.99) <= 0.5);
    expect(pairedPValue(0, changes ?? 0, 400, 0)).toBeLessThan(1);
    expect(pairedPValue(0, (changes ?? 0) + 1, 400, 0)).toBe(1);
  });

  it("rises with what is lost, and falls with the limit", () => {
    const byWorse = [10, 20, 30, 40, 50].map((worse) => pairedPValue(worse, 40, 2000, 0.01));
    expect(byWorse).toEqual(byWorse.toSorted((a, b) => a - b));
    expect(new Set(byWorse).size).toBe(byWorse.length);
    const byLimit = [0, 0.005, 0.01, 0.02].map((limit) => pairedPValue(25, 40, 2000, limit));
    expect(byLimit).toEqual(byLimit.toSorted((a, b) => b - a));
  });

  it("takes the worst share of changes: P(S' <= s) rises with it as far as the sum allows", () => {
    const [rows, limit] = [60, 0.1];
    for (let sum = -rows; sum <= (rows - 1) * limit - 2; sum++) {
      let last = 0;
      for (let share = limit; share <= 0.5; share += 0.02) {
        const here = convolvedCdf(sum, rows, share, limit);
        expect(here).toBeGreaterThanOrEqual(last - 1e-14);
        last = here;
      }
    }
    // Past it the worst share is another: the guard is needed.
    expect(convolvedCdf(7, rows, 0.5, limit)).toBeLessThan(convolvedCdf(7, rows, 0.3, limit));
  });

  it.each([
    [500, 0.02, 0.05],
    [500, 0.02, 0.3],
    [120, 0.05, 0.06],
    [2000, 0.005, 0.1],
  ])(
    "is at most 0.1 in at most a tenth of samples at the limit: %d rows, limit %d, %d changed",
    (rows, limit, share) => {
      const random = mulberry32(17);
      const samples = 2000;
      let rejected = 0;
      for (let sample = 0; sample < samples; sample++) {
        const [worse, better] = changes(rows, (share + limit) / 2, (share - limit) / 2, random);
        if (pairedPValue(worse, better, rows, limit) <= 0.1) rejected++;
      }
      // Four standard deviations of a tenth of 2000 above it.
      expect(rejected / samples).toBeLessThan(0.1 + 4 * Math.sqrt((0.1 * 0.9) / samples));
      expect(rejected).toBeGreaterThan(0);
    },
  );

  it("stays exact where the sum is far from all that is likely", () => {
    expect(pairedPValue(0, 1500, 4000, 0.1)).toBe(0.01);
    expect(pairedPValue(0, 0, 4000, 0.5)).toBeCloseTo(0.01, 12);
    expect(pairedPValue(0, 0, 1, 0)).toBe(1);
  });

  it.each([
    ["a negative count", -1, 0, 0.01, "worse: expected a whole number from 0 to 10, got -1"],
    ["part of an image", 0, 0.5, 0.01, "better: expected a whole number from 0 to 10, got 0.5"],
    ["more changes than rows", 6, 5, 0.01, "better: expected a whole number from 0 to 4, got 5"],
    ["a nuisance share of 0", 1, 1, 0, "nuisanceShare: expected a number between 0 and 1, got 0"],
    ["a nuisance share of 1", 1, 1, 1, "nuisanceShare: expected a number between 0 and 1, got 1"],
    ["NaN", 1, 1, Number.NaN, "nuisanceShare: expected a number between 0 and 1, got NaN"],
  ])("refuses %s", (_, worse, better, share, message) => {
    expect(() => pairedPValue(worse, better, 10, 0.1, share)).toThrow(new RangeError(message));
  });
});

it.each([
  ["no rows", 0, 0.1, "rows: expected a whole number of at least 1, got 0"],
  ["part of a row", 2.5, 0.1, "rows: expected a whole number of at least 1, got 2.5"],
  ["a negative limit", 10, -0.1, "limit: expected [0, 1], got -0.1"],
  ["a limit above 1", 10, 1.1, "limit: expected [0, 1], got 1.1"],
  ["a limit that is NaN", 10, Number.NaN, "limit: expected [0, 1], got NaN"],
])("no test takes %s", (_, rows, limit, message) => {
  expect(() => hoeffdingBentkusPValue(0, rows, limit)).toThrow(new RangeError(message));
  expect(() => binomialPValue(0, rows, limit)).toThrow(new RangeError(message));
  expect(() => pairedPValue(0, 0, rows, limit)).toThrow(new RangeError(message));
});

/** P(S' <= sum) for S' of `rows` terms that are +1, -1 or 0, by adding one term after the other. */
function convolvedCdf(sum: number, rows: number, share: number, mean: number): number {
  let distribution = Float64Array.of(1);
  for (let row = 0; row < rows; row++) {
    const next = new Float64Array(distribution.length + 2);
    distribution.forEach((p, index) => {
      next[index] += (p * (share - mean)) / 2;
      next[index + 1] += p * (1 - share);
      next[index + 2] += (p * (share + mean)) / 2;
    });
    distribution = next;
  }
  return distribution.subarray(0, sum + rows + 1).reduce((total, p) => total + p, 0);
}

/** How many of `rows` images are lost and won. */
function changes(rows: number, plus: number, minus: number, random: () => number): [number, number] {
  let worse = 0;
  let better = 0;
  for (let row = 0; row < rows; row++) {
    const draw = random();
    if (draw < plus) worse++;
    else if (draw < plus + minus) better++;
  }
  return [worse, better];
}
