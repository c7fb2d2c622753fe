// One contract for every offloading policy. A policy is a pure function: what it remembers of the images before is
// in `state`, what was learnt offline is in `parameters`. The Durable Object and the simulator run the same ones.

export interface Observation {
  /** Expected gain of asking the cloud for this image. */
  metric: number;
  /** Tokens in the bucket before the decision. */
  tokens: number;
  /** Seconds since the image before, at least 0; null for the first. */
  elapsedSeconds: number | null;
}

export interface PolicyDecision<State> {
  /** Whether the image is worth a token. The caller still has to find one. */
  offload: boolean;
  /** What the metric was compared with; null where it was not compared with one number. */
  threshold: number | null;
  /** What to hand in with the next image. */
  state: State;
}

/**
 * Neither its arguments nor anything else is changed.
 *
 * @param state what the decision on the image before returned; null for the first
 */
export type Decide<State, Parameters> = (
  observation: Observation,
  state: State | null,
  parameters: Parameters,
) => PolicyDecision<State>;
