// `spillway policy dqn`: trains EMSOFT'22's deep Q-network for one bucket and its traffic, with PyTorch.
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { constants, tmpdir } from "node:os";
import path from "node:path";
import { checkPolicyText, type PolicyFileOf } from "@spillway/shared/schema/policy";
import { z } from "zod";
import { flagsOnly, neededFlag } from "../../flag-values.ts";
import { expectServable } from "../../policy/dqn-recipe.ts";
import { runDqnTrainer, TRAINING_FOLDER } from "../../policy/dqn-trainer.ts";
import { expectWritable, note, OUTPUT_FLAGS, reportResult } from "../../result-output.ts";
import { bucketGrid } from "../../simulation/bucket-grid.ts";
import { parseFlags, UsageError } from "../../usage.ts";
import { modelHashFlag, POLICY_OUTPUT_FLAGS, POLICY_OUTPUT_HELP, unitFlag, writePolicy } from "./policy-output.ts";
import { BUCKET_FLAGS, BUCKET_HELP, bucketFlags, IMAGE_FLAGS, IMAGE_HELP } from "./traffic-flags.ts";

const DEFAULT_RECIPE = path.join(TRAINING_FOLDER, "recipes/dqn/emsoft22.json");
const DEFAULT_RUNS = path.join(TRAINING_FOLDER, "runs");

const HELP = `spillway policy dqn --metrics M.npy --rewards R.npy --rate R --depth B [--arrival A] [--sequence S]
                    --policy-file OUT [--recipe FILE]

${IMAGE_HELP}${BUCKET_HELP}  --arrival A        periodic (default), geometric:P or modulated:I1,I2,LEAVE1,LEAVE2; it cannot train on records
  --sequence S       iid (default) or location-reset:SPREAD,RESET, as for simulate
${POLICY_OUTPUT_HELP}  --recipe FILE      how it is trained (default: as published, models/training/recipes/dqn/emsoft22.json)
  --seed N           of the weights and of the traffic (default 1)
  --runs FOLDER      its checkpoints (default models/training/runs)
  --device D         a PyTorch device (default cpu)
  --json             { policyFile, kind, grid, iterations, seconds }
  --out FILE         also write that there

It takes some ten minutes on one core; the first time it downloads PyTorch before. After Ctrl-C the same command
continues from the last checkpoint.
`;

const FLAGS = {
  ...IMAGE_FLAGS,
  ...BUCKET_FLAGS,
  ...POLICY_OUTPUT_FLAGS,
  ...OUTPUT_FLAGS,
  arrival: { type: "string", default: "periodic" },
  sequence: { type: "string", default: "iid" },
  recipe: { type: "string", default: DEFAULT_RECIPE },
  seed: { type: "string", default: "1" },
  runs: { type: "string", default: DEFAULT_RUNS },
  device: { type: "string", default: "cpu" },
} as const;

export async function run(args: string[]): Promise<void> {
  const flags = parseFlags(args, FLAGS, HELP);
  if (flags === null) return;
  const { values } = flags;
  flagsOnly("policy dqn", flags.positionals);
  const needed = (name: "metrics" | "rewards" | "policy-file") => neededFlag("policy dqn", name, values[name]);
  const policyFile = needed("policy-file");
  const unitSeconds = unitFlag(values["unit-seconds"]);
  if (!/^\d+$/.test(values.seed)) throw new UsageError(`--seed: expected a whole number, got "${values.seed}"`);
  const bucket = bucketFlags("policy dqn", values);
  const files = { metrics: needed("metrics"), rewards: needed("rewards"), recipe: values.recipe, runs: values.runs };
  const { arrival, sequence, seed, device } = values;
  await expectServable(values.recipe, bucketGrid(bucket));
  // Now, not after the training.
  await expectWritable(policyFile);
  await expectWritable(values.out);
  const model = await modelHashFlag(values.model);

  const folder = await mkdtemp(path.join(tmpdir(), "spillway-dqn-"));
  try {
    const trained = path.join(folder, "policy.json");
    const outcome = await runDqnTrainer(
      { ...files, out: trained },
      { rate: `${bucket.rate}`, depth: `${bucket.depth}`, arrival, sequence, seed, device, ...(model && { model }) },
    );
    if (outcome.ended === "failed") throw new Error(outcome.error);
    if (outcome.ended === "interrupted") {
      note(`interrupted; the same command continues from the last checkpoint in ${values.runs}`);
      process.exitCode = 128 + constants.signals[outcome.signal];
      return;
    }
    const policy = trainedPolicy(await readFile(trained, "utf8"));
    await writePolicy(policyFile, { ...policy, unitSeconds });
    await reportTraining(policy, policyFile, values);
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** As the trainer wrote it: it knows nothing of how long a time unit lasts. */
function trainedPolicy(text: string): PolicyFileOf<"q-network"> {
  const checked = checkPolicyText(text);
  if (!checked.ok) throw new Error(`the trained policy: ${checked.error}`);
  if (checked.file.kind !== "q-network") throw new Error(`the trained policy: kind: got ${checked.file.kind}`);
  return checked.file;
}

const trainedOnSchema = z.looseObject({ iterations: z.int(), seconds: z.number() });

async function reportTraining(
  { kind, grid, trainedOn }: PolicyFileOf<"q-network">,
  policyFile: string,
  output: { json: boolean; out?: string | undefined },
): Promise<void> {
  const { iterations, seconds } = trainedOnSchema.parse(trainedOn);
  const text = `${policyFile}: a Q-network of ${iterations} iterations, ${seconds} s of training\n`;
  await reportResult({ policyFile, kind, grid, iterations, seconds }, output, text);
}
