import { existsSync, readFileSync } from "node:fs";
import { type TokenGrid, tokenGrid } from "@spillway/shared/bucket/token-grid";
import { rowOf } from "@spillway/shared/calibration/row-major";
import { argmax } from "@spillway/shared/calibration/softmax";
import {
  type ImageSample,
  type Interval,
  NEVER_THRESHOLD,
  solveThresholds,
  type ValueIterationOptions,
} from "@spillway/shared/policy/value-iteration";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readNpy } from "../calibration/npy.ts";

const SHARED = new URL("../../../../shared/", import.meta.url);
const REFERENCE = new URL("reference/token-bucket-mdp.json", SHARED);
const EDGEBOOST = new URL("data/edgeboost/", SHARED);
const isThere = existsSync(REFERENCE) && existsSync(new URL("labels.npy", EDGEBOOST));
const note = isThere
  ? ""
  : " (skipped: ../shared, which holds the reference and EdgeBoost's probabilities, is missing)";

const PERIODIC: Interval[] = [{ units: 1, share: 1 }];

describe.skipIf(!isThere)(`the published policy on EdgeBoost's outputs${note}`, () => {
  interface ReferenceCase {
    rate: number;
    depth: number;
    arrival: { kind: "periodic" } | { kind: "geometric"; p: number } | { kind: "sampled"; n1: number; n3: number };
    scaled: TokenGrid;
    mdpThresholds: number[];
  }
  const cases: ReferenceCase[] = isThere ? JSON.parse(readFileSync(REFERENCE, "utf8")).cases : [];

  function readSample(): ImageSample {
    const labels = readNpy(new URL("labels.npy", EDGEBOOST)).data;
    const [edge, cloud] = ["edge-calibrated", "cloud"].map((model) => readNpy(new URL(`${model}.npy`, EDGEBOOST)));
    const classes = edge.shape[1];
    const images = Array.from(labels, (label, row) => {
      const probabilities = rowOf(edge.data, row, classes);
      const errorOf = (scores: Float64Array) => (argmax(scores) === label ? 0 : 1);
      return {
        metric: 1 - Math.max(...probabilities),
        reward: errorOf(probabilities) - errorOf(rowOf(cloud.data, row, classes)),
      };
    }).sort((a, b) => a.metric - b.metric);
    return {
      metrics: Float64Array.from(images, ({ metric }) => metric),
      rewards: Float64Array.from(images, ({ reward }) => reward),
    };
  }

  function intervalsOf({ arrival }: ReferenceCase): Interval[] {
    if (arrival.kind === "periodic") return PERIODIC;
    if (arrival.kind === "geometric") {
      const { p } = arrival;
      return Array.from({ length: 60 }, (_, index) => ({ units: index + 1, share: p * (1 - p) ** index }));
    }
    const total = arrival.n1 + arrival.n3;
    return [
      { units: 1, share: arrival.n1 / total },
      { units: 3, share: arrival.n3 / total },
    ];
  }

  it("has the reference's thresholds in all its cases, to within one image", () => {
    const sample = readSample();
    const rankOf = (threshold: number) => sample.metrics.findIndex((metric) => metric >= threshold - 1e-6);
    expect(cases.length).toBe(7);
    for (const each of cases) {
      const grid = tokenGrid(each.rate, each.depth);
      expect(grid).toEqual(each.scaled);
      const thresholds = solveThresholds(sample, grid, intervalsOf(each));
      expect(thresholds.length).toBe(each.mdpThresholds.length);
      thresholds.forEach((threshold, index) => {
        expect(rankOf(threshold)).toBeGreaterThanOrEqual(0);
        expect(Math.abs(rankOf(threshold) - rankOf(each.mdpThresholds[index]))).toBeLessThanOrEqual(1);
      });
    }
  });
});

