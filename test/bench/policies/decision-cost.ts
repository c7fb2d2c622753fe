// What one decision of each policy costs, and what it keeps between two.
import { decide, type PolicyParameters, type PolicyState } from "@spillway/shared/policy/decide";
import { play } from "../../../models/src/simulation/play.ts";
import { summarise } from "../measure.ts";
import { EXAMPLE_BUCKET, examplePolicies, exampleTraffic } from "./example-policies.ts";

const ROUNDS = 9;

export function timeDecisions() {
  const traffic = exampleTraffic();
  return examplePolicies().map((parameters) => {
    const samples = Array.from({ length: ROUNDS + 1 }, () => {
      const startMs = performance.now();
      play(parameters, traffic, EXAMPLE_BUCKET);
      return ((performance.now() - startMs) * 1000) / traffic.metrics.length;
    });
    // The first round compiles.
    const { median: microseconds, p25, p75 } = summarise(samples.slice(1));
    return { policy: parameters.kind, microseconds, p25, p75, stateBytes: bytesOf(stateAfterOne(parameters)) };
  });
}

function stateAfterOne(parameters: PolicyParameters): PolicyState {
  return decide({ metric: 0.5, tokens: 1, elapsedSeconds: null }, null, parameters).state;
}

function bytesOf(state: PolicyState): number {
  const arrays = Object.values(state ?? {}).filter((value) => ArrayBuffer.isView(value));
  return arrays.reduce((sum, array) => sum + array.byteLength, 0);
}
