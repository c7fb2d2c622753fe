// The models that run, from the start of their threads to the end: whoever ends one gives it time to
// answer what it has accepted, and the end of the repository reaches all of them. Whose body is still on
// its way gets a moment too, but not all of that time: one idle upload must not hold back a new version.
import type { StartupStep } from "../errors.ts";
import type { GraphDescription } from "../inference/graph-description.ts";
import type { Model } from "../inference/model.ts";
import { ARRIVAL_GRACE_MS } from "../limits.ts";
import type { OnRepositoryEvent } from "./repository-event.ts";

export interface RunningModelsOptions {
  /** Resolves once the model is warm, or with the reason why it cannot be had. */
  startModel: (graph: GraphDescription) => Promise<StartupStep<Model>>;
  onEvent: OnRepositoryEvent;
  /** Milliseconds that a model may take to answer what it has accepted before it is stopped. */
  drainMs: number;
  /** Milliseconds of them for requests whose bodies are still to come; ARRIVAL_GRACE_MS if not given. */
  arrivalGraceMs?: number;
}

export class RunningModels {
  readonly #options: RunningModelsOptions;
  readonly #models = new Set<Model>();
  /** Those that are being started. */
  readonly #starting = new Set<Promise<unknown>>();
  #isClosed = false;

  constructor(options: RunningModelsOptions) {
    this.#options = options;
  }

  async start(graph: GraphDescription): Promise<StartupStep<Model>> {
    if (this.#isClosed) return CLOSED;
    const startMs = performance.now();
    const starting = this.#options.startModel(graph);
    this.#starting.add(starting);
    const started = await starting.finally(() => this.#starting.delete(starting));
    if (!started.ok) return started;
    if (this.#isClosed) {
      await started.value.stop();
      return CLOSED;
    }
    this.#models.add(started.value);
    const durationMs = Math.round(performance.now() - startMs);
    this.#options.onEvent({ event: "model-loaded", name: graph.name, version: graph.version, durationMs });
    return started;
  }

  /** Stops a model that nobody finds any more, as soon as it has answered what it accepted. */
  async end(model: Model): Promise<void> {
    const isComplete = await answersAll(model, this.#options);
    await model.stop();
    this.#models.delete(model);
    this.#options.onEvent({ event: "model-unloaded", name: model.name, version: model.version, isComplete });
  }

  /** Stops all at once, also those that are starting; what they have accepted fails. */
  async close(): Promise<void> {
    this.#isClosed = true;
    // A thread that is ended in the middle of its warm-up would take the process along.
    await Promise.allSettled([...this.#starting]);
    await Promise.all([...this.#models].map((model) => model.stop()));
  }
}

const CLOSED = { ok: false, error: "the repository is closed" } as const;

/** @returns whether the model has answered within the drain time what it accepted; what has not come is told `not-ready` */
async function answersAll(
  { admission }: Model,
  { drainMs, arrivalGraceMs = ARRIVAL_GRACE_MS }: RunningModelsOptions,
): Promise<boolean> {
  const endMs = performance.now() + drainMs;
  await isWithin(admission.empty(), Math.min(arrivalGraceMs, drainMs));
  return isWithin(admission.answered(), Math.max(0, endMs - performance.now()));
}

async function isWithin(done: Promise<void>, limitMs: number): Promise<boolean> {
  const limit = Promise.withResolvers<boolean>();
  const timer = setTimeout(() => limit.resolve(false), limitMs);
  const isDone = await Promise.race([done.then(() => true), limit.promise]);
  clearTimeout(timer);
  return isDone;
}
