// A model on disk: a folder with manifest.json and the files it names.
import { join } from "node:path";
import { type Manifest, manifestSchema } from "@spillway/shared/schema/manifest";
import { readDocumentFile } from "../document-file.ts";
import type { StartupStep } from "../errors.ts";
import { MAX_MANIFEST_BYTES } from "../limits.ts";

export const MANIFEST = "manifest.json";

/** Reads and validates the manifest; the files' hashes are checked by whoever loads them. */
export function readManifest(folder: string): Promise<StartupStep<Manifest>> {
  return readDocumentFile(join(folder, MANIFEST), manifestSchema, MAX_MANIFEST_BYTES);
}
