// `spillway tune`: from a model and labelled images to a published configuration, in one go: evaluate,
// calibrate, choose thresholds, report on images that chose nothing, publish.
import { createHash } from "node:crypto";
import { mkdir } from "node:fs/promises";
import path from "node:path";
import { CLOSED, OFFLOAD_NOTHING, OFFLOAD_UNDECIDED, performanceOf } from "@spillway/shared/offload/system-outcomes";
import type { Calibration, ConfidenceRule } from "@spillway/shared/schema/calibration";
import { CONFIG_KEY, type Config, checkConfigText, defaultConfig } from "@spillway/shared/schema/config";
import { METHOD_CHOICES } from "../evaluation/calibration-method.ts";
import { chooseSystem, type SystemChoice } from "../evaluation/choose-system.ts";
import { type Evaluation, writeEvaluation } from "../evaluation/evaluation-file.ts";
import { fitCalibration } from "../evaluation/fit-calibration.ts";
import { loadEvaluation, rowsOfPart } from "../evaluation/load-evaluation.ts";
import { systemOutcomes } from "../evaluation/system.ts";
import { choiceFlag, flagsOnly, ruleFlag } from "../flag-values.ts";
import { type ModelFolder, openModelFolder } from "../model-folder.ts";
import { describeChanges } from "../publish/config-changes.ts";
import { type PublishRequest, type PublishStore, publish } from "../publish/publish.ts";
import { createWranglerKv, DEFAULT_STATE } from "../publish/wrangler-kv.ts";
import { OUTPUT_FLAGS, reportResult, writeWhole } from "../result-output.ts";
import { percent, textTable } from "../text-table.ts";
import { parseFlags, UsageError } from "../usage.ts";
import { bundledCalibration } from "./publish.ts";
import { DEMAND_FLAGS, DEMAND_HELP, judgedRows, readCosts, readDemand, refuseDemand, textOf } from "./thresholds.ts";

const DEFAULT_MAX_OFFLOAD = "0.3";

