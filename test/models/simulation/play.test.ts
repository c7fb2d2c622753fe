// One sequence against one bucket: the same decisions as counting levels of the integer grid gives.
import type { BucketOptions } from "@spillway/shared/bucket/token-bucket";
import { tokenGrid } from "@spillway/shared/bucket/token-grid";
import type { PolicyParameters } from "@spillway/shared/policy/decide";
import { mulberry32 } from "@spillway/shared/random/mulberry32";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { play, type Traffic } from "../../../models/src/simulation/play.ts";

const FRAMES = 20_000;

function drawTraffic(seed: number, secondsOf: (random: () => number) => number = () => 1, frames = FRAMES): Traffic {
  const random = mulberry32(seed);
  const column = (draw: () => number) => Float64Array.from({ length: frames }, draw);
  return { metrics: column(random), rewards: column(() => random() - 0.25), seconds: column(() => secondsOf(random)) };
}

/** The bucket in whole numbers of levels, and thresholds by level. */
function playOnGrid(
  thresholdOf: (level: number) => number,
  { metrics, rewards, seconds }: Traffic,
  { rate, depth }: BucketOptions,
) {
  const { q, p, m } = tokenGrid(rate, depth);
  const granted = new Uint8Array(metrics.length);
  let level = m;
  let reward = 0;
  for (let frame = 0; frame < metrics.length; frame++) {
    if (level >= p && metrics[frame] >= thresholdOf(level - p)) {
      granted[frame] = 1;
      reward += rewards[frame];
      level -= p;
    }
    level = Math.min(level + q * seconds[frame], m);
  }
  return { granted, reward };
}

function expectSame(
  parameters: PolicyParameters,
  thresholdOf: (level: number) => number,
  traffic: Traffic,
  bucket: BucketOptions,
) {
  const granted = new Uint8Array(traffic.metrics.length).fill(9);
  const played = play(parameters, traffic, bucket, granted);
  const onGrid = playOnGrid(thresholdOf, traffic, bucket);
  expect(granted).toEqual(onGrid.granted);
  expect(played.reward).toBe(onGrid.reward);
  expect(played.offloads).toBe(onGrid.granted.reduce((sum, value) => sum + value, 0));
  expect(played.offloads).toBeGreaterThan(0);
}

describe("play", () => {
  const cells = [0.05, 0.1, 0.25, 1 / 3, 0.07].flatMap((rate) => [1, 2, 4, 10].map((depth) => ({ rate, depth })));

  it.each(cells)("decides each of 20,000 images as on the grid: rate $rate, depth $depth", (bucket) => {
    const grid = tokenGrid(bucket.rate, bucket.depth);
    const thresholds = Float64Array.from(
      { length: grid.m - grid.p + 1 },
      (_, level) => 1 - bucket.rate - level * 0.002,
    );
    for (const traffic of [drawTraffic(81), drawTraffic(82, (random) => Math.floor(random() * 4))]) {
      // A low one takes every token as soon as it is whole, a high one lets the bucket fill.
      for (const threshold of [0, 1 - bucket.rate, 1 - bucket.rate / 2]) {
        expectSame({ kind: "threshold", threshold }, () => threshold, traffic, bucket);
      }
      expectSame({ kind: "mdp", grid, thresholds }, (level) => thresholds[level], traffic, bucket);
    }
  });

  it("never grants more than came in, whatever comes when", () => {
    const bucketOf = fc.record({
      rate: fc.double({ min: 0, max: 3, noNaN: true }),
      depth: fc.double({ min: 0, max: 6, noNaN: true }),
    });
    const seconds = fc.array(fc.oneof(fc.constantFrom(0, 1, 0.1), fc.double({ min: 0, max: 4, noNaN: true })), {
      minLength: 1,
      maxLength: 80,
    });
    fc.assert(
      fc.property(bucketOf, seconds, (bucket, intervals) => {
        const traffic: Traffic = {
          metrics: new Float64Array(intervals.length).fill(1),
          rewards: new Float64Array(intervals.length).fill(1),
          seconds: Float64Array.from(intervals),
        };
        const granted = new Uint8Array(intervals.length);
        const { offloads, reward } = play({ kind: "threshold", threshold: 0.5 }, traffic, bucket, granted);
        expect(reward).toBe(offloads);
        // From any image on: a bucket can hold no more than its depth then.
        for (let from = 0; from < intervals.length; from++) {
          let passed = 0;
          let count = 0;
          for (let at = from; at < intervals.length; at++) {
            count += granted[at];
            expect(count).toBeLessThanOrEqual(bucket.rate * passed + bucket.depth + 1e-6);
            passed += intervals[at];
          }
        }
      }),
      { seed: 83, numRuns: 200 },
    );
  });

  it.each([
    ["full at the start", { rate: 0, depth: 3 }, [1, 1, 1, 1, 1], [1, 1, 1, 0, 0]],
    ["no fuller than its depth", { rate: 5, depth: 2 }, [100, 0, 0, 0, 1], [1, 1, 1, 0, 0]],
    ["filled after the image, by the time until the next", { rate: 1, depth: 1 }, [0, 1, 0, 0, 9], [1, 0, 1, 0, 0]],
    ["in want of its last tenth", { rate: 0.1, depth: 1 }, [9, 1, 9.999, 0.001, 1], [1, 0, 1, 0, 1]],
    ["below one token", { rate: 1, depth: 0.9 }, [9, 9, 9, 9, 9], [0, 0, 0, 0, 0]],
  ])("has a bucket that is %s", (_, bucket, seconds, expected) => {
    const traffic: Traffic = {
      metrics: new Float64Array(5).fill(1),
      rewards: Float64Array.of(1, 2, 4, 8, 16),
      seconds: Float64Array.from(seconds),
    };
    const granted = new Uint8Array(5);
    const played = play({ kind: "threshold", threshold: 0 }, traffic, bucket, granted);
    expect(Array.from(granted)).toEqual(expected);
    expect(played).toEqual(play({ kind: "threshold", threshold: 0 }, traffic, bucket));
    expect(played.reward).toBe(expected.reduce((sum, value, at) => sum + value * 2 ** at, 0));
  });

  it("leaves an image alone that is not worth a token", () => {
    const traffic = {
      metrics: Float64Array.of(0.4, 0.5),
      rewards: Float64Array.of(1, 1),
      seconds: Float64Array.of(1, 1),
    };
    const granted = new Uint8Array(2);
    play({ kind: "threshold", threshold: 0.5 }, traffic, { rate: 1, depth: 9 }, granted);
    expect(Array.from(granted)).toEqual([0, 1]);
  });
});
