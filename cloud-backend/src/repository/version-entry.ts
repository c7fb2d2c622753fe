// What is known of one version of a model, and how that is told in Triton's words.
import type { GraphDescription } from "../inference/graph-description.ts";
import type { Model } from "../inference/model.ts";
import type { IndexEntry } from "./repository.ts";
import type { VersionFolder } from "./version-folder.ts";

export interface VersionEntry {
  version: string;
  /** Null once it is gone from the disk. */
  folder: VersionFolder | null;
  /** What runs. It outlives its folder's deletion and its files' corruption. */
  loaded: { graph: GraphDescription; model: Model } | null;
  /** Why the folder, as of that stamp, could not be loaded; it is not tried again until the stamp differs. */
  failed: { stamp: string; reason: string } | null;
  isLoading: boolean;
  /** Whether it only answers what it accepted before. */
  isEnding: boolean;
}

export function newEntry(version: string): VersionEntry {
  return { version, folder: null, loaded: null, failed: null, isLoading: false, isEnding: false };
}

/** The model that new requests may reach. */
export function servedModel({ loaded, isEnding }: VersionEntry): Model | null {
  return isEnding ? null : (loaded?.model ?? null);
}

/** @param isWanted whether the model is to be served at all */
export function describeEntry(entry: VersionEntry, isWanted: boolean): Pick<IndexEntry, "state" | "reason"> {
  if (entry.isEnding) return { state: "UNLOADING", reason: "what it has accepted is being answered" };
  if (entry.loaded !== null) {
    return entry.loaded.model.isReady()
      ? { state: "READY", reason: "" }
      : { state: "UNAVAILABLE", reason: "its threads have ended" };
  }
  if (entry.isLoading) return { state: "LOADING", reason: "is being loaded" };
  if (entry.failed !== null) return { state: "UNAVAILABLE", reason: entry.failed.reason };
  return { state: "UNAVAILABLE", reason: isWanted ? "a newer version is served" : "unloaded" };
}
