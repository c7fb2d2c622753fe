// A trained model as it lies on disk: manifest.json and the ONNX files that it names.
import { readFile } from "node:fs/promises";
import path from "node:path";
import { parseDocument } from "@spillway/shared/schema/document";
import { type Manifest, manifestSchema } from "@spillway/shared/schema/manifest";
import { sha256Hex } from "./sha256.ts";

export interface ModelFolder {
  path: string;
  manifest: Manifest;
  /** SHA-256 of manifest.json. */
  hash: string;
}

/** @throws Error with one clear line when the manifest is missing or not valid */
export async function openModelFolder(folder: string): Promise<ModelFolder> {
  const file = path.join(folder, "manifest.json");
  const bytes = await readFile(file).catch((error: Error) => {
    throw new Error(`${file}: cannot be read (${error.message})`);
  });
  const manifest = parseDocument(manifestSchema, bytes.toString(), file);
  return { path: folder, manifest, hash: sha256Hex(bytes) };
}

/** The bytes of one of its files. @throws Error when it is missing or its hash is not the manifest's */
export async function readGraph(folder: ModelFolder, graph: { file: string; sha256: string }): Promise<Uint8Array> {
  const file = path.join(folder.path, graph.file);
  const bytes = await readFile(file).catch((error: Error) => {
    throw new Error(`${file}: cannot be read (${error.message})`);
  });
  if (sha256Hex(bytes) !== graph.sha256) throw new Error(`${file}: SHA-256 differs from manifest.json`);
  return bytes;
}
