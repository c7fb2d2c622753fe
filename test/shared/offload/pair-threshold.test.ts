import { certifiedPairThresholds, choosePairThreshold, type PairCosts } from "@spillway/shared/offload/pair-threshold";
import { certifiableRows, RISK_METHODS, type RiskLimit, riskPValue } from "@spillway/shared/offload/risk-control";
import { OFFLOAD_ALL, pointOf, rowAt, sweepThresholds } from "@spillway/shared/offload/sweep";
import { fulfils, type Wishes } from "@spillway/shared/offload/threshold-choice";
import { mulberry32 } from "@spillway/shared/random/mulberry32";
import fc from "fast-check";
import { describe, expect, it } from "vitest";

const SEED = { seed: 17, numRuns: 300 };
const COSTS: PairCosts = { edgeMs: 10, cloudMs: 100 };

interface Pair {
  confidence: Float64Array;
  edge: Uint8Array;
  cloud: Uint8Array;
}

function pairOf(rows: readonly (readonly [number, number, number])[]): Pair {
  return {
    confidence: Float64Array.from(rows, ([confidence]) => confidence),
    edge: Uint8Array.from(rows, ([, edge]) => edge),
    cloud: Uint8Array.from(rows, ([, , cloud]) => cloud),
  };
}

const bit = fc.constantFrom(0, 1);
const pair = fc
  .array(fc.tuple(fc.constantFrom(0, 0.25, 0.5, 0.75, 1 - 2 ** -53, 1), bit, bit), { minLength: 1, maxLength: 20 })
  .map(pairOf);
const curveOf = ({ confidence, edge, cloud }: Pair) => sweepThresholds(confidence, edge, cloud);

describe("choosePairThreshold", () => {
  // Offloading the first two gains, the third changes nothing, the fourth loses.
  const curve = curveOf(
    pairOf([
      [0.1, 0, 1],
      [0.3, 0, 1],
      [0.6, 1, 1],
      [0.8, 1, 0],
    ]),
  );

  it.each([
    [{}, 0.6],
    [{ maxOffload: 0.5 }, 0.6],
    [{ maxOffload: 0.499 }, 0.3],
    [{ maxOffload: 0 }, 0.1],
    [{ maxMeanLatencyMs: 35 }, 0.3],
    [{ maxMeanLatencyMs: 34.999 }, 0.1],
    [{ maxMeanLatencyMs: 10 }, 0.1],
    [{ minAccuracy: 0.5 }, 0.1],
    [{ minAccuracy: 0.501 }, 0.3],
    [{ minAccuracy: 1, maxOffload: 0.5, maxMeanLatencyMs: 60 }, 0.6],
  ])("fulfils %j at the limit", (wishes, threshold) => {
    expect(choosePairThreshold(curve, COSTS, wishes)).toBe(threshold);
  });

  it.each([
    { minAccuracy: 1.001 },
    { minAccuracy: 1, maxOffload: 0.499 },
    { minAccuracy: 1, maxMeanLatencyMs: 59.999 },
    { maxMeanLatencyMs: 9.999 },
    { maxOffload: -0.001 },
  ])("has nothing for %j, one step past the limit", (wishes) => {
    expect(choosePairThreshold(curve, COSTS, wishes)).toBeNull();
  });

  it("can send everything", () => {
    expect(choosePairThreshold(curveOf(pairOf([[1, 0, 1]])), COSTS, {})).toBe(OFFLOAD_ALL);
  });

  it("is the best of all points that fulfil the wishes", () => {
    const share = fc.double({ min: 0, max: 1, noNaN: true });
    const maxMeanLatencyMs = fc.integer({ min: 0, max: 120 });
    const wishes: fc.Arbitrary<Wishes> = fc.record(
      { maxOffload: share, minAccuracy: share, maxMeanLatencyMs },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(pair, wishes, (rows, wished) => {
        const points = curveOf(rows);
        const allowed = Array.from(points.thresholds, (_, point) => pointOf(points, point)).filter((row) =>
          fulfils({ ...row, meanLatencyMs: 10 + row.offloadRate * 100 }, wished),
        );
        const chosen = choosePairThreshold(points, COSTS, wished);
        if (chosen === null) {
          expect(allowed).toEqual([]);
          return;
        }
        const found = allowed.find(({ threshold }) => threshold === chosen);
        const rates = allowed.map(({ offloadRate }) => offloadRate);
        const best = Math.max(...allowed.map(({ accuracy }) => accuracy));
        if (wished.minAccuracy !== undefined) expect(found?.offloadRate).toBe(Math.min(...rates));
        else {
          expect(found?.accuracy).toBe(best);
          const equals = allowed.filter(({ accuracy }) => accuracy === best);
          expect(found?.offloadRate).toBe(Math.min(...equals.map(({ offloadRate }) => offloadRate)));
        }
      }),
      SEED,
    );
  });
});

