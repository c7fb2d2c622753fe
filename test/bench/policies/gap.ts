// One setting: every policy on the same sequences, and by how much ours does better than the DQN.
import { beliefParameters } from "@spillway/shared/policy/belief";
import type { QNetworkParameters } from "@spillway/shared/policy/q-network";
import type { TrafficModel } from "@spillway/shared/policy/traffic-model";
import { readArrival } from "../../../models/src/simulation/arrivals.ts";
import { experienceOf, learnMdp, learnThreshold } from "../../../models/src/simulation/learn.ts";
import { type PolicyReport, reportOf } from "../../../models/src/simulation/report.ts";
import { parseSequence } from "../../../models/src/simulation/sequences.ts";
import { meanOf, simulate } from "../../../models/src/simulation/simulate.ts";
import type { Half } from "./halves.ts";
import type { Setting } from "./trained-network.ts";

/** Sequences of 20,000 images each: a Q-network takes some 30 microseconds an image. */
export const SEQUENCES = 20;
const FRAMES = 20_000;
const SEED = 1;
const LEARNING_SEED = 99;

export interface Gap {
  setting: Setting;
  policies: Record<string, PolicyReport>;
  lowerBound: number;
  offlineOptimum: number | null;
  /** For each network: our reward minus its, paired by sequence. */
  ahead: Record<string, { mean: number; standardError: number }>;
}

/** What the traffic teaches serves every bucket. */
export async function learnedTraffic({ images }: Half, { arrival, sequence }: Setting) {
  const source = { images, sequence: parseSequence(sequence), arrival: await readArrival(arrival) };
  const startMs = performance.now();
  const traffic = experienceOf(source, LEARNING_SEED).traffic();
  return { traffic, seconds: (performance.now() - startMs) / 1000 };
}

export async function gapsIn(
  setting: Setting,
  { learning, judging }: { learning: Half; judging: Half },
  traffic: TrafficModel,
  networks: Readonly<Record<string, QNetworkParameters>>,
): Promise<Gap> {
  const { rate, depth } = setting;
  const arrival = await readArrival(setting.arrival);
  const experience = { images: learning.images, arrival };
  const policies = {
    threshold: learnThreshold(experience, { rate, depth }),
    mdp: learnMdp(experience, { rate, depth }),
    ...networks,
    belief: beliefParameters(traffic, { rate, depth }),
  };
  const source = { images: judging.images, sequence: parseSequence(setting.sequence), arrival };
  const draw = { sequences: SEQUENCES, frames: FRAMES, seed: SEED };
  const simulation = simulate(source, { rate, depth }, policies, draw);
  const { policies: reports, lowerBound, offlineOptimum } = reportOf(simulation, judging.edgeLoss);
  const ours = simulation.policies.belief.rewards;
  const ahead = Object.keys(networks).map((name) => {
    const { mean, standardError } = meanOf(ours.map((reward, at) => reward - simulation.policies[name].rewards[at]));
    return [name, { mean, standardError: standardError as number }] as const;
  });
  return { setting, policies: reports, lowerBound, offlineOptimum, ahead: Object.fromEntries(ahead) };
}
