// The baseline policy: offload when the expected gain reaches a fixed threshold, whatever the bucket holds.
import type { Decide } from "./policy.ts";

export interface ThresholdParameters {
  kind: "threshold";
  threshold: number;
}

/** It remembers nothing. */
export const decideByThreshold: Decide<null, ThresholdParameters> = (observation, _state, { threshold }) => ({
  offload: observation.metric >= threshold,
  threshold,
  state: null,
});
