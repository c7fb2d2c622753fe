// `spillway policy belief`: how images come, learnt by maximum likelihood, for the policy that prices tokens by it.
import { trafficPolicyFile } from "@spillway/shared/policy/policy-parameters";
import { flagsOnly, neededFlag } from "../../flag-values.ts";
import { expectWritable, note, OUTPUT_FLAGS, reportResult } from "../../result-output.ts";
import { drawnRecording, learnTraffic, recordedTraffic } from "../../simulation/learn.ts";
import { parseFlags, UsageError } from "../../usage.ts";
import { modelHashFlag, POLICY_OUTPUT_FLAGS, POLICY_OUTPUT_HELP, unitFlag, writePolicy } from "./policy-output.ts";
import { learningSeed, seedFlag } from "./simulation-flags.ts";
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
                     among them; they need no labels. Instead of --sequence; with --arrival intervals:FILE, the
                     seconds from each of them to the next
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
      sequence: { type: "string" },
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
  if (values.recording !== undefined && values.sequence !== undefined) {
    throw new UsageError("--recording has an order of its own: leave --sequence out");
  }
  const sequenceText = values.sequence ?? SEQUENCE_FLAG.sequence.default;
  const file = neededFlag("policy belief", "policy-file", values["policy-file"]);
  const seed = seedFlag(values.seed);
  const unitSeconds = unitFlag(values["unit-seconds"]);
  await expectWritable(file);
  await expectWritable(values.out);
  const model = await modelHashFlag(values.model);
  const images = await readImages("policy belief", values);
  const { arrival, sequence } = await readTrafficFlags({ arrival: values.arrival, sequence: sequenceText });
  if (values.recording !== undefined && arrival.recorded === null) {
    note(
      `note: the recording's images are taken to come as --arrival ${values.arrival} has it; intervals:FILE says when`,
    );
  }
  const startedMs = performance.now();
  const recorded =
    values.recording === undefined
      ? drawnRecording({ images, sequence, arrival }, learningSeed(seed))
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
  const source = values.recording === undefined ? { sequence: sequenceText } : { recording: values.recording };
  const frames = recorded.metrics.length;
  const trainedOn = { images: images.metrics.length, frames, arrival: values.arrival, ...source, seed };
  await writePolicy(file, { ...trafficPolicyFile(traffic, model, unitSeconds), trainedOn });
  const { difficultyStates, paceStates, bands } = result;
  const text = `states of difficulty ${difficultyStates}, over ${bands} bands of the metric; states of pace ${paceStates}; learnt in ${seconds.toFixed(1)} s\n`;
  await reportResult(result, values, text);
}
