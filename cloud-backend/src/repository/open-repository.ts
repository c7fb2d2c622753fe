// Which repository serves what the configuration names.
import { DiskRepository, type DiskRepositoryOptions } from "./disk-repository.ts";
import { singleFolder, versionDirectory } from "./version-source.ts";

export interface DiskLocation {
  /** `folder` is one model folder, served as version 1; `versions` is a directory with a model folder for each version. */
  kind: "folder" | "versions";
  path: string;
}

/** Nothing is loaded before the first `scan`. */
export function openRepository({ kind, path }: DiskLocation, options: DiskRepositoryOptions): DiskRepository {
  const source = kind === "folder" ? singleFolder(path) : versionDirectory(path, options.onEvent);
  return new DiskRepository(source, options);
}
