// A Triton model repository on disk: <repository>/<model>/config.pbtxt, its labels, and one numbered
// folder a version. A server that polls the repository must not find half of a version.
import { randomUUID } from "node:crypto";
import { mkdir, readdir, readFile, rename, rm, stat } from "node:fs/promises";
import path from "node:path";
import { writeWhole } from "../result-output.ts";
import { LABELS_FILE } from "./triton-config.ts";

export const CONFIG_FILE = "config.pbtxt";
const GRAPH_FILE = "model.onnx";

export interface TritonModel {
  name: string;
  config: string;
  labels: string;
  graph: Uint8Array;
}

/** What is to be done with a folder. */
export type Place = "new" | "added-version" | "overwritten";

/**
 * Whether a version may be written there: into an empty folder, beside the other versions of the same
 * models, or over anything where that is wanted.
 *
 * @throws Error with one line that says what is in the way
 */
export async function placeOf(
  repository: string,
  models: readonly Omit<TritonModel, "graph">[],
  version: string,
  isForced: boolean,
): Promise<Place> {
  if (isForced) return "overwritten";
  if (await isEmpty(repository)) return "new";
  for (const { name, config, labels } of models) {
    const folder = path.join(repository, name);
    const present = await readText(path.join(folder, CONFIG_FILE));
    if (present === null) {
      throw new Error(`${repository}: expected an empty folder or a repository of this model; --force writes into it`);
    }
    if (await exists(path.join(folder, version))) {
      throw new Error(`${path.join(folder, version)}: exists; give another --version, or --force to overwrite it`);
    }
    // All versions share them: changing them changes the versions that are being served.
    const changed = [
      present === config ? [] : CONFIG_FILE,
      (await readText(path.join(folder, LABELS_FILE))) === labels ? [] : LABELS_FILE,
    ].flat();
    if (changed.length > 0) {
      throw new Error(`${folder}: ${changed.join(" and ")} would change for all versions; --force overwrites`);
    }
  }
  return "added-version";
}

/** @returns the files written, relative to the repository */
export async function writeModel(
  repository: string,
  { name, config, labels, graph }: TritonModel,
  version: string,
  place: Place,
): Promise<string[]> {
  const folder = path.join(repository, name);
  await makeFolder(folder);
  const shared = place === "added-version" ? [] : [[LABELS_FILE, labels] as const, [CONFIG_FILE, config] as const];
  for (const [file, text] of shared) await writeWhole(path.join(folder, file), text);
  await writeVersion(path.join(folder, version), graph);
  return [...shared.map(([file]) => path.join(name, file)), path.join(name, version, GRAPH_FILE)];
}

/** A new folder appears with its file in it; in one that is there the file is replaced at once. */
async function writeVersion(folder: string, graph: Uint8Array): Promise<void> {
  if (await exists(folder)) return writeWhole(path.join(folder, GRAPH_FILE), graph);
  // Triton reads folders with a number for a name only.
  const partial = `${folder}.${randomUUID()}.partial`;
  try {
    await makeFolder(partial);
    await writeWhole(path.join(partial, GRAPH_FILE), graph);
    await rename(partial, folder);
  } catch (error) {
    await rm(partial, { recursive: true, force: true }).catch(() => {});
    throw error;
  }
}

async function makeFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true }).catch((error: NodeJS.ErrnoException) => {
    throw new Error(`${folder}: cannot be written (${error.code})`);
  });
}

async function isEmpty(folder: string): Promise<boolean> {
  const entries = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return [];
    throw new Error(`${folder}: cannot be written (${error.code})`);
  });
  return entries.length === 0;
}

async function exists(file: string): Promise<boolean> {
  return stat(file).then(
    () => true,
    () => false,
  );
}

async function readText(file: string): Promise<string | null> {
  return readFile(file, "utf8").catch(() => null);
}
