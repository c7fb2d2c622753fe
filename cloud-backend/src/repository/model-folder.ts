// A model on disk: a folder with manifest.json and the files it names.
import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { DocumentError, parseDocument } from "@spillway/shared/schema/document";
import { type Manifest, manifestSchema } from "@spillway/shared/schema/manifest";
import { type StartupStep, success } from "../errors.ts";
import { MAX_MANIFEST_BYTES } from "../limits.ts";

export const MANIFEST = "manifest.json";

/** Reads and validates the manifest; the files' hashes are checked by whoever loads them. */
export async function readManifest(folder: string): Promise<StartupStep<Manifest>> {
  const path = join(folder, MANIFEST);
  try {
    const file = await stat(path);
    // A pipe would never end.
    if (!file.isFile()) return { ok: false, error: `${path}: expected a file` };
    if (file.size > MAX_MANIFEST_BYTES) {
      return { ok: false, error: `${path}: expected at most ${MAX_MANIFEST_BYTES} bytes, got ${file.size}` };
    }
    return success(parseDocument(manifestSchema, await readFile(path, "utf8"), path));
  } catch (error) {
    const { message } = error as Error;
    return { ok: false, error: error instanceof DocumentError ? message : `${path}: ${message}` };
  }
}
