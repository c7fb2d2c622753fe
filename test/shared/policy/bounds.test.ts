// The bounds against every choice there is, and against what policies gain.
import type { TokenGrid } from "@spillway/shared/bucket/token-grid";
import { offlineOptimum, rewardBound } from "@spillway/shared/policy/bounds";
import fc from "fast-check";
import { describe, expect, it } from "vitest";

/** What this choice of images gains, with as many tokens as it needs; null where the bucket cannot pay for it. */
function rewardOf(
  choice: (image: number, level: number) => boolean,
  rewards: readonly number[],
  fills: readonly number[],
  { p, m }: TokenGrid,
): number | null {
  let level = m;
  let sum = 0;
  for (let image = 0; image < rewards.length; image++) {
    if (choice(image, level)) {
      if (level < p) return null;
      level -= p;
      sum += rewards[image];
    }
    level = Math.min(level + fills[image], m);
  }
  return sum / rewards.length;
}

function bestOfAllSubsets(rewards: readonly number[], fills: readonly number[], grid: TokenGrid): number {
  let best = 0;
  for (let subset = 0; subset < 2 ** rewards.length; subset++) {
    const reward = rewardOf((image) => ((subset >> image) & 1) === 1, rewards, fills, grid);
    if (reward !== null) best = Math.max(best, reward);
  }
  return best;
}

const gridOf = fc
  .record({ q: fc.integer({ min: 1, max: 3 }), p: fc.integer({ min: 1, max: 5 }), spare: fc.nat(8) })
  .map(({ q, p, spare }) => ({ q, p, m: p + spare }));
const imagesOf = (maxLength: number) =>
  fc.array(
    fc.record({ reward: fc.integer({ min: -8, max: 8 }).map((eighths) => eighths / 8 + 0.01), fill: fc.nat(3) }),
    { minLength: 1, maxLength },
  );
const columns = (images: readonly { reward: number; fill: number }[]) => ({
  rewards: images.map(({ reward }) => reward),
  fills: images.map(({ fill }) => fill),
});

describe("offlineOptimum", () => {
  it("is the best of all subsets of the images that the bucket can pay for", () => {
    fc.assert(
      fc.property(imagesOf(9), gridOf, (images, grid) => {
        const { rewards, fills } = columns(images);
        expect(offlineOptimum(rewards, fills, grid)).toBeCloseTo(bestOfAllSubsets(rewards, fills, grid), 12);
      }),
      { seed: 41, numRuns: 400 },
    );
  });

  it("is never below what a threshold for each level gains on the same images", () => {
    const thresholds = fc.array(fc.double({ min: -1, max: 1, noNaN: true }), { minLength: 14, maxLength: 14 });
    fc.assert(
      fc.property(imagesOf(60), gridOf, thresholds, (images, grid, byLevel) => {
        const { rewards, fills } = columns(images);
        // Offloads by the reward itself: no metric tells more.
        const offloads = (image: number, level: number) => level >= grid.p && rewards[image] >= byLevel[level];
        const reward = rewardOf(offloads, rewards, fills, grid);
        expect(offlineOptimum(rewards, fills, grid)).toBeGreaterThanOrEqual((reward as number) - 1e-12);
      }),
      { seed: 42, numRuns: 300 },
    );
  });

  it.each<[string, number[], number[], TokenGrid, number]>([
    ["keeps the last token for the better image", [1, 3], [0, 0], { q: 1, p: 1, m: 1 }, 3],
    ["spends first what would spill over", [1, 3], [1, 0], { q: 1, p: 1, m: 1 }, 4],
    ["waits for the last level of a token", [2, 3, 2], [1, 1, 1], { q: 1, p: 2, m: 2 }, 4],
    ["offloads nothing that loses", [-1, 0, -0.5], [3, 3, 3], { q: 1, p: 1, m: 9 }, 0],
    ["starts full", [1, 1, 1, 1], [0, 0, 0, 0], { q: 1, p: 2, m: 7 }, 3],
    ["fills no further than the bucket holds", [-1, 2, 2, 2], [9, 0, 0, 0], { q: 1, p: 1, m: 2 }, 4],
    ["is of one image", [0.5], [0], { q: 1, p: 1, m: 1 }, 0.5],
  ])("%s", (_, rewards, fills, grid, sum) => {
    expect(offlineOptimum(rewards, fills, grid)).toBeCloseTo(sum / rewards.length, 12);
  });

  it("leaves what it is given as it was", () => {
    const [rewards, fills] = [Float64Array.of(1, -1, 2), Int32Array.of(1, 2, 0)];
    offlineOptimum(rewards, fills, { q: 1, p: 2, m: 3 });
    expect([rewards, fills]).toEqual([Float64Array.of(1, -1, 2), Int32Array.of(1, 2, 0)]);
  });

  it.each([
    [[], [], { q: 1, p: 1, m: 1 }, "fills: expected one for each of 0 images, at least one, got 0"],
    [[1, 2], [1], { q: 1, p: 1, m: 1 }, "fills: expected one for each of 2 images, at least one, got 1"],
    [[1], [1], { q: 1, p: 2, m: 1 }, "m: expected a whole number, 2 to 10000, got 1"],
    [[1], [1], { q: 0, p: 1, m: 1 }, "q: expected a whole number, at least 1, got 0"],
  ])("refuses %o with %o and %o", (rewards, fills, grid, message) => {
    expect(() => offlineOptimum(rewards, fills, grid)).toThrow(new RangeError(message));
  });
});

