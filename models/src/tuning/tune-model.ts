// From a model and labelled images to a published configuration: evaluate, calibrate, choose thresholds, report on
// images that chose nothing, publish.
import { createHash } from "node:crypto";
import { mkdir } from "node:fs/promises";
import path from "node:path";
import {
  CLOSED,
  OFFLOAD_NOTHING,
  OFFLOAD_UNDECIDED,
  performanceOf,
  type SystemCosts,
} from "@spillway/shared/offload/system-outcomes";
import type { Calibration, ConfidenceRule } from "@spillway/shared/schema/calibration";
import { CONFIG_KEY, type Config, checkConfigText, defaultConfig } from "@spillway/shared/schema/config";
import type { MethodChoice } from "../evaluation/calibration-method.ts";
import { type Evaluation, writeEvaluation } from "../evaluation/evaluation-file.ts";
import { fitCalibration } from "../evaluation/fit-calibration.ts";
import { loadEvaluation, rowsOfPart } from "../evaluation/load-evaluation.ts";
import { systemOutcomes } from "../evaluation/system.ts";
import type { ModelFolder } from "../model-folder.ts";
import { describeChanges } from "../publish/config-changes.ts";
import { type PublishRequest, type PublishStore, publish } from "../publish/publish.ts";
import { writeWhole } from "../result-output.ts";
import { percent, textTable } from "../text-table.ts";
import { chooseSystem, type SystemChoice } from "./choose-system.ts";
import type { Demand } from "./demand.ts";
import { judgedRows } from "./threshold-text.ts";

export interface TuneRequest {
  model: ModelFolder;
  /** One of both. */
  source: { evaluation?: string; images?: string };
  demand: Demand;
  method: MethodChoice;
  rule: ConfidenceRule;
  costs: SystemCosts;
}

/** Where the result is published, and the calibration that the Worker there was built with. */
export interface TuneTarget {
  store: PublishStore;
  bundled: Calibration;
}

export interface TuneResult {
  choice: SystemChoice;
  baselines: Baselines;
  published: Awaited<ReturnType<typeof putInForce>> | null;
}

/** Not ok: the demand cannot be had on so many rows. */
export type TuneOutcome = { ok: true; result: TuneResult } | { ok: false; rows: number };

/**
 * Leaves evaluation.npz, calibration.json, thresholds.json and config.json in the folder.
 *
 * @param target null publishes nothing
 * @throws Error with one line for images, models or configurations that cannot be used
 */
export async function tuneModel(
  { model, source, demand, method, rule, costs }: TuneRequest,
  target: TuneTarget | null,
  folder: string,
): Promise<TuneOutcome> {
  await mkdir(folder, { recursive: true });
  const evaluation = await loadEvaluation(model, source);
  await writeEvaluation(path.join(folder, "evaluation.npz"), evaluation, evaluation.labels, evaluation);

  const part = demand.limit === null ? "calibration" : "fit";
  const rows = rowsOfPart(evaluation, part);
  const identity = { model: model.hash, fittedOn: { dataset: rows.dataset, n: rows.rows, part } } as const;
  const { calibration } = fitCalibration(rows, rows.labels, identity, method);
  const calibrationDocument = await writeDocument(path.join(folder, "calibration.json"), calibration);

  const base = await baseConfig(model, target?.store ?? null, calibration);
  if (!base.offload.enabled) process.stderr.write("note: offload.enabled is false, so nothing will be offloaded\n");
  // A cloud that answers alone is what the thresholds must be chosen for.
  const served = base.offload.fuse ? calibration : { ...calibration, fusion: null };
  const choice = chooseSystem(evaluation, served, rule, costs, demand);
  if (choice === null) return { ok: false, rows: judgedRows(evaluation, demand) };
  await writeDocument(path.join(folder, "thresholds.json"), choice);
  const baselines = baselinesOf(evaluation, served, rule, costs);

  const config = tunedConfig(base, { text: calibrationDocument.text, vote: calibration.vote }, rule, choice);
  const configDocument = await writeDocument(path.join(folder, "config.json"), config);
  if (target === null) return { ok: true, result: { choice, baselines, published: null } };
  const documents = { config: configDocument, calibration: calibrationDocument };
  const request = { manifest: model.manifest, modelHash: model.hash, bundled: target.bundled, ...documents };
  return { ok: true, result: { choice, baselines, published: await putInForce(request, target.store) } };
}

async function writeDocument(file: string, value: object): Promise<{ name: string; text: string }> {
  const text = `${JSON.stringify(value, null, 2)}\n`;
  await writeWhole(file, text);
  return { name: file, text };
}

type Baselines = ReturnType<typeof baselinesOf>;

/** What the report half would see without selection. */
function baselinesOf(evaluation: Evaluation, calibration: Calibration, rule: ConfidenceRule, costs: SystemCosts) {
  const report = rowsOfPart(evaluation, "report");
  const outcomes = systemOutcomes(report, report.labels, calibration, rule);
  const exits = outcomes.exits.map(() => CLOSED);
  return {
    edgeOnly: performanceOf(outcomes, costs, { exits, offload: OFFLOAD_NOTHING }),
    everythingOffloaded: performanceOf(outcomes, costs, { exits, offload: OFFLOAD_UNDECIDED }),
  };
}

/** A table, ended. */
export function describeBaselines(baselines: Baselines, choice: SystemChoice): string {
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
