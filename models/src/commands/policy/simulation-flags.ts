// The flags that `simulate` and `compare` share, and the experience that policies are learnt from.
import { numberFlag } from "../../flag-values.ts";
import type { DrawOptions } from "../../simulation/draw-traffic.ts";
import type { Images } from "../../simulation/images.ts";
import { UsageError } from "../../usage.ts";
import {
  ARRIVAL_FLAG,
  ARRIVAL_HELP,
  BUCKET_FLAGS,
  BUCKET_HELP,
  IMAGE_FLAGS,
  IMAGE_HELP,
  readImages,
  SEQUENCE_FLAG,
  SEQUENCE_HELP,
} from "./traffic-flags.ts";

export const SIMULATION_FLAGS = {
  ...IMAGE_FLAGS,
  ...BUCKET_FLAGS,
  ...ARRIVAL_FLAG,
  ...SEQUENCE_FLAG,
  "edge-loss": { type: "string" },
  "learn-metrics": { type: "string" },
  "learn-rewards": { type: "string" },
  policy: { type: "string" },
  "policy-file": { type: "string", multiple: true },
  sequences: { type: "string" },
  frames: { type: "string" },
  seed: { type: "string" },
  chart: { type: "string", multiple: true },
} as const;

export const simulationHelp = (
  sequences: number,
) => `${IMAGE_HELP}${BUCKET_HELP}${ARRIVAL_HELP}${SEQUENCE_HELP}  --edge-loss FILE   .npy, the edge's loss on these images; without it losses are counted from the edge's
  --learn-metrics FILE, --learn-rewards FILE
                     images to learn the policies on; without them they are learnt on those that judge them
  --policy P,...     threshold, mdp, q-network, belief (default: all that need no file, and those of the files)
  --policy-file FILE of \`spillway policy mdp|dqn|belief\`; may be repeated
  --sequences N      drawn (default ${sequences}); --frames N: images in each (default 20000); --seed N (default 1)
`;

const MOST_SEQUENCES = 100_000;
const MOST_FRAMES = 10_000_000;
const LARGEST_SEED = 2 ** 32 - 1;
const LEARNING_SEED_OFFSET = 0x9e3779b9;

export interface SimulationValues {
  sequences?: string | undefined;
  frames?: string | undefined;
  seed?: string | undefined;
}

/** @throws UsageError for what is no whole number within the limits */
export function drawFlags({ sequences, frames, seed }: SimulationValues, defaultSequences: number): DrawOptions {
  return {
    sequences: wholeFlag("sequences", sequences, 1, MOST_SEQUENCES) ?? defaultSequences,
    frames: wholeFlag("frames", frames, 1, MOST_FRAMES) ?? 20_000,
    seed: seedFlag(seed),
  };
}

/** @throws UsageError for what is no whole number of 32 bits */
export function seedFlag(text: string | undefined): number {
  return wholeFlag("seed", text, 0, LARGEST_SEED) ?? 1;
}

/** The images that policies are learnt on: their own where given, else those that are simulated. */
export async function readLearningImages(
  command: string,
  values: { "learn-metrics"?: string | undefined; "learn-rewards"?: string | undefined },
  simulated: Images,
): Promise<Images> {
  const [metrics, rewards] = [values["learn-metrics"], values["learn-rewards"]];
  if (metrics === undefined && rewards === undefined) return simulated;
  if (metrics === undefined || rewards === undefined) {
    throw new UsageError("--learn-metrics and --learn-rewards belong together");
  }
  return readImages(command, { metrics, rewards });
}

/** Of the traffic that policies are learnt from: not the one that judges them. */
export function learningSeed(seed: number): number {
  return (seed + LEARNING_SEED_OFFSET) % 2 ** 32;
}

function wholeFlag(name: string, text: string | undefined, least: number, most: number): number | undefined {
  const value = numberFlag(name, text, least, most);
  if (value !== undefined && !Number.isInteger(value)) {
    throw new UsageError(`--${name}: expected a whole number, got "${text}"`);
  }
  return value;
}
