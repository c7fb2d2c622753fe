// EdgeBoost's rows in two halves: policies are learnt on one and judged on the other.
import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { rowOf } from "@spillway/shared/calibration/row-major";
import { argmax } from "@spillway/shared/calibration/softmax";
import { mulberry32, shuffledIndices } from "@spillway/shared/random/mulberry32";
import { encodeNpy } from "../../../models/src/arrays/npy.ts";
import { type Images, sortImages } from "../../../models/src/simulation/images.ts";
import type { EdgeBoostPair } from "../calibration/edgeboost-pair.ts";

/** Git-ignored; trained networks lie there too, so that none is trained twice. */
export const RUNS = path.resolve(import.meta.dirname, "../../../models/training/runs/policies");
const SPLIT_SEED = 7;

export interface Half {
  images: Images;
  /** Mean loss of the edge. */
  edgeLoss: number;
}

/** Metric: 1 - the largest calibrated probability, as in the reference. Reward: edge error - cloud error. */
export function halvesOf(pair: EdgeBoostPair): { learning: Half; judging: Half; files: LearningFiles } {
  const order = shuffledIndices(pair.rows, mulberry32(SPLIT_SEED));
  const middle = pair.rows / 2;
  const [learning, judging] = [order.slice(0, middle), order.slice(middle)].map((rows) => {
    const metrics = Float64Array.from(rows, (row) => {
      const probabilities = rowOf(pair.edge, row, pair.classes);
      return 1 - probabilities[argmax(probabilities)];
    });
    const rewards = Float64Array.from(rows, (row) => pair.cloudCorrect[row] - pair.edgeCorrect[row]);
    const edgeLoss = rows.reduce((sum, row) => sum + 1 - pair.edgeCorrect[row], 0) / rows.length;
    return { metrics, rewards, half: { images: sortImages(metrics, rewards), edgeLoss } };
  });
  return { learning: learning.half, judging: judging.half, files: learning };
}

export interface LearningFiles {
  metrics: Float64Array;
  rewards: Float64Array;
}

/** The learning half as the DQN's trainer reads it. */
export async function writeLearningFiles({ metrics, rewards }: LearningFiles) {
  await mkdir(RUNS, { recursive: true });
  const files = { metrics: path.join(RUNS, "learn-metrics.npy"), rewards: path.join(RUNS, "learn-rewards.npy") };
  await writeFile(files.metrics, encodeNpy({ shape: [metrics.length], data: metrics }));
  await writeFile(files.rewards, encodeNpy({ shape: [rewards.length], data: rewards }));
  return files;
}
