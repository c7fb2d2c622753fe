// Where versions come from: one model folder, or a directory with a folder for each version.
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { type StartupStep, success } from "../errors.ts";
import type { OnRepositoryEvent } from "./repository-event.ts";
import { readVersionFolder, type VersionFolder } from "./version-folder.ts";

export interface VersionSource {
  /** Looks at the disk; what has not changed since the last time is the same object. */
  read(): Promise<StartupStep<VersionFolder[]>>;
}

/** The version of a folder that stands alone. */
export const ONLY_VERSION = "1";

/** A whole number from 1 that a double holds exactly, as everybody writes it. */
export const VERSION = /^[1-9]\d{0,14}$/;

export function singleFolder(path: string): VersionSource {
  let known: VersionFolder | undefined;
  return {
    async read() {
      known = await readVersionFolder(path, ONLY_VERSION, known);
      return success([known]);
    },
  };
}

/** `<directory>/<version>/manifest.json`. What has another name is told of once and left alone. */
export function versionDirectory(directory: string, onEvent: OnRepositoryEvent): VersionSource {
  let known = new Map<string, VersionFolder>();
  let ignored = new Set<string>();
  return {
    async read() {
      const names = await namesIn(directory);
      if (!names.ok) return names;
      const versions = names.value.filter((name) => VERSION.test(name));
      const others = names.value.filter((name) => !VERSION.test(name));
      for (const name of others) if (!ignored.has(name)) onEvent({ event: "folder-ignored", folder: name });
      ignored = new Set(others);
      const folders = await Promise.all(
        versions.map((version) => readVersionFolder(join(directory, version), version, known.get(version))),
      );
      known = new Map(folders.map((folder) => [folder.version, folder]));
      return success(folders);
    },
  };
}

async function namesIn(directory: string): Promise<StartupStep<string[]>> {
  try {
    return success(await readdir(directory));
  } catch (error) {
    return { ok: false, error: `${directory}: ${(error as Error).message}` };
  }
}