/** Of images whose metrics rise in the order of the rewards, unless others are given. */
const boundOf = (rewards: readonly number[] | Float64Array, tokens: number, metrics?: readonly number[]) =>
  rewardBound(
    {
      metrics: Float64Array.from(metrics ?? rewards.keys(), (metric) => (metrics ? metric : metric / 100)),
      rewards: Float64Array.from(rewards),
    },
    tokens,
  );

describe("rewardBound", () => {
  const RISING = [0, 0.1, 0.4, 1];
  it.each([
    ["no tokens", RISING, 0, 0],
    ["one image in four", RISING, 0.25, 0.25],
    ["half an image", RISING, 0.125, 0.125],
    ["one and a half", RISING, 0.375, (1 + 0.5 * 0.4) / 4],
    ["all", RISING, 1, 1.5 / 4],
    ["more than all", RISING, 7, 1.5 / 4],
    ["tokens without end", RISING, Number.POSITIVE_INFINITY, 1.5 / 4],
    ["equal rewards", [1, 1, 1, 1], 0.6, 0.6],
    ["a reward that falls as the metric rises", [1, 0, 0, 0.5], 0.5, 0.5 / 4],
    ["what loses, but lies above what gains more", [0, 1, -0.5, 0], 0.75, 0.5 / 4],
    ["one image", [0.75], 0.5, 0.375],
  ])("adds up the rewards of the largest metrics: %s", (_, rewards, tokens, bound) => {
    expect(boundOf(rewards, tokens)).toBeCloseTo(bound, 12);
  });

  it("is never below what any share of the largest metrics gains at this rate", () => {
    const rising = fc
      .array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1, maxLength: 20 })
      .map((rewards) => Float64Array.from(rewards).sort());
    fc.assert(
      fc.property(rising, fc.double({ min: 0, max: 1, noNaN: true }), (rewards, tokens) => {
        for (let count = 0; count <= Math.floor(tokens * rewards.length); count++) {
          const reward = rewards.slice(rewards.length - count).reduce((sum, value) => sum + value, 0) / rewards.length;
          expect(boundOf(rewards, tokens)).toBeGreaterThanOrEqual(reward - 1e-12);
        }
      }),
      { seed: 43, numRuns: 200 },
    );
  });

  it("keeps tokens where more offloads would lose", () => {
    expect(boundOf([-1, -1, 1, 1], 1)).toBe(0.5);
    expect(boundOf([-1, -1], 1)).toBe(0);
  });

  it("knows no order among images of equal metric", () => {
    for (const rewards of [
      [0, 0, 0, 1],
      [1, 0, 0, 0],
    ]) {
      expect(boundOf(rewards, 0.25, [0.5, 0.5, 0.5, 0.5])).toBe(0.25 / 4);
      expect(boundOf([...rewards, 1], 0.4, [0.5, 0.5, 0.5, 0.5, 0.75])).toBeCloseTo(1.25 / 5, 12);
    }
  });

  it.each([
    [[], 0.5, "rewards: expected one for each of 0 metrics, at least one, got 0"],
    [[1], -0.1, "tokensPerImage: expected at least 0, got -0.1"],
    [[1], Number.NaN, "tokensPerImage: expected at least 0, got NaN"],
  ])("refuses %o with %d tokens", (rewards, tokens, message) => {
    expect(() => boundOf(rewards, tokens)).toThrow(new RangeError(message));
  });
});
