// calibration.json as a command reads it.
import { readFile } from "node:fs/promises";
import type { Calibration } from "@spillway/shared/schema/calibration";
import { checkCalibrationText } from "@spillway/shared/schema/calibration-check";
import type { ModelFolder } from "../model-folder.ts";

/** @throws Error with one line when it cannot be read, is not valid, or was fitted for another model */
export async function readCalibration(file: string, { manifest, hash }: ModelFolder): Promise<Calibration> {
  const text = await readFile(file, "utf8").catch((error: NodeJS.ErrnoException) => {
    throw new Error(`${file}: cannot be read (${error.code})`);
  });
  const checked = checkCalibrationText(text, manifest, hash);
  if (!checked.ok) throw new Error(`${file}: ${checked.error}`);
  return checked.calibration;
}