/** Mean of what each cut offloads: [reward, images], and its threshold, from none to all. */
function allCuts({ metrics, rewards }: ImageSample) {
  const cuts = [{ threshold: NEVER_THRESHOLD, reward: 0, images: 0 }];
  for (const threshold of new Set([...metrics].sort((a, b) => b - a))) {
    const above = rewards.filter((_, image) => metrics[image] >= threshold);
    const reward = above.reduce((sum, value) => sum + value, 0) / metrics.length;
    cuts.push({ threshold, reward, images: above.length / metrics.length });
  }
  return cuts;
}

/** Value iteration that tries every cut at every level, until no level's value moves: the later values L. */
function bruteForceLater(sample: ImageSample, { q, p, m }: TokenGrid, intervals: Interval[], discount: number) {
  const cuts = allCuts(sample);
  let values = new Float64Array(m + 1);
  for (let sweep = 0; sweep < 3000; sweep++) {
    const later = values.map((_, level) =>
      intervals.reduce((sum, { units, share }) => sum + discount * share * values[Math.min(level + q * units, m)], 0),
    );
    const next = later.map((value, level) =>
      level < p
        ? value
        : Math.max(...cuts.map((cut) => cut.reward + cut.images * later[level - p] + (1 - cut.images) * value)),
    );
    const change = next.map((value, level) => Math.abs(value - values[level]));
    values = next;
    if (Math.max(...change) < 1e-13) return { cuts, later };
  }
  throw new Error("not settled");
}

// Metrics and rewards in few steps, so that there are ties of both.
const sampleOf = fc
  .array(fc.tuple(fc.integer({ min: -4, max: 4 }), fc.integer({ min: -2, max: 2 })), { minLength: 1, maxLength: 9 })
  .map((images) => images.sort((a, b) => a[0] - b[0]))
  .map((images) => ({
    metrics: Float64Array.from(images, ([metric]) => metric / 4),
    rewards: Float64Array.from(images, ([, reward]) => reward / 2),
  }));
const gridOf = fc
  .record({ q: fc.integer({ min: 1, max: 4 }), p: fc.integer({ min: 1, max: 4 }), spare: fc.nat(8) })
  .map(({ q, p, spare }) => ({ q, p, m: p + spare }));
const intervalsOf = fc
  .array(fc.record({ units: fc.nat(3), share: fc.integer({ min: 1, max: 4 }) }), { minLength: 1, maxLength: 3 })
  .map((parts) => {
    const total = parts.reduce((sum, { share }) => sum + share, 0);
    return parts.map(({ units, share }) => ({ units, share: share / total }));
  });
const SETTLED: ValueIterationOptions = { discount: 0.95, settle: "values", tolerance: 1e-12 };

