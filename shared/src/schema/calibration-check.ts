// Whether a calibration belongs to the model that is to use it. Whoever takes one from outside asks
// here: the bundle's build, the Worker reading KV, and `spillway publish`.
import { gainFeatures } from "../offload/gain-model.ts";
import { settingName } from "../split/setting.ts";
import { type Calibration, type Calibrator, calibrationSchema } from "./calibration.ts";
import { describeIssues } from "./document.ts";
import type { Manifest } from "./manifest.ts";

/**
 * 1 MiB. Vector calibrators of three exits and the cloud, in six digits, take 80 bytes a class: 8 KB for
 * a hundred classes, 1 MB for 12,000. Temperatures and tables take no more for more classes.
 *
 * Measured in Node: reading and checking one takes 6 times its size, or 10 for a refused list of zeros;
 * kept, it takes its size once. So the two that a Worker holds are 2 MB, and the one it reads 6 to 10. Of
 * an isolate's 128 MB the network and the largest picture leave 12. A Worker reads each once for all its
 * requests; two different ones at once, as while a change spreads, fit beside smaller pictures only.
 */
export const MAX_CALIBRATION_BYTES = 1_048_576;

/** Where KV keeps the calibration whose text has this SHA-256. */
export function calibrationKey(sha256: string): string {
  return `calibration:${sha256}`;
}

export type CalibrationCheck = { ok: true; calibration: Calibration } | { ok: false; error: string };

/**
 * Validates a calibration's text against its schema and against the model that it is to serve.
 * Pure and total: every failure is a value whose `error` is one readable line.
 */
export function checkCalibrationText(text: string, manifest: Manifest, modelHash: string): CalibrationCheck {
  const bytes = new TextEncoder().encode(text).byteLength;
  if (bytes > MAX_CALIBRATION_BYTES) {
    return { ok: false, error: `expected at most ${MAX_CALIBRATION_BYTES} bytes, got ${bytes}` };
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { ok: false, error: "expected JSON" };
  }
  const parsed = calibrationSchema.safeParse(value);
  if (!parsed.success) return { ok: false, error: describeIssues(parsed.error) };
  const error = modelMismatch(parsed.data, manifest, modelHash);
  return error === null ? { ok: true, calibration: parsed.data } : { ok: false, error };
}

function modelMismatch(calibration: Calibration, manifest: Manifest, modelHash: string): string | null {
  const { model, exits, vote } = calibration;
  const stages = manifest.edge.stages.length;
  if (model !== modelHash) return `model: fitted for ${model}, but this model is ${modelHash}`;
  if (exits.length !== stages) return `exits: expected ${stages} calibrators for this model, got ${exits.length}`;
  if (vote.length !== stages) return `vote: expected ${stages} weights for this model, got ${vote.length}`;
  return tailMismatch(calibration, manifest) ?? classesMismatch(calibration, manifest.labels.length);
}

/** A calibration may know nothing of the model's tail: then `auto` does not ask the tail. */
function tailMismatch({ tail }: Calibration, { cloud }: Manifest): string | null {
  if (tail === null) return null;
  const settings = cloud.tail?.settings.map(settingName) ?? [];
  if (tail.length !== settings.length) {
    return `tail: expected ${settings.length} settings for this model, got ${tail.length}`;
  }
  const index = tail.findIndex(({ setting }, at) => setting !== settings[at]);
  return index < 0 ? null : `tail.${index}.setting: expected ${settings[index]}, got ${tail[index].setting}`;
}

function classesMismatch({ exits, cloud, gainModel, tail }: Calibration, classes: number): string | null {
  const weights = gainModel?.weights.length ?? gainFeatures(classes);
  if (weights !== gainFeatures(classes)) {
    return `gainModel.weights: expected ${gainFeatures(classes)} for ${classes} classes, got ${weights}`;
  }
  const counts: [path: string, count: number | null][] = [
    ...exits.map((exit, index): [string, number | null] => [`exits.${index}.scale`, classesOf(exit)]),
    ["cloud.scale", classesOf(cloud)],
    ...(tail ?? []).map(({ calibrator }, index): [string, number | null] => [
      `tail.${index}.calibrator.scale`,
      classesOf(calibrator),
    ]),
    ["gainModel.offsets", gainModel?.offsets.length ?? null],
  ];
  const wrong = counts.find(([, count]) => count !== null && count !== classes);
  if (wrong === undefined) return null;
  const [path, count] = wrong;
  return `${path}: expected one number for each of ${classes} classes, got ${count}`;
}

/** For how many classes it was fitted; null when any number will do. */
function classesOf(calibrator: Calibrator): number | null {
  return "scale" in calibrator ? calibrator.scale.length : null;
}
