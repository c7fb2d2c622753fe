// `spillway tune`: from a model and labelled images to a published configuration, in one go.

import path from "node:path";
import { readCalibrationIfAny } from "../evaluation/calibration-file.ts";
import { METHOD_CHOICES } from "../evaluation/calibration-method.ts";
import { choiceFlag, flagsOnly, ruleFlag } from "../flag-values.ts";
import { type ModelFolder, openModelFolder } from "../model-folder.ts";
import { createWranglerKv, DEFAULT_STATE } from "../publish/wrangler-kv.ts";
import { expectWritable, OUTPUT_FLAGS, reportResult } from "../result-output.ts";
import { DEMAND_FLAGS, DEMAND_HELP, type DemandValues, readCosts, readDemand } from "../tuning/demand.ts";
import { describeThresholds, refuseDemand } from "../tuning/threshold-text.ts";
import { tuneModel } from "../tuning/tune-model.ts";
import { parseFlags, UsageError } from "../usage.ts";

const DEFAULT_MAX_OFFLOAD = "0.3";

const HELP = `spillway tune --images MOSAIC|FOLDER|--evaluation E.npz [--model FOLDER] [<what is asked for>] [--remote]

  --images           labelled images: a mosaic, or a folder with one folder a class
  --evaluation E.npz what \`spillway evaluate\` wrote, instead
  --model FOLDER     default models/cifar100
  --folder FOLDER    where evaluation.npz, calibration.json, thresholds.json and config.json go (default tuned)
  --skip-broken      leave out images that the Worker would refuse; without it the first ends all
  --no-tail          leave the tail out, which is run once a setting; the Worker then never asks it
  --method METHOD    of calibration: temperature (default), vector, isotonic, auto
  --confidence RULE  max-probability (default), margin, entropy
  --remote           publish to Cloudflare; otherwise to the local KV of \`npm start\`
  --state FOLDER     where that one lies (default ${DEFAULT_STATE}); \`npm start\` must not be running on it
  --no-publish       stop after the files are written; config.json has the default bucket and limits then
  --json             the result of \`spillway thresholds\` with \`published\`
  --out FILE         also write that there

What is asked for (default --max-offload ${DEFAULT_MAX_OFFLOAD}):

${DEMAND_HELP}
Half of the images fit and choose, the other half only reports. Bucket, limits and whatever else the configuration
in KV holds stay as they are. Thresholds are chosen for the large model; of a tail the calibration says what asking it
gains, and it is asked about the same images. A model folder without calibration.json gets the calibration that was fitted.
`;

export async function run(args: string[]): Promise<void> {
  const flags = parseFlags(
    args,
    {
      ...OUTPUT_FLAGS,
      ...DEMAND_FLAGS,
      images: { type: "string" },
      evaluation: { type: "string" },
      model: { type: "string", default: "models/cifar100" },
      folder: { type: "string", default: "tuned" },
      method: { type: "string", default: "temperature" },
      confidence: { type: "string", default: "max-probability" },
      "skip-broken": { type: "boolean", default: false },
      "no-tail": { type: "boolean", default: false },
      remote: { type: "boolean", default: false },
      state: { type: "string" },
      "no-publish": { type: "boolean", default: false },
    },
    HELP,
  );
  if (flags === null) return;
  const { values } = flags;
  flagsOnly("tune", flags.positionals);
  const demand = readDemand("tune", withDefault(values));
  if (values.remote && values.state !== undefined) throw new UsageError("--state is of the local KV, not of --remote");
  if ((values.images === undefined) === (values.evaluation === undefined)) {
    throw new UsageError("expected --images or --evaluation; see spillway tune --help");
  }
  const method = choiceFlag("method", values.method, METHOD_CHOICES);
  const rule = ruleFlag(values.confidence);
  const model = await openModelFolder(values.model);
  const costs = readCosts(model.manifest, values);
  const bundled = await calibrationOf(model);
  await expectWritable(values.out);
  const source = { ...values, withTail: !values["no-tail"] };
  const request = { model, bundled, source, demand, method, rule, costs };
  // Before the images are run: what cannot be published should not cost the evaluation.
  const outcome = await tuneModel(request, values["no-publish"] ? null : storeOf(values), values.folder);
  if (!outcome.ok) return refuseDemand(demand, outcome.rows, values);
  const { choice, published } = outcome.result;
  await reportResult({ ...choice, published }, values, describeThresholds(choice));
}

/** Who asks for nothing asks for a third of the images at most. */
function withDefault(values: DemandValues): DemandValues {
  const asks = ["max-offload", "min-accuracy", "max-mean-latency", "max-accuracy-loss"] as const;
  return asks.some((name) => values[name] !== undefined) ? values : { ...values, "max-offload": DEFAULT_MAX_OFFLOAD };
}

/** Null where there is none, which is then made. @throws Error when it is not the model's, or can neither be read nor made */
async function calibrationOf(model: ModelFolder) {
  const file = path.join(model.path, "calibration.json");
  const calibration = await readCalibrationIfAny(file, model);
  if (calibration === null) await expectWritable(file);
  return calibration;
}

function storeOf({ remote, state = DEFAULT_STATE }: { remote: boolean; state?: string }) {
  return createWranglerKv(remote ? { kind: "remote" } : { kind: "local", state });
}
