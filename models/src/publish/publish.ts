// Publishing a configuration, its calibration and its policy: all are checked against the model before anything is
// written, the configuration goes last, and the one key `config` then changes them together.
import { isDeepStrictEqual } from "node:util";
import type { Calibration } from "@spillway/shared/schema/calibration";
import { calibrationKey, checkCalibrationText } from "@spillway/shared/schema/calibration-check";
import { CONFIG_KEY, type Config, checkConfigText, defaultConfig } from "@spillway/shared/schema/config";
import type { Manifest } from "@spillway/shared/schema/manifest";
import { sha256Hex } from "../sha256.ts";
import { type Change, configChanges } from "./config-changes.ts";
import { freshPolicy, policyWarnings, withPolicy } from "./policy.ts";

/** A document from outside. */
export interface NamedText {
  /** For messages: its file. */
  name: string;
  text: string;
}

export interface PublishRequest {
  manifest: Manifest;
  /** SHA-256 of manifest.json. */
  modelHash: string;
  /** The calibration in the Worker's bundle, which a configuration without one of its own uses. */
  bundled: Calibration;
  /** null publishes the configuration that is there already, or the default. */
  config: NamedText | null;
  /** null keeps the configuration's. */
  calibration: NamedText | null;
  /** Absent or null keeps the configuration's. */
  policy?: NamedText | null;
  /** Publishes another calibration even under thresholds that were chosen with the one in force. */
  keepThresholds: boolean;
}

export interface PublishStore {
  /** null when there is nothing under the key. */
  get(key: string): Promise<string | null>;
  put(key: string, text: string): Promise<void>;
}

export interface Publication {
  version: string;
  /** SHA-256 of the calibration that the configuration names; null for the bundle's. */
  calibration: string | null;
  changes: Change[];
  /** What is allowed but hardly meant. */
  warnings: string[];
}

/** Thresholds, and what was promised of them, hold for the confidences of one calibration only. */
const STALE =
  "the thresholds in force were chosen with another calibration, and nothing promised of them holds with this one";
const REMEDY = "give the --config chosen with it, or --keep-thresholds";

/**
 * @param now becomes the version, unless the configuration brings a new one
 * @throws Error with one line naming the document and what is wrong with it; nothing is written then
 */
export async function publish(request: PublishRequest, store: PublishStore, now: Date): Promise<Publication> {
  const fresh = freshCalibration(request);
  const policy = request.policy ? freshPolicy(request.policy, request.modelHash) : null;
  const wanted = request.config === null ? null : checkedConfig(request, request.config);
  const stored = await store.get(CONFIG_KEY);
  const before = stored === null ? standard(request, request.bundled) : parsed(stored);
  const found = wanted ?? storedConfig(request, stored, fresh?.calibration ?? request.bundled);
  const config = policy === null ? found : withPolicy(found, policy);
  const isKept = wanted === null && stored !== null;
  const stale = isKept ? staleWarnings(request, config, fresh) : [];
  const renamed = renameWarnings(request, wanted, fresh);
  if (fresh !== null) config.calibration = fresh.sha256;
  if (config.version === before.version) config.version = now.toISOString();

  const used = fresh?.calibration ?? (await storedCalibration(request, config.calibration, store));
  const unfit = policy === null ? await policyWarnings(config, request.modelHash, store) : [];
  for (const document of [fresh, policy]) if (document !== null) await store.put(document.key, document.text);
  await store.put(CONFIG_KEY, JSON.stringify(config));
  return {
    version: config.version,
    calibration: config.calibration,
    changes: configChanges(before, config),
    warnings: [...stale, ...renamed, ...voteWarnings(config, used), ...unfit],
  };
}

/** The configuration in KV, or the default where there is none. */
function storedConfig(request: PublishRequest, stored: string | null, calibration: Calibration): Config {
  if (stored === null) return standard(request, calibration);
  return checkedConfig(request, { name: "the configuration in KV (--config replaces it)", text: stored });
}

function standard({ manifest, modelHash }: PublishRequest, calibration: Calibration): Config {
  return defaultConfig(manifest, modelHash, calibration);
}

function checkedConfig({ manifest, modelHash }: PublishRequest, { name, text }: NamedText): Config {
  const checked = checkConfigText(text, manifest, modelHash);
  if (!checked.ok) throw new Error(`${name}: ${checked.error}`);
  return checked.config;
}

interface FreshCalibration {
  name: string;
  text: string;
  key: string;
  sha256: string;
  calibration: Calibration;
}

function freshCalibration(request: PublishRequest): FreshCalibration | null {
  if (request.calibration === null) return null;
  const { name, text } = request.calibration;
  const calibration = checkedCalibration(request, request.calibration);
  const sha256 = sha256Hex(text);
  return { name, text, key: calibrationKey(sha256), sha256, calibration };
}

function checkedCalibration({ manifest, modelHash }: PublishRequest, { name, text }: NamedText): Calibration {
  const checked = checkCalibrationText(text, manifest, modelHash);
  if (!checked.ok) throw new Error(`${name}: ${checked.error}`);
  return checked.calibration;
}

/** The calibration of a configuration that keeps its own, checked as the Worker will check it. */
async function storedCalibration(
  request: PublishRequest,
  hash: string | null,
  store: PublishStore,
): Promise<Calibration> {
  if (hash === null) return request.bundled;
  const key = calibrationKey(hash);
  const text = await store.get(key);
  if (text === null) throw new Error(`${key}: not in KV; publish it with --calibration`);
  if (sha256Hex(text) !== hash) throw new Error(`${key}: damaged in KV, its SHA-256 is ${sha256Hex(text)}`);
  return checkedCalibration(request, { name: key, text });
}

/** @throws Error where the thresholds were in force with another calibration, unless they are to be kept */
function staleWarnings(request: PublishRequest, config: Config, fresh: FreshCalibration | null): string[] {
  if (fresh === null || isInForce(request, fresh, config)) return [];
  if (!request.keepThresholds) throw new Error(`${fresh.name}: ${STALE}; ${REMEDY}`);
  return [STALE];
}

/** Whether the configuration's thresholds were in force with this very calibration. */
function isInForce({ bundled }: PublishRequest, fresh: FreshCalibration, { calibration }: Config): boolean {
  if (calibration !== null) return calibration === fresh.sha256;
  return isDeepStrictEqual(bundled, fresh.calibration);
}

/** A configuration that `tune` wrote names the calibration that its thresholds were chosen with. */
function renameWarnings(
  { config: file }: PublishRequest,
  wanted: Config | null,
  fresh: FreshCalibration | null,
): string[] {
  if (fresh === null || wanted === null) return [];
  const { calibration } = wanted;
  if (calibration === null || calibration === fresh.sha256) return [];
  return [
    `${file?.name} names calibration ${calibration}, with which its thresholds were chosen; ${fresh.name} is not it`,
  ];
}

/** The gain tables were fitted on the votes of certain weights; other weights make other confidences. */
function voteWarnings(config: Config, { vote }: Calibration): string[] {
  if (JSON.stringify(config.edge.vote) === JSON.stringify(vote)) return [];
  const [inForce, fitted] = [config.edge.vote, vote].map((weights) => JSON.stringify(weights));
  return [`edge.vote is ${inForce}, but the calibration was fitted with ${fitted}`];
}

/** What KV holds may be anything; for the list of changes it need not be good. */
function parsed(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
