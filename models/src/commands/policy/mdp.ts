// `spillway policy mdp`: EMSOFT'22's thresholds, one for every level of the bucket, by value iteration.
import type { PolicyFile } from "@spillway/shared/schema/policy";
import { choiceFlag, flagsOnly } from "../../flag-values.ts";
import { expectWritable, OUTPUT_FLAGS, reportResult } from "../../result-output.ts";
import { readArrival } from "../../simulation/arrivals.ts";
import { learnMdp } from "../../simulation/learn.ts";
import { textTable } from "../../text-table.ts";
import { parseFlags } from "../../usage.ts";
import { modelHashFlag, POLICY_OUTPUT_FLAGS, POLICY_OUTPUT_HELP, unitFlag, writePolicy } from "./policy-output.ts";
import {
  ARRIVAL_FLAG,
  ARRIVAL_HELP,
  BUCKET_FLAGS,
  BUCKET_HELP,
  bucketFlags,
  IMAGE_FLAGS,
  IMAGE_HELP,
  readImages,
} from "./traffic-flags.ts";

const HELP = `spillway policy mdp --metrics M.npy --rewards R.npy --rate R --depth B [--arrival A] [--policy-file OUT]

${IMAGE_HELP}${BUCKET_HELP}${ARRIVAL_HELP}${POLICY_OUTPUT_HELP}  --settle RULE      when to stop: thresholds (default, as published: none moves) or values (until none can move again,
                     which few images may take far longer for)
  --json             { scaled: { q, p, m }, thresholds }
  --out FILE         also write that there

The bucket gains q levels a second of m, and an offload costs p; thresholds[k] is the metric from which an image is
worth a token when the bucket holds (p + k) / p of them.
`;

export async function run(args: string[]): Promise<void> {
  const flags = parseFlags(
    args,
    {
      ...IMAGE_FLAGS,
      ...BUCKET_FLAGS,
      ...ARRIVAL_FLAG,
      ...POLICY_OUTPUT_FLAGS,
      ...OUTPUT_FLAGS,
      settle: { type: "string", default: "thresholds" },
    },
    HELP,
  );
  if (flags === null) return;
  const { values } = flags;
  flagsOnly("policy mdp", flags.positionals);
  const bucket = bucketFlags("policy mdp", values);
  const settle = choiceFlag("settle", values.settle, ["thresholds", "values"]);
  const unitSeconds = unitFlag(values["unit-seconds"]);
  const file = values["policy-file"];
  await expectWritable(file);
  const model = await modelHashFlag(values.model);
  const images = await readImages("policy mdp", values);
  const arrival = await readArrival(values.arrival);
  const { grid, thresholds } = learnMdp({ images, arrival }, bucket, { settle });
  const result = { scaled: grid, thresholds: Array.from(thresholds) };
  if (file !== undefined) {
    const policy: PolicyFile = {
      policyVersion: 1,
      kind: "mdp",
      model,
      unitSeconds,
      grid,
      thresholds: result.thresholds,
    };
    const trainedOn = { images: images.metrics.length, arrival: values.arrival, ...bucket, settle };
    await writePolicy(file, { ...policy, trainedOn });
  }
  await reportResult(result, values, textOf(result));
}

/** Levels between which the threshold changes, told once. */
function textOf({ scaled: { p }, thresholds }: { scaled: { p: number }; thresholds: number[] }): string {
  const rows = thresholds
    .map((threshold, k) => [((p + k) / p).toFixed(2), threshold.toFixed(4)])
    .filter(([, threshold], k) => k === 0 || threshold !== thresholds[k - 1].toFixed(4));
  return textTable(["tokens from", "offload from metric"], rows);
}
