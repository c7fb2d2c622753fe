// The configuration file: one JSON object with the same settings as the environment.
import { z } from "zod";
import { readDocumentFile } from "../document-file.ts";
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
  const document = await readDocumentFile(path, fileSchema, MAX_CONFIGURATION_BYTES);
  return document.ok
    ? success(new Map(Object.entries(document.value).map(([key, value]) => [key, asText(value)])))
    : document;
}

function asText(value: Scalar | Scalar[]): string {
  return Array.isArray(value) ? value.join(",") : String(value);
}
