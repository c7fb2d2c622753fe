// The baseline policy: offload when the expected gain reaches a fixed threshold.
import type { Decide } from "./policy.ts";

export interface ThresholdParameters {
  threshold: number;
}

/** It remembers nothing. */
export const decideByThreshold: Decide<null, ThresholdParameters> = (observation, state, { threshold }) => ({
  offload: observation.metric >= threshold,
  threshold,
  state,
});
