// What the routes know of the models on disk: which there are, in which state, and how to reach one.
import type { Outcome } from "../errors.ts";
import type { Model } from "../inference/model.ts";

/** Triton's words for where a version stands. */
export type VersionState = "LOADING" | "READY" | "UNLOADING" | "UNAVAILABLE";

export interface IndexEntry {
  name: string;
  version: string;
  state: VersionState;
  /** Why it is not ready; empty when it is. */
  reason: string;
}

export interface Repository {
  /**
   * The model of that name; without a version, the newest that is ready.
   * Fails with `not-found` for what was never there, with `unloaded` for what was taken away by `unload`, and
   * with `not-ready` for what else is known but not loaded.
   */
  find(name: string, version?: string): Outcome<Model>;
  /** The ready versions of a model, the oldest first; empty for an unknown one. */
  versions(name: string): Model[];
  index(): IndexEntry[];
  /** Every model that is ready, for metrics. */
  models(): Model[];
  /** Whether requests should come: all that is to be served has been loaded at least once and is ready. */
  isReady(): boolean;
  /** Reads the folder again and loads the model's newest version, also when it was unloaded before. */
  load(name: string): Promise<Outcome<null>>;
  /** Stops serving the model once its accepted requests are answered; it stays unloaded until `load`. */
  unload(name: string): Promise<Outcome<null>>;
  /** Ends every model at once; whoever still waits gets a failure. */
  close(): Promise<void>;
}
