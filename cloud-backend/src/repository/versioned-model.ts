// One model and its versions. It brings what is served in line with what lies on disk, one step after
// the other: the new version is warm before the old one ends, so the memory has to hold one version
// more than are kept; and what cannot be loaded changes nothing.
import { isDeepStrictEqual } from "node:util";
import { failure, type Outcome, type StartupStep, success } from "../errors.ts";
import type { GraphDescription } from "../inference/graph-description.ts";
import type { Model } from "../inference/model.ts";
import type { IndexEntry } from "./repository.ts";
import type { OnRepositoryEvent } from "./repository-event.ts";
import type { RunningModels } from "./running-models.ts";
import { describeEntry, newEntry, servedModel, type VersionEntry } from "./version-entry.ts";
import type { VersionFolder } from "./version-folder.ts";

export interface VersionedModelOptions {
  running: RunningModels;
  onEvent: OnRepositoryEvent;
  /** How many versions stay ready, the newest first, so that a client may ask for one that is not the newest. */
  keptVersions: number;
}

/** Its changes (`update`, `load`, `unload`) must not overlap: the caller sees to it. */
export class VersionedModel {
  readonly name: string;
  readonly #options: VersionedModelOptions;
  readonly #entries = new Map<string, VersionEntry>();
  #isWanted = true;

  constructor(name: string, options: VersionedModelOptions) {
    this.name = name;
    this.#options = options;
  }

  /** Whether it is to be served: true until `unload`. */
  get isWanted(): boolean {
    return this.#isWanted;
  }

  isReady(): boolean {
    return this.served().some((model) => model.isReady());
  }

  /** The models that requests reach, the oldest version first. */
  served(): Model[] {
    return this.#ordered().flatMap((entry) => servedModel(entry) ?? []);
  }

  /**
   * Fails with `not-found` for a version that was never there, with `unloaded` after `unload`, and with
   * `not-ready` for a version that is not loaded.
   */
  find(version?: string): Outcome<Model> {
    if (version === undefined) {
      const served = this.served();
      const model = served.findLast((candidate) => candidate.isReady()) ?? served.at(-1);
      return model === undefined ? this.#absence(`model "${this.name}" is not ready`) : success(model);
    }
    const entry = this.#entries.get(version);
    if (entry === undefined) return failure("not-found", `model "${this.name}" has no version ${version}`);
    const model = servedModel(entry);
    return model === null ? this.#absence(this.#problemOf(entry)) : success(model);
  }

  index(): IndexEntry[] {
    return this.#ordered().map((entry) => {
      return { name: this.name, version: entry.version, ...describeEntry(entry, this.#isWanted) };
    });
  }

  /** One line on why the newest version on disk is not served, or null. */
  problem(): string | null {
    const newest = this.#ordered().findLast(({ folder }) => folder !== null);
    if (newest === undefined) return `model "${this.name}" has no version on disk`;
    return newest.failed === null ? null : this.#problemOf(newest);
  }

