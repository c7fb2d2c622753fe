// A repository that serves what lies on disk: one model folder, or a directory of versions. It looks
// there when it is told to; whoever owns it decides how often.
import { failure, type Outcome, type StartupStep, success } from "../errors.ts";
import { limitConcurrency } from "../image/concurrency.ts";
import type { Repository } from "./repository.ts";
import type { OnRepositoryEvent } from "./repository-event.ts";
import { RunningModels, type RunningModelsOptions } from "./running-models.ts";
import { ServedModels, unknownModel } from "./served-models.ts";
import type { VersionFolder } from "./version-folder.ts";
import type { VersionSource } from "./version-source.ts";
import { VersionedModel } from "./versioned-model.ts";

export interface DiskRepositoryOptions extends RunningModelsOptions {
  /** How many versions of a model stay ready, the newest first. */
  keptVersions: number;
}

/** The graph that every model folder has. */
const ALWAYS_THERE = "large";

export class DiskRepository extends ServedModels implements Repository {
  readonly #source: VersionSource;
  readonly #running: RunningModels;
  readonly #keptVersions: number;
  readonly #onEvent: OnRepositoryEvent;
  /** Loading, unloading and looking at the disk: one at a time. */
  readonly #inTurn = limitConcurrency(1);
  /** The models without which the repository is not ready: those that it started with, and all that were served. */
  readonly #required = new Set<string>([ALWAYS_THERE]);
  #scan: Promise<StartupStep<null>> | null = null;
  #readError: string | null = null;

  constructor(source: VersionSource, options: DiskRepositoryOptions) {
    super();
    this.#source = source;
    this.#running = new RunningModels(options);
    this.#keptVersions = options.keptVersions;
    this.#onEvent = options.onEvent;
    this.#add(ALWAYS_THERE);
  }

  /** False also when all has been unloaded: whoever sends requests to one process of many should leave this one out. */
  isReady(): boolean {
    const models = [...this.byName.values()];
    const isMissing = (model: VersionedModel) => model.isWanted && this.#required.has(model.name) && !model.isReady();
    return models.some((model) => model.isReady()) && !models.some(isMissing);
  }

  /**
   * Brings what is served in line with the disk. While it runs, a further call joins it.
   *
   * @returns one line for the operator when something that is to be served is not
   */
  scan(): Promise<StartupStep<null>> {
    this.#scan ??= this.#inTurn(() => this.#update()).finally(() => {
      this.#scan = null;
    });
    return this.#scan;
  }

  load(name: string): Promise<Outcome<null>> {
    return this.#inTurn(async () => {
      const folders = await this.#read();
      if (!folders.ok) return failure("internal", "the repository cannot be read");
      const model = this.byName.get(name);
      if (model === undefined) return unknownModel(name);
      await model.load(folders.value);
      this.#noteServed();
      const problem = model.problem();
      return problem === null ? success(null) : failure("bad-request", problem);
    });
  }

  unload(name: string): Promise<Outcome<null>> {
    return this.#inTurn(async () => {
      const model = this.byName.get(name);
      if (model === undefined) return unknownModel(name);
      await model.unload();
      return success(null);
    });
  }

  close(): Promise<void> {
    return this.#running.close();
  }

  async #update(): Promise<StartupStep<null>> {
    const folders = await this.#read();
    if (!folders.ok) return folders;
    for (const model of this.byName.values()) await model.update(folders.value, false);
    this.#noteServed();
    const missing = [...this.byName.values()].find((model) => model.isWanted && !model.isReady());
    if (missing === undefined) return success(null);
    return { ok: false, error: missing.problem() ?? `model "${missing.name}" is not ready` };
  }

  /** Reads the disk, and makes room for models that are new there. */
  async #read(): Promise<StartupStep<VersionFolder[]>> {
    const folders = await this.#source.read();
    const error = folders.ok ? null : folders.error;
    // Told once, not at every look.
    if (error !== null && error !== this.#readError) this.#onEvent({ event: "repository-unreadable", error });
    this.#readError = error;
    if (!folders.ok) return folders;
    for (const { graphs } of folders.value) {
      for (const { name } of graphs.ok ? graphs.value : []) this.#add(name);
    }
    return folders;
  }

  #add(name: string): void {
    if (this.byName.has(name)) return;
    const options = { running: this.#running, onEvent: this.#onEvent, keptVersions: this.#keptVersions };
    this.byName.set(name, new VersionedModel(name, options));
  }

  #noteServed(): void {
    for (const model of this.byName.values()) if (model.isReady()) this.#required.add(model.name);
  }
}
