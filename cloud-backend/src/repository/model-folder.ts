// A model on disk: a folder with manifest.json and the files it names.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { DocumentError, parseDocument } from "@spillway/shared/schema/document";
import { type Manifest, manifestSchema } from "@spillway/shared/schema/manifest";
import { type StartupStep, success } from "../errors.ts";

/** Reads and validates the manifest; the files' hashes are checked by whoever loads them. */
export async function readManifest(folder: string): Promise<StartupStep<Manifest>> {
  const path = join(folder, "manifest.json");
  try {
    return success(parseDocument(manifestSchema, await readFile(path, "utf8"), path));
  } catch (error) {
    const { message } = error as Error;
    return { ok: false, error: error instanceof DocumentError ? message : `${path}: ${message}` };
  }
}
