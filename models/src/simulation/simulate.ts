// Policies against the same sequences, beside what no policy can beat.
import type { BucketOptions } from "@spillway/shared/bucket/token-bucket";
import type { TokenGrid } from "@spillway/shared/bucket/token-grid";
import { offlineOptimum, rewardBound } from "@spillway/shared/policy/bounds";
import type { PolicyParameters } from "@spillway/shared/policy/decide";
import { bucketGridOrNull } from "./bucket-grid.ts";
import { type DrawOptions, drawTraffic, type TrafficSource } from "./draw-traffic.ts";
import type { Images } from "./images.ts";
import { play, type Traffic } from "./play.ts";

export interface PolicyOutcome {
  /** Reward an image of each sequence, [sequences]. */
  rewards: Float64Array;
  /** Share of the images that were offloaded. */
  offloadRate: number;
}

export interface Simulation {
  images: Images;
  policies: Record<string, PolicyOutcome>;
  /** Reward an image, of all images: EMSOFT'22's bound for policies that see metrics only. */
  rewardBound: number;
  /** Reward an image of each sequence, with the future known; null where rate and depth fit no grid. */
  offlineOptimum: Float64Array | null;
  sequences: number;
  /** Of all sequences together. */
  frames: number;
}

/**
 * @param onProgress called after each sequence with the share that is done
 */
export function simulate(
  source: TrafficSource,
  bucket: BucketOptions,
  policies: Readonly<Record<string, PolicyParameters>>,
  options: DrawOptions,
  onProgress: (share: number) => void = () => {},
): Simulation {
  const drawn = drawTraffic(source, options);
  const names = Object.keys(policies);
  const rewards = Object.fromEntries(names.map((name) => [name, new Float64Array(drawn.length)]));
  const offloads = Object.fromEntries(names.map((name) => [name, 0]));
  const grid = bucketGridOrNull(bucket);
  const optimum = grid && new Float64Array(drawn.length);
  let frames = 0;
  let traffic: Traffic | undefined;
  for (const [index, draw] of drawn.entries()) {
    traffic = draw(traffic);
    frames += traffic.metrics.length;
    for (const name of names) {
      const played = play(policies[name], traffic, bucket);
      rewards[name][index] = played.reward / traffic.metrics.length;
      offloads[name] += played.offloads;
    }
    if (grid !== null && optimum !== null)
      optimum[index] = offlineOptimum(traffic.rewards, levelFills(traffic, bucket.rate, grid), grid);
    onProgress((index + 1) / drawn.length);
  }
  return {
    images: source.images,
    policies: Object.fromEntries(
      names.map((name) => [name, { rewards: rewards[name], offloadRate: offloads[name] / frames }]),
    ),
    rewardBound: rewardBound(source.images, bucket.rate * source.arrival.mean),
    offlineOptimum: optimum,
    sequences: drawn.length,
    frames,
  };
}

/**
 * Levels that the bucket gains after each image, at most all of them. What is left over of a level is carried on, not
 * lost. Of the rate itself, which the grid may miss by a little.
 */
function levelFills({ seconds }: Traffic, rate: number, { p, m }: TokenGrid): Int32Array {
  let left = 0;
  return Int32Array.from(seconds, (value) => {
    const exact = left + value * rate * p;
    const whole = Math.floor(exact + 1e-6);
    left = exact - whole;
    return Math.min(whole, m);
  });
}

/** Mean and standard error over sequences; the error is null for one alone. */
export function meanOf(values: Float64Array): { mean: number; standardError: number | null } {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  const standardError = values.length < 2 ? null : Math.sqrt(squares / (values.length - 1) / values.length);
  return { mean, standardError };
}