describe("certifiedPairThresholds", () => {
  const limit: RiskLimit = { maxAccuracyLoss: 0.05, confidenceLevel: 0.95, method: "paired-exact" };
  const certify = ({ confidence, edge, cloud }: Pair, wanted = limit) =>
    certifiedPairThresholds(confidence, edge, cloud, wanted).at(-1) ?? null;
  /** Rows as even as a draw can be, right as often as the confidence says; the cloud is always right. */
  const drawn = (rows: number, random: () => number) =>
    pairOf(
      Array.from({ length: rows }, (): [number, number, number] => {
        const confidence = random();
        return [confidence, random() < 1 - 0.5 * (1 - confidence) ** 2 ? 1 : 0, 1];
      }),
    );

  it.each(RISK_METHODS)("certifies everything where nothing differs, from the fewest rows on: %s", (method) => {
    const rows = certifiableRows({ ...limit, method });
    const alike = (count: number) =>
      pairOf(Array.from({ length: count }, (_, row): [number, number, number] => [row / count, row % 2, row % 2]));
    expect(certify(alike(rows), { ...limit, method })).toBe(0);
    expect(certify(alike(rows - 1), { ...limit, method })).toBeNull();
  });

  it.each(RISK_METHODS)("is the last candidate before one that is not certified, row by row: %s", (method) => {
    const random = mulberry32(18);
    const candidates = [OFFLOAD_ALL, ...Array.from({ length: 201 }, (_, j) => Number((1 - (j / 200) ** 3).toFixed(7)))];
    for (let draw = 0; draw < 10; draw++) {
      const sample = drawn(500, random);
      // Some ties, some rows on a candidate, and some images that only the edge knows.
      sample.confidence.forEach((value, row) => {
        if (row % 3 === 0) sample.confidence[row] = candidates[1 + Math.round(value * 200)];
        if (row % 50 === 0) sample.cloud[row] = 0;
      });
      const passes = candidates.map((threshold) => {
        const kept = [...sample.confidence.keys()].filter((row) => sample.confidence[row] >= threshold);
        const worse = kept.filter((row) => sample.cloud[row] > sample.edge[row]).length;
        const better = kept.filter((row) => sample.cloud[row] < sample.edge[row]).length;
        return riskPValue({ worse, better }, 500, { ...limit, method }) <= 1 - limit.confidenceLevel;
      });
      expect(passes).toContain(true);
      expect(passes).toContain(false);
      expect(certify(sample, { ...limit, method })).toBe(candidates[passes.indexOf(false) - 1]);
    }
  });

  it("keeps none of a class of rows that are all harm, and only sends everything where the surest are", () => {
    const harm = pairOf(Array.from({ length: 400 }, (_, row): [number, number, number] => [row / 400, 0, 1]));
    const threshold = certify(harm) ?? OFFLOAD_ALL;
    expect(rowAt(curveOf(harm), threshold).accuracy).toBeGreaterThan(0.95);
    const certain = pairOf(Array.from({ length: 400 }, (): [number, number, number] => [1, 0, 1]));
    expect(certify(certain)).toBe(OFFLOAD_ALL);
  });

  it("lists every certified threshold, sending everything first", () => {
    const { confidence, edge, cloud } = drawn(500, mulberry32(18));
    const all = certifiedPairThresholds(confidence, edge, cloud, limit);
    expect(all.slice(0, 2)).toEqual([OFFLOAD_ALL, 1]);
    expect(all).toEqual(all.toSorted((a, b) => b - a));
    expect(all.length).toBeGreaterThan(10);
  });

  it("does not care for the order of the rows", () => {
    const { confidence, edge, cloud } = drawn(500, mulberry32(19));
    const reversed = { confidence: confidence.toReversed(), edge: edge.toReversed(), cloud: cloud.toReversed() };
    expect(certify({ confidence, edge, cloud })).not.toBeNull();
    expect(certify(reversed)).toBe(certify({ confidence, edge, cloud }));
  });

  it("is lower for a larger limit and for a lower level", () => {
    const sample = drawn(500, mulberry32(20));
    const tight = certify(sample) ?? OFFLOAD_ALL;
    expect(certify(sample, { ...limit, maxAccuracyLoss: 0.08 })).toBeLessThan(tight);
    expect(certify(sample, { ...limit, confidenceLevel: 0.5 })).toBeLessThan(tight);
  });

  it.each(RISK_METHODS)("loses more than the limit in at most a twentieth of experiments: %s", (method) => {
    // The loss of keeping all from t on is the integral of (1 - c)^2 / 2 from t to 1, which is (1 - t)^3 / 6.
    const random = mulberry32(21);
    const draws = 1000;
    let violations = 0;
    let certified = 0;
    for (let draw = 0; draw < draws; draw++) {
      const threshold = certify(drawn(250, random), { ...limit, method });
      if (threshold === null) continue;
      certified++;
      if ((1 - threshold) ** 3 / 6 > limit.maxAccuracyLoss) violations++;
    }
    expect(violations).toBeLessThanOrEqual(draws * 0.05 + 3 * Math.sqrt(draws * 0.05 * 0.95));
    expect(violations).toBeGreaterThan(0);
    expect(certified).toBeGreaterThan(0.9 * draws);
  });

  it.each([
    ["no rows", [], [], [], "confidence: expected at least one row, got none"],
    [
      "NaN, which is never kept",
      [0.5, Number.NaN],
      [0, 0],
      [1, 1],
      "confidence: expected numbers below 2, got NaN in row 1",
    ],
    ["an edge of other length", [0.5], [], [1], "edgeCorrect and cloudCorrect: expected 1 rows each, got 0 and 1"],
    ["a cloud of other length", [0.5], [1], [], "edgeCorrect and cloudCorrect: expected 1 rows each, got 1 and 0"],
  ])("refuses %s", (_, confidence, edge, cloud, message) => {
    const rows = {
      confidence: Float64Array.from(confidence),
      edge: Uint8Array.from(edge),
      cloud: Uint8Array.from(cloud),
    };
    expect(() => certify(rows)).toThrow(new RangeError(message));
  });

  it.each([0, 1, Number.NaN])("refuses a level of %d", (confidenceLevel) => {
    const message = `confidenceLevel: expected a number between 0 and 1, got ${confidenceLevel}`;
    const rows = pairOf([[0.5, 1, 1]]);
    expect(() => certify(rows, { ...limit, confidenceLevel })).toThrow(new RangeError(message));
  });
});
