// One contract for every policy, whatever it is.
import { decideByBelief } from "@spillway/shared/policy/belief";
import { decide, hasHistory, type PolicyParameters, type PolicyState } from "@spillway/shared/policy/decide";
import { decideByMdp } from "@spillway/shared/policy/mdp";
import { policyParameters } from "@spillway/shared/policy/policy-parameters";
import { decideByQNetwork } from "@spillway/shared/policy/q-network";
import { decideByThreshold } from "@spillway/shared/policy/threshold";
import { mulberry32 } from "@spillway/shared/random/mulberry32";
import type { PolicyFile } from "@spillway/shared/schema/policy";
import { describe, expect, it } from "vitest";
import { MADE_FOR, validBeliefPolicy, validMdpPolicy, validQNetworkPolicy } from "../schema/policies.ts";

function parametersOf(file: PolicyFile): PolicyParameters {
  const outcome = policyParameters(file, MADE_FOR);
  if (!outcome.ok) throw new Error(outcome.error);
  return outcome.parameters;
}

const POLICIES: PolicyParameters[] = [
  { kind: "threshold", threshold: 0.4 },
  parametersOf(validMdpPolicy()),
  parametersOf(validQNetworkPolicy()),
  parametersOf(validBeliefPolicy()),
];

/** Images as a client may send them, the first without an interval. */
function observations(count: number) {
  const random = mulberry32(71);
  return Array.from({ length: count }, (_, image) => ({
    metric: 2 * random() - 1,
    tokens: 2 * random(),
    elapsedSeconds: image === 0 ? null : 3 * random(),
  }));
}

describe.each(POLICIES)("every policy: $kind", (parameters) => {
  it("changes nothing that it is given, and answers alike when asked again", () => {
    const copy = structuredClone(parameters);
    let state: PolicyState = null;
    for (const observation of observations(300)) {
      const before = structuredClone({ observation, state });
      const decision = decide(observation, state, parameters);
      expect({ observation, state }).toEqual(before);
      expect(decide(observation, state, parameters)).toEqual(decision);
      state = decision.state;
    }
    expect(parameters).toEqual(copy);
  });

  it("decides by the threshold that it reports, where it reports one", () => {
    let state: PolicyState = null;
    for (const observation of observations(300)) {
      const { offload, threshold, state: next } = decide(observation, state, parameters);
      expect(threshold === null).toBe(parameters.kind === "q-network");
      if (threshold !== null) expect(offload).toBe(observation.metric >= threshold);
      state = next;
    }
  });

  it("goes on alike from a state that was stored and read again", () => {
    let [state, stored]: PolicyState[] = [null, null];
    for (const observation of observations(100)) {
      const decision = decide(observation, state, parameters);
      expect(decide(observation, structuredClone(stored), parameters)).toEqual(decision);
      [state, stored] = [decision.state, structuredClone(decision.state)];
    }
  });

  it("has a history exactly where the images before matter", () => {
    const answersAfter = (metric: number) => {
      let state: PolicyState = null;
      for (let image = 0; image < 20; image++) {
        state = decide({ metric, tokens: 1, elapsedSeconds: 1 }, state, parameters).state;
      }
      return state;
    };
    expect(hasHistory(parameters)).toBe(JSON.stringify(answersAfter(0)) !== JSON.stringify(answersAfter(1)));
  });
});

it("asks the policy that the parameters are of", () => {
  const [threshold, mdp, network, belief] = POLICIES;
  const observation = { metric: 0.3, tokens: 1.5, elapsedSeconds: 1 };
  const kinds = [threshold.kind, mdp.kind, network.kind, belief.kind];
  expect(kinds).toEqual(["threshold", "mdp", "q-network", "belief"]);
  const all = POLICIES.map((parameters) => decide(observation, null, parameters));
  expect(all[0]).toEqual(decideByThreshold(observation, null, threshold as Parameters<typeof decideByThreshold>[2]));
  expect(all[1]).toEqual(decideByMdp(observation, null, mdp as Parameters<typeof decideByMdp>[2]));
  expect(all[2]).toEqual(decideByQNetwork(observation, null, network as Parameters<typeof decideByQNetwork>[2]));
  expect(all[3]).toEqual(decideByBelief(observation, null, belief as Parameters<typeof decideByBelief>[2]));
});
