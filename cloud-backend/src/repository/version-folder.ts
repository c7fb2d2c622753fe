// One version of a model family as it lies on disk. It is read again only when one of its files has
// changed, so looking at it often costs a few calls of `stat`.
import type { BigIntStats } from "node:fs";
import { stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { type StartupStep, success } from "../errors.ts";
import type { GraphDescription } from "../inference/graph-description.ts";
import { graphDescriptions, type NamedGraph } from "./graph-descriptions.ts";
import { MANIFEST, readManifest } from "./model-folder.ts";

export interface VersionFolder {
  /** Absolute. */
  path: string;
  version: string;
  /** What it gives to serve, or why it gives nothing. Hashes are checked by whoever loads the files. */
  graphs: StartupStep<GraphDescription[]>;
  /** The files that count. */
  files: readonly string[];
  /** Differs as soon as one of them does. */
  stamp: string;
}

/** @param known what was found there last time */
export async function readVersionFolder(
  location: string,
  version: string,
  known?: VersionFolder,
): Promise<VersionFolder> {
  if (known !== undefined && (await stampOf(known.files)) === known.stamp) return known;
  const path = resolve(location);
  const manifestFile = join(path, MANIFEST);
  // Stamped before it is read: whatever changes meanwhile is noticed the next time.
  const manifestStamp = await stampOf([manifestFile]);
  const manifest = await readManifest(path);
  if (!manifest.ok) return { path, version, graphs: manifest, files: [manifestFile], stamp: manifestStamp };
  const named = graphDescriptions(path, manifest.value, version);
  const graphFiles = named.map(({ graph }) => graph.path);
  return {
    path,
    version,
    files: [manifestFile, ...graphFiles],
    stamp: [manifestStamp, await stampOf(graphFiles)].join(" "),
    graphs: await checkFiles(named),
  };
}

/** A file that is still being copied is mostly shorter than it will be; that shows without reading it. */
async function checkFiles(named: readonly NamedGraph[]): Promise<StartupStep<GraphDescription[]>> {
  for (const { graph, bytes } of named) {
    const file = await statOf(graph.path);
    if (typeof file === "string") return { ok: false, error: `${graph.path}: ${file}` };
    if (!file.isFile()) return { ok: false, error: `${graph.path}: expected a file` };
    if (file.size !== BigInt(bytes)) {
      return { ok: false, error: `${graph.path}: the manifest names ${bytes} bytes, the file has ${file.size}` };
    }
  }
  return success(named.map(({ graph }) => graph));
}

/** The inode tells a file that was put in another's place with the same time and length. */
async function stampOf(files: readonly string[]): Promise<string> {
  const stats = await Promise.all(files.map(statOf));
  return stats.map((file) => (typeof file === "string" ? file : `${file.ino}:${file.size}:${file.mtimeNs}`)).join(" ");
}

/** What the system says of a file, or why it cannot. */
async function statOf(file: string): Promise<BigIntStats | string> {
  try {
    return await stat(file, { bigint: true });
  } catch (error) {
    return (error as Error).message;
  }
}
