// calibration.json as a command reads it.
import { readFile } from "node:fs/promises";
import type { Calibration } from "@spillway/shared/schema/calibration";
import { checkCalibrationText } from "@spillway/shared/schema/calibration-check";
import type { ModelFolder } from "../model-folder.ts";

/** @throws Error with one line when it cannot be read, is not valid, or was fitted for another model */
export async function readCalibration(file: string, model: ModelFolder): Promise<Calibration> {
  const calibration = await readCalibrationIfAny(file, model);
  if (calibration === null) throw new Error(`${file}: cannot be read (ENOENT)`);
  return calibration;
}

/** Null where there is no such file. @throws as {@link readCalibration} does otherwise */
export async function readCalibrationIfAny(file: string, { manifest, hash }: ModelFolder): Promise<Calibration | null> {
  const text = await readFile(file, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return null;
    throw new Error(`${file}: cannot be read (${error.code})`);
  });
  if (text === null) return null;
  const checked = checkCalibrationText(text, manifest, hash);
  if (!checked.ok) throw new Error(`${file}: ${checked.error}`);
  return checked.calibration;
}
