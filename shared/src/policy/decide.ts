// Every policy behind one function: what the gate and the simulator call.
import { type BeliefParameters, decideByBelief } from "./belief.ts";
import { decideByMdp, type MdpParameters } from "./mdp.ts";
import type { Decide } from "./policy.ts";
import { decideByQNetwork, type QNetworkParameters, type QNetworkState } from "./q-network.ts";
import { decideByThreshold, type ThresholdParameters } from "./threshold.ts";
import type { TrafficBelief } from "./traffic-model.ts";

export type PolicyParameters = ThresholdParameters | MdpParameters | QNetworkParameters | BeliefParameters;

/** What a policy remembers between images; structured-cloneable, so that a Durable Object can store it. */
export type PolicyState = QNetworkState | TrafficBelief | null;

/** The state has to come from the same parameters: a change of policy begins with null. */
export const decide: Decide<PolicyState, PolicyParameters> = (observation, state, parameters) => {
  switch (parameters.kind) {
    case "threshold":
      return decideByThreshold(observation, null, parameters);
    case "mdp":
      return decideByMdp(observation, null, parameters);
    case "q-network":
      return decideByQNetwork(observation, state as QNetworkState | null, parameters);
    case "belief":
      return decideByBelief(observation, state as TrafficBelief | null, parameters);
  }
};

/** Whether it looks back: then images that nobody asks about matter to it too. The others decide alike whatever came. */
export function hasHistory({ kind }: Pick<PolicyParameters, "kind">): boolean {
  return kind === "q-network" || kind === "belief";
}
