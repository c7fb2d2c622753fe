// One contract for every offloading policy. A policy is a pure function: what it remembers is in
// `state`, what was learnt offline is in `parameters`.

export interface Observation {
  /** Expected gain of asking the cloud for this image. */
  metric: number;
  /** Tokens in the bucket before the decision. */
  tokens: number;
}

export interface PolicyDecision<State> {
  /** Whether the image is worth a token. The caller still has to find one. */
  offload: boolean;
  /** What the metric was compared with. */
  threshold: number;
  state: State;
}

export type Decide<State, Parameters> = (
  observation: Observation,
  state: State,
  parameters: Parameters,
) => PolicyDecision<State>;
