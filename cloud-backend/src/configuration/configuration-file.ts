// The configuration file: one JSON object with the same settings as the environment.
import { readFile, stat } from "node:fs/promises";
import { DocumentError, parseDocument } from "@spillway/shared/schema/document";
import { z } from "zod";
import { type StartupStep, success } from "../errors.ts";
import { MAX_CONFIGURATION_BYTES } from "../limits.ts";

/** Settings as text, in the form that the environment would have them. */
export type FileSettings = ReadonlyMap<string, string>;

type Scalar = string | number;

const isScalar = (value: unknown) => typeof value === "string" || typeof value === "number";
const valueSchema = z.custom<Scalar | Scalar[]>(
  (value) => (Array.isArray(value) ? value.every(isScalar) : isScalar(value)),
  "expected text, a number, or a list of them",
);
const fileSchema = z.record(z.string(), valueSchema);

export async function readConfigurationFile(path: string): Promise<StartupStep<FileSettings>> {
  try {
    const file = await stat(path);
    // A pipe would never end.
    if (!file.isFile()) return { ok: false, error: `${path}: expected a file` };
    if (file.size > MAX_CONFIGURATION_BYTES) {
      return { ok: false, error: `${path}: expected at most ${MAX_CONFIGURATION_BYTES} bytes, got ${file.size}` };
    }
    const document = parseDocument(fileSchema, await readFile(path, "utf8"), path);
    return success(new Map(Object.entries(document).map(([key, value]) => [key, asText(value)])));
  } catch (error) {
    const { message } = error as Error;
    return { ok: false, error: error instanceof DocumentError ? message : `${path}: ${message}` };
  }
}

function asText(value: Scalar | Scalar[]): string {
  return Array.isArray(value) ? value.join(",") : String(value);
}
