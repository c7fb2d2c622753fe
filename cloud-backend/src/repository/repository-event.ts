// What an operator may want to know of a repository's life.

export type RepositoryEvent =
  | { event: "model-loaded"; name: string; version: string; durationMs: number }
  | { event: "model-not-loaded"; name: string; version: string; error: string }
  /** `isComplete`: whether all that it had accepted was answered first. */
  | { event: "model-unloaded"; name: string; version: string; isComplete: boolean }
  /** Something in the directory of versions whose name is no version. */
  | { event: "folder-ignored"; folder: string }
  | { event: "repository-unreadable"; error: string };

export type OnRepositoryEvent = (event: RepositoryEvent) => void;