const HELP = `spillway tune --images MOSAIC|FOLDER|--evaluation E.npz [--model FOLDER] [<what is asked for>] [--remote]

  --images           labelled images: a mosaic, or a folder with one folder a class
  --evaluation E.npz what \`spillway evaluate\` wrote, instead
  --model FOLDER     default models/cifar100
  --folder FOLDER    where evaluation.npz, calibration.json, thresholds.json and config.json go (default tuned)
  --method METHOD    of calibration: temperature (default), vector, isotonic, auto
  --confidence RULE  max-probability (default), margin, entropy
  --remote           publish to Cloudflare; otherwise to the local KV of \`npm start\`
  --state FOLDER     where that one lies (default ${DEFAULT_STATE}); \`npm start\` must not be running on it
  --no-publish       stop after the files are written; config.json has the default bucket and limits then
  --json             the result of \`spillway thresholds\` with \`baselines\` and \`published\`
  --out FILE         also write that there

What is asked for (default --max-offload ${DEFAULT_MAX_OFFLOAD}):

${DEMAND_HELP}
Half of the images fit and choose, the other half only reports. Bucket, limits and whatever else the configuration
in KV holds stay as they are.
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
      remote: { type: "boolean", default: false },
      state: { type: "string" },
      "no-publish": { type: "boolean", default: false },
    },
    HELP,
  );
  if (flags === null) return;
  const { values } = flags;
  flagsOnly("tune", flags.positionals);
  const asksNothing = Object.keys(DEMAND_FLAGS)
    .slice(0, 4)
    .every((name) => values[name as keyof typeof values] === undefined);
  const demand = readDemand("tune", asksNothing ? { ...values, "max-offload": DEFAULT_MAX_OFFLOAD } : values);
  if (values.remote && values.state !== undefined) throw new UsageError("--state is of the local KV, not of --remote");
  if ((values.images === undefined) === (values.evaluation === undefined)) {
    throw new UsageError("expected --images or --evaluation; see spillway tune --help");
  }
  const method = choiceFlag("method", values.method, METHOD_CHOICES);
  const rule = ruleFlag(values.confidence);
  const folder = await openModelFolder(values.model);
  const costs = readCosts(folder.manifest, values);
  // Asked for first: what cannot be published should not cost the evaluation.
  const store = values["no-publish"]
    ? null
    : createWranglerKv(values.remote ? { kind: "remote" } : { kind: "local", state: values.state ?? DEFAULT_STATE });
  const bundled = store === null ? null : await bundledCalibration(folder);
  await mkdir(values.folder, { recursive: true });

  const evaluation = await loadEvaluation(folder, values);
  await writeEvaluation(path.join(values.folder, "evaluation.npz"), evaluation, evaluation.labels, evaluation);

  const part = demand.limit === null ? "calibration" : "fit";
  const rows = rowsOfPart(evaluation, part);
  const identity = { model: folder.hash, fittedOn: { dataset: rows.dataset, n: rows.rows, part } } as const;
  const { calibration } = fitCalibration(rows, rows.labels, identity, method);
  const calibrationFile = path.join(values.folder, "calibration.json");
  const calibrationText = `${JSON.stringify(calibration, null, 2)}\n`;
  await writeWhole(calibrationFile, calibrationText);

  const base = await baseConfig(folder, store, calibration);
  // A cloud that answers alone is what the thresholds must be chosen for.
  const served = base.offload.fuse ? calibration : { ...calibration, fusion: null };
  const choice = chooseSystem(evaluation, served, rule, costs, demand);
  if (choice === null) return refuseDemand(demand, judgedRows(evaluation, demand), values);
  await writeWhole(path.join(values.folder, "thresholds.json"), `${JSON.stringify(choice, null, 2)}\n`);
  const baselines = baselinesOf(evaluation, served, rule, costs);

  const config = tunedConfig(base, { text: calibrationText, vote: calibration.vote }, rule, choice);
  const configFile = path.join(values.folder, "config.json");
  const configText = `${JSON.stringify(config, null, 2)}\n`;
  await writeWhole(configFile, configText);
  const request = {
    manifest: folder.manifest,
    modelHash: folder.hash,
    config: { name: configFile, text: configText },
    calibration: { name: calibrationFile, text: calibrationText },
  };
  const published = store === null || bundled === null ? null : await putInForce({ ...request, bundled }, store);
  await reportResult({ ...choice, baselines, published }, values, textOf(choice) + baselineTable(baselines, choice));
}

/** What the report half would see without selection. */
function baselinesOf(
  evaluation: Evaluation,
  calibration: Calibration,
  rule: ConfidenceRule,
  costs: ReturnType<typeof readCosts>,
) {
  const report = rowsOfPart(evaluation, "report");
  const outcomes = systemOutcomes(report, report.labels, calibration, rule);
  const exits = outcomes.exits.map(() => CLOSED);
  return {
    edgeOnly: performanceOf(outcomes, costs, { exits, offload: OFFLOAD_NOTHING }),
    everythingOffloaded: performanceOf(outcomes, costs, { exits, offload: OFFLOAD_UNDECIDED }),
  };
}

function baselineTable(baselines: ReturnType<typeof baselinesOf>, choice: SystemChoice): string {
  const rows = Object.entries({
    "edge only, all stages": baselines.edgeOnly,
    "everything offloaded": baselines.everythingOffloaded,
    "these thresholds": choice.expected,
  });
  return textTable(
    ["", "accuracy", "offloaded", "mean latency, ms"],
    rows.map(([name, { accuracy, offloadRate, meanLatencyMs }]) => [
      name,
      percent(accuracy),
      percent(offloadRate),
      meanLatencyMs.toFixed(1),
    ]),
  );
}

/** The configuration in KV, or the default where there is none or it is not this model's. */
async function baseConfig(
  { manifest, hash }: ModelFolder,
  store: PublishStore | null,
  calibration: Calibration,
): Promise<Config> {
  const stored = store === null ? null : await store.get(CONFIG_KEY);
  const checked = stored === null ? null : checkConfigText(stored, manifest, hash);
  if (checked?.ok) return checked.config;
  if (checked !== null) process.stderr.write(`note: the configuration in KV is replaced: ${checked.error}\n`);
  return defaultConfig(manifest, hash, calibration);
}

/** With what was chosen; it names its calibration, so that neither is published without the other. */
function tunedConfig(
  base: Config,
  calibration: { text: string; vote: number[] },
  rule: ConfidenceRule,
  choice: SystemChoice,
): Config {
  return {
    ...base,
    version: new Date().toISOString(),
    calibration: createHash("sha256").update(calibration.text).digest("hex"),
    edge: { confidence: rule, exits: choice.exits.map((threshold) => ({ threshold })), vote: calibration.vote },
    offload: { ...base.offload, threshold: choice.offload },
  };
}

async function putInForce(request: PublishRequest, store: PublishStore) {
  const { version, calibration, changes } = await publish(request, store, new Date());
  process.stderr.write(`${describeChanges(changes)}published version ${version}\n`);
  return { version, calibration, changes };
}
