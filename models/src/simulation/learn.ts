// What each policy is told of the images before it plays: the baseline its threshold, the MDP its thresholds, our own
// the traffic. The DQN is trained elsewhere and comes as a file.
import type { BucketOptions } from "@spillway/shared/bucket/token-bucket";
import { beliefParameters } from "@spillway/shared/policy/belief";
import type { PolicyParameters } from "@spillway/shared/policy/decide";
import {
  fitTrafficModel,
  LEAST_RECORDED_IMAGES,
  type RecordedTraffic,
} from "@spillway/shared/policy/fit-traffic-model";
import type { MdpParameters } from "@spillway/shared/policy/mdp";
import type { ThresholdParameters } from "@spillway/shared/policy/threshold";
import type { TrafficModel } from "@spillway/shared/policy/traffic-model";
import {
  type Interval,
  NEVER_THRESHOLD,
  solveThresholds,
  type ValueIterationOptions,
} from "@spillway/shared/policy/value-iteration";
import type { Arrival } from "./arrivals.ts";
import { bucketGrid } from "./bucket-grid.ts";
import { drawTraffic, secondsOfRecording, type TrafficSource } from "./draw-traffic.ts";
import type { Images } from "./images.ts";

/** Policies that can be learnt here and now. */
export const LEARNT_POLICIES = ["threshold", "mdp", "belief"] as const;
export type LearntPolicy = (typeof LEARNT_POLICIES)[number];

/** Frames of drawn traffic from which the traffic model is learnt, where no recording is at hand. */
const LEARNING_FRAMES = 40_000;

/** Images and how they come: all that a policy may be learnt from. */
export interface Experience {
  images: Images;
  arrival: Arrival;
  /** Learnt when it is first asked for, and once: it serves every bucket. */
  traffic(): TrafficModel;
}

/** @param seed of the traffic that is drawn to learn from */
export function experienceOf(source: TrafficSource, seed: number): Experience {
  let learnt: TrafficModel | undefined;
  return {
    ...source,
    traffic() {
      learnt ??= learnTraffic(source.images, drawnRecording(source, seed));
      return learnt;
    },
  };
}

export function learnPolicy(policy: LearntPolicy, experience: Experience, bucket: BucketOptions): PolicyParameters {
  if (policy === "threshold") return learnThreshold(experience, bucket);
  if (policy === "mdp") return learnMdp(experience, bucket);
  return beliefParameters(experience.traffic(), bucket);
}

/** The threshold that the share of images exceeds for which there are tokens in the long run. */
export function learnThreshold(
  { images, arrival }: Omit<Experience, "traffic">,
  { rate }: BucketOptions,
): ThresholdParameters {
  const { metrics } = images;
  const place = Math.floor(metrics.length * (1 - Math.min(1, rate * arrival.mean)));
  return { kind: "threshold", threshold: metrics[place] ?? NEVER_THRESHOLD };
}

/**
 * As published: it takes images to come independently of each other, whatever the sequence is.
 *
 * @throws UsageError for a bucket that no grid holds
 */
export function learnMdp(
  { images, arrival }: Omit<Experience, "traffic">,
  bucket: BucketOptions,
  options: ValueIterationOptions = {},
): MdpParameters {
  const grid = bucketGrid(bucket);
  const thresholds = solveThresholds(images, grid, lawWithin(arrival.law, Math.ceil(grid.m / grid.q)), options);
  return { kind: "mdp", grid, thresholds: Float64Array.from(thresholds) };
}

/** All intervals that fill the bucket from the bottom to the top count as one: every sweep looks at each. */
function lawWithin(law: readonly Interval[], longest: number): Interval[] {
  const shorter = law.filter(({ units }) => units < longest);
  const share = law.reduce((sum, interval) => sum + (interval.units < longest ? 0 : interval.share), 0);
  return share > 0 ? [...shorter, { units: longest, share }] : shorter;
}

/** Good for every bucket. @throws Error for fewer recorded images than a traffic model can be learnt from */
export function learnTraffic(images: Images, recorded: RecordedTraffic): TrafficModel {
  const { length } = recorded.metrics;
  if (length < LEAST_RECORDED_IMAGES) {
    throw new Error(`belief: expected at least ${LEAST_RECORDED_IMAGES} recorded images to learn from, got ${length}`);
  }
  return fitTrafficModel(recorded, images);
}

/** All of a recording, or as much drawn traffic as a model needs. */
export function drawnRecording(source: TrafficSource, seed: number): RecordedTraffic {
  const frames = source.sequence.kind === "recorded" ? source.images.metrics.length : LEARNING_FRAMES;
  const [draw] = drawTraffic(source, { sequences: 1, frames, seed });
  return draw();
}

/** Metrics as they came, with the intervals that were recorded with them, or else drawn ones. */
export function recordedTraffic(metrics: Float64Array, arrival: Arrival, seed: number): RecordedTraffic {
  return { metrics, seconds: secondsOfRecording(arrival, metrics.length, seed) };
}
