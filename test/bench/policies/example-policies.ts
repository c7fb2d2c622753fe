// Policies of a realistic size on made-up traffic, for what they cost: 24 states of difficulty, two of pace, a bucket
// of 40 levels, and EMSOFT'22's network.
import type { PolicyParameters } from "@spillway/shared/policy/decide";
import { fitTrafficModel } from "@spillway/shared/policy/fit-traffic-model";
import { policyParameters, trafficPolicyFile } from "@spillway/shared/policy/policy-parameters";
import type { DenseLayer, QNetworkParameters } from "@spillway/shared/policy/q-network";
import { mulberry32 } from "@spillway/shared/random/mulberry32";
import type { PolicyFileOf } from "@spillway/shared/schema/policy";
import { readArrival } from "../../../models/src/simulation/arrivals.ts";
import { drawTraffic } from "../../../models/src/simulation/draw-traffic.ts";
import { sortImages } from "../../../models/src/simulation/images.ts";
import { learnMdp, learnThreshold } from "../../../models/src/simulation/learn.ts";
import type { Traffic } from "../../../models/src/simulation/play.ts";
import { MODULATED } from "./settings.ts";

export const EXAMPLE_BUCKET = { rate: 0.1, depth: 4 };
const FRAMES = 20_000;
const SIZES = [192, 64, 64, 64, 64, 64, 82];
const random = mulberry32(3);
const metrics = Float64Array.from({ length: 2000 }, random);
const images = sortImages(
  metrics,
  metrics.map((metric) => (random() < metric ? 1 : 0)),
);
const arrival = await readArrival(MODULATED);

export function exampleTraffic(): Traffic {
  const sequence = { kind: "location-reset", spread: 0.1, reset: 0.1 } as const;
  const [draw] = drawTraffic({ images, sequence, arrival }, { sequences: 1, frames: FRAMES, seed: 4 });
  return draw();
}

export function trafficPolicy(): PolicyFileOf<"belief"> {
  return trafficPolicyFile(fitTrafficModel(exampleTraffic(), images, { difficultyStates: [24] }), null);
}

export function examplePolicies(): PolicyParameters[] {
  const belief = policyParameters(trafficPolicy(), EXAMPLE_BUCKET);
  if (!belief.ok) throw new Error(belief.error);
  const experience = { images, arrival };
  const mdp = learnMdp(experience, EXAMPLE_BUCKET);
  return [learnThreshold(experience, EXAMPLE_BUCKET), mdp, publishedNetwork(mdp.grid), belief.parameters];
}

/** Random weights: what it decides is nonsense, and takes as long. */
function publishedNetwork(grid: QNetworkParameters["grid"]): QNetworkParameters {
  const layers = SIZES.slice(1).map((outputs, index): DenseLayer => {
    const inputs = SIZES[index];
    const weights = Float32Array.from({ length: inputs * outputs }, () => (random() - 0.5) / 4);
    return { inputs, outputs, weights, bias: new Float32Array(outputs) };
  });
  const scale = { mean: 0.5, deviation: 0.3 };
  const shape = { grid, unitSeconds: 1, history: 96, leak: 0.2, layers };
  return { kind: "q-network", ...shape, metric: scale, interval: { mean: 2, deviation: 1 } };
}
