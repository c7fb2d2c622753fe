// From a model and labelled images to a published configuration: evaluate, calibrate, choose thresholds, report on
// images that chose nothing, publish.
import { mkdir, rm } from "node:fs/promises";
import path from "node:path";
import type { SystemCosts } from "@spillway/shared/offload/system-outcomes";
import type { Calibration, ConfidenceRule } from "@spillway/shared/schema/calibration";
import { CONFIG_KEY, type Config, checkConfigText, defaultConfig } from "@spillway/shared/schema/config";
import type { MethodChoice } from "../evaluation/calibration-method.ts";
import { evaluationDigest, writeEvaluation } from "../evaluation/evaluation-file.ts";
import { fitCalibration } from "../evaluation/fit-calibration.ts";
import { type EvaluationSource, loadEvaluation, rowsOfPart } from "../evaluation/load-evaluation.ts";
import type { ModelFolder } from "../model-folder.ts";
import { describeChanges } from "../publish/config-changes.ts";
import { type NamedText, type PublishRequest, type PublishStore, publish } from "../publish/publish.ts";
import { note, writeWhole } from "../result-output.ts";
import { sha256Hex } from "../sha256.ts";
import { chooseSystem, type SystemChoice } from "./choose-system.ts";
import type { Demand } from "./demand.ts";
import { judgedRows } from "./threshold-text.ts";

export interface TuneRequest {
  model: ModelFolder;
  /** The calibration in the model's folder, which the Worker is built with; null where this makes the first. */
  bundled: Calibration | null;
  source: EvaluationSource;
  demand: Demand;
  method: MethodChoice;
  rule: ConfidenceRule;
  costs: SystemCosts;
}

export interface TuneResult {
  choice: SystemChoice;
  published: Awaited<ReturnType<typeof putInForce>> | null;
}

/** Not ok: the demand cannot be had on so many rows. */
export type TuneOutcome = { ok: true; result: TuneResult } | { ok: false; rows: number };

/**
 * Leaves evaluation.npz, calibration.json, thresholds.json and config.json in the folder; the last two only where
 * the demand can be had. A model without a calibration gets the one just fitted.
 *
 * @param store null publishes nothing
 * @throws Error with one line for images, models or configurations that cannot be used
 */
export async function tuneModel(
  { model, bundled, source, demand, method, rule, costs }: TuneRequest,
  store: PublishStore | null,
  folder: string,
): Promise<TuneOutcome> {
  await makeFolder(folder);
  const evaluation = await loadEvaluation(model, source);
  await removeResults(folder);
  await writeEvaluation(path.join(folder, "evaluation.npz"), evaluation, evaluation.labels, evaluation);

  const part = demand.limit === null ? "calibration" : "fit";
  const rows = rowsOfPart(evaluation, part);
  const fittedOn = { dataset: rows.dataset, n: rows.rows, part, evaluation: evaluationDigest(evaluation) } as const;
  const identity = { model: model.hash, fittedOn };
  const { calibration } = fitCalibration(rows, rows.labels, identity, method);
  const calibrationDocument = await writeDocument(path.join(folder, "calibration.json"), calibration);

  const base = await baseConfig(model, store, calibration);
  for (const line of whyThresholdsMayNotDecide(base)) note(`note: ${line}`);
  // A cloud that answers alone is what the thresholds must be chosen for.
  const served = base.offload.fuse ? calibration : { ...calibration, fusion: null };
  const choice = chooseSystem(evaluation, served, rule, costs, demand);
  if (choice === null) return { ok: false, rows: judgedRows(evaluation, demand) };
  await writeDocument(path.join(folder, "thresholds.json"), choice);

  const config = tunedConfig(base, { text: calibrationDocument.text, vote: calibration.vote }, rule, choice);
  const documents = {
    config: await writeDocument(path.join(folder, "config.json"), config),
    calibration: calibrationDocument,
  };
  if (bundled === null) await completeModel(model, calibrationDocument);
  if (store === null) return { ok: true, result: { choice, published: null } };
  const identified = { manifest: model.manifest, modelHash: model.hash, bundled: bundled ?? calibration };
  const published = await putInForce({ ...identified, ...documents, keepThresholds: false }, store);
  return { ok: true, result: { choice, published } };
}

async function makeFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true }).catch((error: NodeJS.ErrnoException) => {
    throw new Error(`${folder}: cannot be made (${error.code})`);
  });
}

/** What an earlier run chose is not this one's, which may find that it cannot choose anything. */
async function removeResults(folder: string): Promise<void> {
  for (const name of ["thresholds.json", "config.json"]) await rm(path.join(folder, name), { force: true });
}

/** The Worker is not built without a calibration. */
async function completeModel({ path: folder }: ModelFolder, { text }: NamedText): Promise<void> {
  const file = path.join(folder, "calibration.json");
  await writeWhole(file, text);
  note(`wrote ${file}: the model had no calibration`);
}

async function writeDocument(file: string, value: object): Promise<NamedText> {
  const text = `${JSON.stringify(value, null, 2)}\n`;
  await writeWhole(file, text);
  return { name: file, text };
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
  if (checked !== null) note(`note: the configuration in KV is replaced: ${checked.error}`);
  return defaultConfig(manifest, hash, calibration);
}

/** What an operator set in KV stays as it is, and may leave the thresholds without a say. */
function whyThresholdsMayNotDecide({ offload }: Config): string[] {
  const lines = offload.enabled ? [] : ["offload.enabled is false, so nothing will be offloaded"];
  if (offload.policy !== "threshold") {
    lines.push(`offload.policy is "${offload.policy}", but these thresholds were chosen for "threshold"`);
  }
  if (offload.route === "tail") {
    lines.push('offload.route is "tail", but these thresholds were chosen for the large model');
  }
  return lines;
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
    calibration: sha256Hex(calibration.text),
    edge: { confidence: rule, exits: choice.exits.map((threshold) => ({ threshold })), vote: calibration.vote },
    offload: { ...base.offload, threshold: choice.offload },
  };
}

async function putInForce(request: PublishRequest, store: PublishStore) {
  const { version, calibration, changes, warnings } = await publish(request, store, new Date());
  for (const warning of warnings) note(`note: ${warning}`);
  process.stderr.write(`${describeChanges(changes)}published version ${version}\n`);
  return { version, calibration, changes };
}