describe("solveThresholds", () => {
  it("finds at every level a cut that is as good as the best of all", () => {
    fc.assert(
      fc.property(sampleOf, gridOf, intervalsOf, (sample, grid, intervals) => {
        const { cuts, later } = bruteForceLater(sample, grid, intervals, 0.95);
        const thresholds = solveThresholds(sample, grid, intervals, SETTLED);
        expect(thresholds.length).toBe(grid.m - grid.p + 1);
        thresholds.forEach((threshold, index) => {
          const price = later[grid.p + index] - later[index];
          const gains = cuts.map(({ reward, images }) => reward - images * price);
          const chosen = cuts.findIndex((cut) => cut.threshold === threshold);
          expect(chosen).toBeGreaterThanOrEqual(0);
          expect(gains[chosen]).toBeGreaterThanOrEqual(Math.max(...gains) - 1e-9);
        });
      }),
      { seed: 11, numRuns: 150 },
    );
  });

  it("has thresholds that fall as the bucket fills", () => {
    fc.assert(
      fc.property(sampleOf, gridOf, intervalsOf, (sample, grid, intervals) => {
        const { cuts, later } = bruteForceLater(sample, grid, intervals, 0.95);
        const thresholds = solveThresholds(sample, grid, intervals, SETTLED);
        for (let index = 1; index < thresholds.length; index++) {
          if (thresholds[index] <= thresholds[index - 1]) continue;
          // Only where rounding decides between cuts that are equally good.
          const price = later[grid.p + index] - later[index];
          const gainAt = (threshold: number) => {
            const cut = cuts.find((each) => each.threshold === threshold) ?? cuts[0];
            return cut.reward - cut.images * price;
          };
          expect(Math.abs(gainAt(thresholds[index]) - gainAt(thresholds[index - 1]))).toBeLessThan(1e-9);
        }
      }),
      { seed: 12, numRuns: 150 },
    );
  });

  it("offloads all that gains where tokens cost nothing, and nothing that does not", () => {
    const sample = {
      metrics: Float64Array.of(-0.5, 0, 0.25, 0.5),
      rewards: Float64Array.of(-1, 0, 0.1, 1),
    };
    expect(solveThresholds(sample, { q: 1, p: 1, m: 2 }, PERIODIC)).toEqual([0.25, 0.25]);
  });

  it("keeps the last token for the better image and spends an overflowing one on the worse", () => {
    const sample = { metrics: Float64Array.of(0.2, 0.8), rewards: Float64Array.of(0.1, 1) };
    const thresholds = solveThresholds(sample, { q: 1, p: 4, m: 12 }, PERIODIC, { settle: "values" });
    expect(thresholds[0]).toBe(0.8);
    expect(solveThresholds(sample, { q: 3, p: 4, m: 12 }, PERIODIC, { settle: "values" }).at(-1)).toBe(0.2);
  });

  it("waits for the values where thresholds stand still for a while", () => {
    // Few images: the first sweeps move no threshold, as a token's price is still far from what it will be.
    const sample = { metrics: Float64Array.of(0.2, 0.8), rewards: Float64Array.of(0.1, 1) };
    const grid = { q: 1, p: 4, m: 40 };
    const published = solveThresholds(sample, grid, PERIODIC, { discount: 0.95 });
    const settled = solveThresholds(sample, grid, PERIODIC, SETTLED);
    const { later } = bruteForceLater(sample, grid, PERIODIC, 0.95);
    const best = settled.map((_, index) => (0.1 > later[4 + index] - later[index] ? 0.2 : 0.8));
    expect(settled).toEqual(best);
    expect(published).not.toEqual(best);
  });

  it.each([
    ["lose", -0.5],
    ["gain nothing", 0],
  ])("never offloads images that %s, in numbers that JSON holds", (_, reward) => {
    for (const settle of ["thresholds", "values"] as const) {
      const sample = { metrics: Float64Array.of(-1, 0, 1), rewards: new Float64Array(3).fill(reward) };
      const thresholds = solveThresholds(sample, { q: 1, p: 2, m: 4 }, PERIODIC, { settle });
      expect(thresholds).toEqual([NEVER_THRESHOLD, NEVER_THRESHOLD, NEVER_THRESHOLD]);
      expect(JSON.parse(JSON.stringify(thresholds))).toEqual(thresholds);
    }
    expect(NEVER_THRESHOLD).toBeGreaterThan(1);
  });

  it("treats images of equal metric alike, whatever their order", () => {
    const solve = (rewards: number[]) =>
      solveThresholds(
        { metrics: Float64Array.of(0.1, 0.5, 0.5, 0.5), rewards: Float64Array.from(rewards) },
        { q: 1, p: 3, m: 9 },
        PERIODIC,
      );
    expect(solve([0.2, 1, -1, 0.5])).toEqual(solve([0.2, -1, 0.5, 1]));
    expect(new Set(solve([-1, 1, -1, 0.5]))).toEqual(new Set([0.5]));
  });

  it("plans for one image, one level, and images of one metric", () => {
    const one = { metrics: Float64Array.of(0.3), rewards: Float64Array.of(1) };
    expect(solveThresholds(one, { q: 1, p: 5, m: 5 }, PERIODIC, { settle: "values" })).toEqual([0.3]);
    const equal = { metrics: new Float64Array(4).fill(0.3), rewards: Float64Array.of(1, 0, 0, 1) };
    expect(solveThresholds(equal, { q: 1, p: 1, m: 1 }, PERIODIC)).toEqual([0.3]);
  });

  it("accepts metrics, options and intervals at their limits", () => {
    const sample = { metrics: Float64Array.of(-1, 1), rewards: Float64Array.of(-1, 1) };
    const grid = { q: 1, p: 2, m: 4 };
    for (const discount of [0, 1]) {
      expect(solveThresholds(sample, grid, PERIODIC, { discount, maxSweeps: 1, tolerance: 0 })).toEqual([1, 1, 1]);
    }
    const still = [
      { units: 0, share: 0.5 },
      { units: 1, share: 0.5 },
      { units: 5, share: 0 },
    ];
    expect(solveThresholds(sample, grid, still)).toEqual([1, 1, 1]);
  });
});

