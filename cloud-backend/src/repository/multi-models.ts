// The repository of SageMaker's multi-model mode: it starts with nothing, and is told which model
// folders to serve under which names. It never looks at a folder unasked.
import { realpath } from "node:fs/promises";
import { isAbsolute, sep } from "node:path";
import { failure, type Outcome, success } from "../errors.ts";
import { limitConcurrency } from "../image/concurrency.ts";
import type { Repository } from "./repository.ts";
import type { OnRepositoryEvent } from "./repository-event.ts";
import { RunningModels, type RunningModelsOptions } from "./running-models.ts";
import { ServedModels, unknownModel } from "./served-models.ts";
import { readVersionFolder, type VersionFolder } from "./version-folder.ts";
import { ONLY_VERSION } from "./version-source.ts";
import { VersionedModel } from "./versioned-model.ts";

export interface MultiModelsOptions extends RunningModelsOptions {
  /** Models that may be loaded at the same time; one more has no room. */
  maxModels: number;
  /** The folder below which all of them lie. */
  root: string;
}

interface Location {
  /** As it was given. */
  url: string;
  /** What it was when it was given, without symbolic links: they may come to lead elsewhere. */
  path: string;
}

export class MultiModels extends ServedModels implements Repository {
  readonly #running: RunningModels;
  readonly #maxModels: number;
  readonly #root: string;
  readonly #onEvent: OnRepositoryEvent;
  readonly #inTurn = limitConcurrency(1);
  readonly #folders = new Map<string, Location>();

  constructor(options: MultiModelsOptions) {
    super();
    this.#running = new RunningModels(options);
    this.#maxModels = options.maxModels;
    this.#root = options.root;
    this.#onEvent = options.onEvent;
  }

  /** True with no model at all, and when one of many has lost its threads: the others serve. */
  isReady(): boolean {
    return true;
  }

  /** What is served, in the order in which it was added. */
  loaded(): { name: string; url: string }[] {
    return [...this.#folders].map(([name, { url }]) => ({ name, url }));
  }

  /**
   * Serves the large model of a folder under a name.
   * Fails with `already-loaded`, with `no-room`, and with `bad-request` for a folder that cannot be loaded
   * or does not lie below the root: who may load models need not learn what else is on the disk.
   */
  add(name: string, url: string): Promise<Outcome<null>> {
    return this.#inTurn(async () => {
      if (this.#folders.has(name)) return failure("already-loaded", `model "${name}" is loaded`);
      if (this.#folders.size >= this.#maxModels) {
        return failure("no-room", `${this.#maxModels} models are loaded, which is the most`);
      }
      const path = await pathBelow(this.#root, url);
      if (path === null) return OUTSIDE;
      const model = new VersionedModel(name, { running: this.#running, onEvent: this.#onEvent, keptVersions: 1 });
      this.byName.set(name, model);
      await model.update([await readFolder(name, path)], false);
      if (!model.isReady()) {
        this.byName.delete(name);
        return loadFailure(model);
      }
      this.#folders.set(name, { url, path });
      return success(null);
    });
  }

  /** Stops serving a model once its accepted requests are answered. Fails with `not-found`. */
  remove(name: string): Promise<Outcome<null>> {
    return this.#inTurn(async () => {
      const model = this.byName.get(name);
      if (model === undefined) return unknownModel(name);
      this.#folders.delete(name);
      await model.unload();
      this.byName.delete(name);
      return success(null);
    });
  }

  /** Reads a model's folder again. */
  load(name: string): Promise<Outcome<null>> {
    return this.#inTurn(async () => {
      const model = this.byName.get(name);
      const folder = this.#folders.get(name);
      if (model === undefined || folder === undefined) return unknownModel(name);
      await model.load([await readFolder(name, folder.path)]);
      return model.problem() === null ? success(null) : loadFailure(model);
    });
  }

  unload(name: string): Promise<Outcome<null>> {
    return this.remove(name);
  }

  close(): Promise<void> {
    return this.#running.close();
  }
}

const OUTSIDE = failure("bad-request", "url: expected the absolute path of a folder below the models' root");

/** Where a path leads once all symbolic links are followed; null when that is nowhere below the root. */
async function pathBelow(root: string, url: string): Promise<string | null> {
  if (!isAbsolute(url)) return null;
  try {
    const [realRoot, path] = await Promise.all([realpath(root), realpath(url)]);
    return path.startsWith(realRoot.endsWith(sep) ? realRoot : realRoot + sep) && path !== realRoot ? path : null;
  } catch {
    return null;
  }
}

/** A model folder whose large model goes by another name. */
async function readFolder(name: string, path: string): Promise<VersionFolder> {
  const folder = await readVersionFolder(path, ONLY_VERSION);
  if (!folder.graphs.ok) return folder;
  const large = folder.graphs.value.filter((graph) => graph.name === "large");
  return { ...folder, graphs: success(large.map((graph) => ({ ...graph, name }))) };
}

function loadFailure(model: VersionedModel): Outcome<never> {
  const problem = model.problem() ?? `model "${model.name}" is not ready`;
  return failure(isOutOfMemory(problem) ? "no-room" : "bad-request", problem);
}

/** In the words of ONNX Runtime, of its allocators, of CUDA and of C++. */
function isOutOfMemory(problem: string): boolean {
  return /out of memory|failed to allocate memory|bad_alloc/i.test(problem);
}
