// The repository that the configuration asks for, and how to keep it in line with the disk.
import type { ModelSource } from "../configuration.ts";
import { type StartupStep, success } from "../errors.ts";
import { MultiModels } from "./multi-models.ts";
import { openRepository } from "./open-repository.ts";
import type { Repository } from "./repository.ts";
import type { RunningModelsOptions } from "./running-models.ts";

export interface OpenModels {
  repository: Repository;
  /** The same repository where SageMaker loads and unloads models by itself. */
  multiModel?: MultiModels | undefined;
  /** Loads what is new on disk; fails with one line when something that is to be served is not. */
  scan(): Promise<StartupStep<null>>;
  /** Milliseconds between two scans; 0 when nothing will change by itself. */
  pollMs: number;
}

/** Nothing is loaded before the first `scan`. */
export function openModels(models: ModelSource, options: RunningModelsOptions): OpenModels {
  if (models.kind === "multi-model") {
    const multiModel = new MultiModels({ ...options, ...models });
    return { repository: multiModel, multiModel, scan: async () => success(null), pollMs: 0 };
  }
  const { keptVersions, pollMs } = models.kind === "versions" ? models : { keptVersions: 1, pollMs: 0 };
  const repository = openRepository(models, { ...options, keptVersions });
  return { repository, scan: () => repository.scan(), pollMs };
}