describe("bad input", () => {
  const good = { metrics: Float64Array.of(0, 0.5), rewards: Float64Array.of(0, 1) };
  const grid = { q: 1, p: 2, m: 4 };

  it.each([
    [[], [], "metrics and rewards: expected as many of each, at least one, got 0 and 0"],
    [[0, 1], [0], "metrics and rewards: expected as many of each, at least one, got 2 and 1"],
    [[0.5, 0.25], [0, 0], "metrics: expected rising order at 1"],
    [[Number.NaN, 0], [0, 0], "metrics: expected -1 to 1 at 0, got NaN"],
    [[0, 1 + Number.EPSILON], [0, 0], "metrics: expected -1 to 1 at 1, got 1.0000000000000002"],
    [[-1 - Number.EPSILON, 0], [0, 0], "metrics: expected -1 to 1 at 0, got -1.0000000000000002"],
    [[0, 1], [0, Number.NaN], "rewards: expected a finite number at 1, got NaN"],
    [[0, 1], [Number.POSITIVE_INFINITY, 0], "rewards: expected a finite number at 0, got Infinity"],
  ])("is refused: metrics %o, rewards %o", (metrics, rewards, message) => {
    const sample = { metrics: Float64Array.from(metrics), rewards: Float64Array.from(rewards) };
    expect(() => solveThresholds(sample, grid, PERIODIC)).toThrow(new RangeError(message));
  });

  it.each([
    [[], "intervals: expected shares that add up to 1, got 0"],
    [[{ units: 1, share: 0.99 }], "intervals: expected shares that add up to 1, got 0.99"],
    [[{ units: 1, share: Number.NaN }], "intervals: expected shares of at least 0, got NaN"],
    [
      [
        { units: 1, share: 2 },
        { units: 2, share: -1 },
      ],
      "intervals: expected shares of at least 0, got -1",
    ],
    [[{ units: -1, share: 1 }], "intervals: expected whole time units, at least 0, got -1"],
    [[{ units: 1.5, share: 1 }], "intervals: expected whole time units, at least 0, got 1.5"],
  ])("is refused: intervals %o", (intervals, message) => {
    expect(() => solveThresholds(good, grid, intervals)).toThrow(new RangeError(message));
  });

  it.each([
    [{ discount: 1 + Number.EPSILON }, "discount: expected 0 to 1, got 1.0000000000000002"],
    [{ discount: -0.1 }, "discount: expected 0 to 1, got -0.1"],
    [{ discount: Number.NaN }, "discount: expected 0 to 1, got NaN"],
    [{ maxSweeps: 0 }, "maxSweeps: expected a whole number, at least 1, got 0"],
    [{ maxSweeps: 1.5 }, "maxSweeps: expected a whole number, at least 1, got 1.5"],
    [{ tolerance: -1 }, "tolerance: expected at least 0, got -1"],
    [{ tolerance: Number.NaN }, "tolerance: expected at least 0, got NaN"],
  ])("is refused: %o", (options, message) => {
    expect(() => solveThresholds(good, grid, PERIODIC, options)).toThrow(new RangeError(message));
  });

  it("is refused: a bucket that holds no whole token", () => {
    expect(() => solveThresholds(good, { q: 1, p: 4, m: 3 }, PERIODIC)).toThrow("m: expected");
  });
});
