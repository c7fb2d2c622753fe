// A simulation as people and scripts read it: losses, the bounds beside them, and the share of the gap that is closed.
import { meanOf, type Simulation } from "./simulate.ts";

export interface PolicyReport {
  loss: number;
  /** Of the loss, over sequences; null for one sequence. */
  standardError: number | null;
  /** What offloading gains an image. */
  reward: number;
  offloadRate: number;
  /** Share of the way from the threshold policy to the lower bound; null where that is no longer than two errors. */
  gapClosed: number | null;
}

export interface SimulationReport {
  policies: Record<string, PolicyReport>;
  lowerBound: number;
  /** null where rate and depth fit no grid. */
  offlineOptimum: number | null;
  edgeLoss: number;
  cloudLoss: number;
  /** "edge-loss" where the edge's losses were given; "edge" where losses are counted from the edge's, which is then 0. */
  lossFrom: "edge-loss" | "edge";
  sequences: number;
  frames: number;
}

/** @param edgeLoss mean loss of the edge on the images; null to count losses from it */
export function reportOf(simulation: Simulation, edgeLoss: number | null): SimulationReport {
  const { images, rewardBound, offlineOptimum } = simulation;
  const from = edgeLoss ?? 0;
  const baseline = simulation.policies.threshold;
  const start = baseline === undefined ? null : meanOf(baseline.rewards);
  // A way no longer than chance makes it is none.
  const way = start === null ? 0 : rewardBound - start.mean;
  const hasWay = start !== null && way > 2 * (start.standardError ?? 0);
  const policies = Object.entries(simulation.policies).map(
    ([name, { rewards, offloadRate }]): [string, PolicyReport] => {
      const { mean: reward, standardError } = meanOf(rewards);
      const gapClosed = hasWay ? (reward - start.mean) / way : null;
      return [name, { loss: from - reward, standardError, reward, offloadRate, gapClosed }];
    },
  );
  return {
    policies: Object.fromEntries(policies),
    lowerBound: from - rewardBound,
    offlineOptimum: offlineOptimum === null ? null : from - meanOf(offlineOptimum).mean,
    edgeLoss: from,
    cloudLoss: from - meanOf(images.rewards).mean,
    lossFrom: edgeLoss === null ? "edge" : "edge-loss",
    sequences: simulation.sequences,
    frames: simulation.frames,
  };
}
