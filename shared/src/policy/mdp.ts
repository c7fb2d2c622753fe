// EMSOFT'22's Markov decision process: a threshold for every level of the bucket. Solved by `solveThresholds`.
import { type TokenGrid, wholeTokenLevel } from "../bucket/token-grid.ts";
import type { Decide } from "./policy.ts";

export interface MdpParameters {
  kind: "mdp";
  grid: TokenGrid;
  /** thresholds[k] is the metric from which to offload at level p + k, [m - p + 1]. */
  thresholds: ArrayLike<number>;
}

/** It remembers nothing. Where there is no whole token, it answers what it would do with exactly one. */
export const decideByMdp: Decide<null, MdpParameters> = (observation, _state, { grid, thresholds }) => {
  const threshold = thresholds[wholeTokenLevel(observation.tokens, grid) - grid.p];
  return { offload: observation.metric >= threshold, threshold, state: null };
};
