// Starts one version of a graph: its threads load it, and it is served if it is what was promised.
import type { Worker } from "node:worker_threads";
import { signatureProblem } from "@spillway/shared/protocol/graph-signature";
import { type StartupStep, success } from "../errors.ts";
import type { Decoding } from "./decoding.ts";
import type { GraphDescription } from "./graph-description.ts";
import { startInputDecoder } from "./input-decoder.ts";
import type { Model } from "./model.ts";
import { ServedModel } from "./served-model.ts";
import type { ServingOptions } from "./serving-options.ts";
import type { SessionData, SessionOptions } from "./session-messages.ts";
import { SessionThread, type ThreadEvent } from "./session-thread.ts";

export interface StartModelOptions extends ServingOptions {
  /** Of all models together. */
  decoding: Decoding;
  /** Milliseconds before each attempt to replace a dead thread. */
  restartDelaysMs: readonly number[];
  onEvent: (event: ThreadEvent) => void;
  /** Fires when nobody wants the model any more, while it is being started. */
  signal: AbortSignal;
  /** Makes a thread whose entry is session-worker.ts; tests put something in front of it. */
  spawn?: ((session: SessionData) => Worker) | undefined;
}

/** Loads the graph into each of its threads, and checks that it is what was promised. */
export async function startModel(graph: GraphDescription, options: StartModelOptions): Promise<StartupStep<Model>> {
  const { batching, decoding } = options;
  const onThreadLost = (error: string) => options.onEvent({ event: "frame-thread-lost", error });
  const decoder = await startInputDecoder(graph.encoded, { decoding, onThreadLost });
  if (!decoder.ok) return decoder;
  const session: SessionOptions = {
    path: graph.path,
    sha256: graph.sha256,
    providers: options.providers,
    threads: options.inferenceThreads,
    warmUpRows: batching.isPadded ? batching.preferredSizes : [1],
  };
  let model: ServedModel | undefined;
  const onEvent = (event: ThreadEvent) => {
    options.onEvent(event);
    model?.onThreadEvent(event);
  };
  const starting = Array.from({ length: options.instances }, () =>
    SessionThread.start({ ...options, session, onEvent }),
  );
  const started = await Promise.all(starting);
  const threads = started.flatMap((step) => (step.ok ? [step.value] : []));
  const problem = started.find((step) => !step.ok) ?? checkGraph(threads[0], graph);
  if (!problem.ok) {
    await Promise.all([...threads, decoder.value].map((part) => part.stop()));
    return problem;
  }
  model = new ServedModel(graph, threads, decoder.value, options);
  return success(model);
}

function checkGraph(thread: SessionThread, graph: GraphDescription): StartupStep<null> {
  const problem = signatureProblem(thread.signature, graph.signature);
  return problem === null ? success(null) : { ok: false, error: `${graph.path}: ${problem}` };
}