  /**
   * Serves the newest of the versions that can be loaded. What is served and gone from the disk stays
   * until another version is there to take its place: who deletes a version goes back to the one
   * before, who deletes all of them takes nothing down.
   *
   * @param isForced tries again what could not be loaded before
   */
  async update(folders: readonly VersionFolder[], isForced: boolean): Promise<void> {
    this.#note(folders);
    if (!this.#isWanted) return;
    const kept = new Set<VersionEntry>();
    for (const entry of this.#ordered().reverse()) {
      if (kept.size < this.#options.keptVersions && (await this.#bring(entry, isForced))) kept.add(entry);
    }
    if (kept.size > 0) await this.#end((entry) => !kept.has(entry));
  }

  /** A forced update, also after `unload`. */
  load(folders: readonly VersionFolder[]): Promise<void> {
    this.#isWanted = true;
    return this.update(folders, true);
  }

  unload(): Promise<void> {
    this.#isWanted = false;
    return this.#end(() => true);
  }

  #ordered(): VersionEntry[] {
    return [...this.#entries.values()].sort((a, b) => Number(a.version) - Number(b.version));
  }

  #absence(problem: string): Outcome<never> {
    if (this.#isWanted) return failure("not-ready", problem);
    return failure("unloaded", `model "${this.name}" has been unloaded, and is not served until it is loaded again`);
  }

  #problemOf(entry: VersionEntry): string {
    const reason = entry.failed?.reason ?? describeEntry(entry, this.#isWanted).reason;
    return `model "${this.name}", version ${entry.version}: ${reason}`;
  }

  /** Takes down what lies on disk. A folder that cannot be read might hold any model. */
  #note(folders: readonly VersionFolder[]): void {
    for (const entry of this.#entries.values()) entry.folder = null;
    for (const folder of folders) {
      if (folder.graphs.ok && !folder.graphs.value.some(({ name }) => name === this.name)) continue;
      const entry = this.#entries.get(folder.version) ?? newEntry(folder.version);
      entry.folder = folder;
      this.#entries.set(folder.version, entry);
    }
    this.#forgetGone();
  }

  #forgetGone(): void {
    for (const { version, folder, loaded } of this.#entries.values()) {
      if (folder === null && loaded === null) this.#entries.delete(version);
    }
  }

  /** Loads a version unless it is loaded already. @returns whether it lies on disk and is served */
  async #bring(entry: VersionEntry, isForced: boolean): Promise<boolean> {
    const { folder, loaded } = entry;
    if (folder === null) return false;
    const graph = this.#graphOf(folder);
    if (loaded !== null && graph.ok && isDeepStrictEqual(graph.value, loaded.graph)) {
      entry.failed = null;
      // Threads that were given up come back only when somebody asks for it.
      if (loaded.model.isReady() || !isForced) return true;
    }
    if (entry.failed?.stamp === folder.stamp && !isForced) return loaded !== null;
    const started = graph.ok ? await this.#start(entry, graph.value) : graph;
    if (!started.ok) {
      entry.failed = { stamp: folder.stamp, reason: withoutPath(started.error, folder.path) };
      const { name } = this;
      this.#options.onEvent({ event: "model-not-loaded", name, version: entry.version, error: started.error });
    }
    return entry.loaded !== null;
  }

  #graphOf({ graphs }: VersionFolder): StartupStep<GraphDescription> {
    if (!graphs.ok) return graphs;
    const graph = graphs.value.find(({ name }) => name === this.name);
    if (graph === undefined) throw new TypeError(`expected a folder that holds "${this.name}"`);
    return success(graph);
  }

  /** Puts the graph in the place of what the version has served so far, if anything. */
  async #start(entry: VersionEntry, graph: GraphDescription): Promise<StartupStep<null>> {
    const before = entry.loaded;
    entry.isLoading = true;
    const started = await this.#options.running.start(graph).finally(() => {
      entry.isLoading = false;
    });
    if (!started.ok) return started;
    entry.loaded = { graph, model: started.value };
    entry.failed = null;
    if (before !== null) await this.#options.running.end(before.model);
    return success(null);
  }

  /** Ends the versions that `isOver` picks, all at the same time. */
  async #end(isOver: (entry: VersionEntry) => boolean): Promise<void> {
    const ending = [...this.#entries.values()].filter((entry) => entry.loaded !== null && isOver(entry));
    for (const entry of ending) entry.isEnding = true;
    await Promise.all(ending.flatMap(({ loaded }) => (loaded === null ? [] : this.#options.running.end(loaded.model))));
    for (const entry of ending) Object.assign(entry, { loaded: null, isEnding: false });
    this.#forgetGone();
  }
}

/** Callers are told the file, not where on our disk it lies. */
function withoutPath(error: string, folder: string): string {
  return error.replaceAll(`${folder}/`, "");
}
