// The flags that all policy commands share: the images, the bucket, and how images come.
import type { BucketOptions } from "@spillway/shared/bucket/token-bucket";
import { readNumbers } from "../../arrays/inputs.ts";
import { neededFlag, numberFlag } from "../../flag-values.ts";
import { type Arrival, readArrival } from "../../simulation/arrivals.ts";
import { type Images, sortImages } from "../../simulation/images.ts";
import { parseSequence, type Sequence } from "../../simulation/sequences.ts";
import { meanOf } from "../../simulation/simulate.ts";
import { UsageError } from "../../usage.ts";

export const IMAGE_FLAGS = { metrics: { type: "string" }, rewards: { type: "string" } } as const;

export const IMAGE_HELP = `  --metrics FILE     .npy, the offload metric of each image, in the order in which they came if that is known
  --rewards FILE     .npy, edge loss minus cloud loss of the same images
`;

export const BUCKET_FLAGS = { rate: { type: "string" }, depth: { type: "string" } } as const;

export const BUCKET_HELP = `  --rate R           tokens a second (a second is the time unit of a simulation)
  --depth B          tokens that the bucket holds
`;

export const ARRIVAL_FLAG = { arrival: { type: "string", default: "periodic" } } as const;

export const ARRIVAL_HELP = `  --arrival A        when images come: periodic (default, one a second), geometric:P (one in any second with
                     probability P), modulated:I1,I2,LEAVE1,LEAVE2 (every I1 seconds in one state, every I2 in the
                     other, which are left with these probabilities a second), intervals:FILE.npy (seconds between
                     images, as recorded)
`;

export const SEQUENCE_FLAG = { sequence: { type: "string", default: "iid" } } as const;

export const SEQUENCE_HELP = `  --sequence S       in which order: iid (default), location-reset:SPREAD,RESET (images that come together have
                     like metrics: each is drawn from the share SPREAD that follows a location among them, and the
                     location changes with probability RESET an image), recorded (the order of the file)
`;

export const LARGEST_RATE = 1_000_000;

export interface TrafficFlags {
  arrival: string;
  sequence: string;
}

interface ImageFiles {
  metrics?: string | undefined;
  rewards?: string | undefined;
}

/** @throws UsageError for a missing flag, Error naming the file that is wrong */
export async function readImages(command: string, files: ImageFiles): Promise<Images> {
  const metricsFile = neededFlag(command, "metrics", files.metrics);
  const rewardsFile = neededFlag(command, "rewards", files.rewards);
  const metrics = await readMetrics(metricsFile);
  const rewards = await readColumn(rewardsFile, metrics.length);
  expectGains(rewards, "reward", rewardsFile);
  return sortImages(metrics, rewards);
}

/** @throws Error naming the file, and the row */
export async function readMetrics(file: string): Promise<Float64Array> {
  const metrics = await readNumbers(file);
  if (metrics.length === 0) throw new Error(`${file}: expected at least one image, got none`);
  expectGains(metrics, "metric", file);
  return metrics;
}

/** Metrics and rewards are both differences of losses. */
function expectGains(values: Float64Array, name: string, file: string): void {
  const row = values.findIndex((value) => !(value >= -1 && value <= 1));
  if (row >= 0) throw new Error(`${file}: row ${row}: expected a ${name} from -1 to 1, got ${values[row]}`);
}

/** Mean loss of the edge on these images; null where no file is given. */
export async function readEdgeLoss(file: string | undefined, { metrics }: Images): Promise<number | null> {
  if (file === undefined) return null;
  return meanOf(await readColumn(file, metrics.length)).mean;
}

async function readColumn(file: string, rows: number): Promise<Float64Array> {
  const values = await readNumbers(file);
  if (values.length !== rows) throw new Error(`${file}: expected ${rows} rows, one a metric, got ${values.length}`);
  return values;
}

/** @throws UsageError for a missing or impossible bucket */
export function bucketFlags(
  command: string,
  flags: { rate?: string | undefined; depth?: string | undefined },
): BucketOptions {
  const number = (name: "rate" | "depth", least: number) =>
    numberFlag(name, neededFlag(command, name, flags[name]), least, LARGEST_RATE) as number;
  const rate = number("rate", 0);
  if (rate === 0) throw new UsageError("--rate: expected above 0: without new tokens there is nothing to decide");
  return { rate, depth: number("depth", 1) };
}

export async function readTrafficFlags({
  arrival,
  sequence,
}: TrafficFlags): Promise<{ arrival: Arrival; sequence: Sequence }> {
  return { sequence: parseSequence(sequence), arrival: await readArrival(arrival) };
}
