// `spillway policy belief`: how images come, learnt by maximum likelihood, for the policy that prices tokens by it.
import type { HiddenMarkovModel } from "@spillway/shared/policy/hidden-markov";
import type { TrafficModel } from "@spillway/shared/policy/traffic-model";
import type { PolicyFileOf } from "@spillway/shared/schema/policy";
import { flagsOnly, neededFlag, numberFlag } from "../../flag-values.ts";
import { expectWritable, OUTPUT_FLAGS, reportResult } from "../../result-output.ts";
import { drawnRecording, learnTraffic, recordedTraffic } from "../../simulation/learn.ts";
import { parseFlags } from "../../usage.ts";
import { modelHashFlag, POLICY_OUTPUT_FLAGS, POLICY_OUTPUT_HELP, unitFlag, writePolicy } from "./policy-output.ts";
import {
  ARRIVAL_FLAG,
  ARRIVAL_HELP,
  IMAGE_FLAGS,
  IMAGE_HELP,
  readImages,
  readMetrics,
  readTrafficFlags,
  SEQUENCE_FLAG,
  SEQUENCE_HELP,
} from "./traffic-flags.ts";

const HELP = `spillway policy belief --metrics M.npy --rewards R.npy [--sequence S] [--arrival A] --policy-file OUT

${IMAGE_HELP}${ARRIVAL_HELP}${SEQUENCE_HELP}  --recording FILE   .npy, metrics of recorded traffic in the order in which it came, the images that the edge answered
                     among them; they need no labels. Instead of --sequence; with --arrival intervals:FILE
${POLICY_OUTPUT_HELP}  --seed N           of the drawn traffic (default 1)
  --json             { difficultyStates, paceStates, bands, images, seconds }
  --out FILE         also write that there

The policy knows the traffic and no bucket: it is solved for the rate and depth in force, and again when they change.
`;

export async function run(args: string[]): Promise<void> {
  const flags = parseFlags(
    args,
    {
      ...IMAGE_FLAGS,
      ...ARRIVAL_FLAG,
      ...SEQUENCE_FLAG,
      ...POLICY_OUTPUT_FLAGS,
      ...OUTPUT_FLAGS,
      recording: { type: "string" },
      seed: { type: "string" },
    },
    HELP,
  );
  if (flags === null) return;
  const { values } = flags;
  flagsOnly("policy belief", flags.positionals);
  const file = neededFlag("policy belief", "policy-file", values["policy-file"]);
  const seed = numberFlag("seed", values.seed, 0, 2 ** 32 - 1) ?? 1;
  const unitSeconds = unitFlag(values["unit-seconds"]);
  await expectWritable(file);
  const model = await modelHashFlag(values.model);
  const images = await readImages("policy belief", values);
  const { arrival, sequence } = await readTrafficFlags(values);
  const startedMs = performance.now();
  const recorded =
    values.recording === undefined
      ? drawnRecording({ images, sequence, arrival }, seed)
      : recordedTraffic(await readMetrics(values.recording), arrival, seed);
  const traffic = learnTraffic(images, recorded);
  const seconds = (performance.now() - startedMs) / 1000;
  const result = {
    difficultyStates: traffic.difficulty.states,
    paceStates: traffic.pace.states,
    bands: traffic.difficulty.symbols,
    images: images.metrics.length,
    seconds: Number(seconds.toFixed(2)),
  };
  const source = values.recording === undefined ? { sequence: values.sequence } : { recording: values.recording };
  const frames = recorded.metrics.length;
  const trainedOn = { images: images.metrics.length, frames, arrival: values.arrival, ...source, seed };
  await writePolicy(file, { ...policyOf(traffic, unitSeconds), model, trainedOn });
  const text = `${result.difficultyStates} states of difficulty over ${result.bands} bands, ${result.paceStates} of pace, learnt in ${seconds.toFixed(1)} s\n`;
  await reportResult(result, values, text);
}

function policyOf(traffic: TrafficModel, unitSeconds: number): Omit<PolicyFileOf<"belief">, "model"> {
  const inSeconds = (values: Float64Array) => Array.from(values, (value) => value * unitSeconds);
  return {
    policyVersion: 1,
    kind: "belief",
    difficulty: chainOf(traffic.difficulty, Array.from(traffic.bandEdges)),
    bandGains: Array.from(traffic.bandGains),
    pace: chainOf(traffic.pace, inSeconds(traffic.paceEdges)),
    paceSeconds: inSeconds(traffic.paceSeconds),
    gain: { metrics: Array.from(traffic.gain.metrics), gains: Array.from(traffic.gain.gains) },
  };
}

function chainOf({ states, symbols, transitions, emissions }: HiddenMarkovModel, edges: number[]) {
  return { states, symbols, transitions: Array.from(transitions), emissions: Array.from(emissions), edges };
}
