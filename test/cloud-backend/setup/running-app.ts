// The backend in this process: a real socket, real inference threads, a real model.
import { EventEmitter } from "node:events";
import type { Worker } from "node:worker_threads";
import type { Manifest } from "@spillway/shared/schema/manifest";
import { createApp } from "../../../cloud-backend/src/app.ts";
import { createHttpServer } from "../../../cloud-backend/src/http-server.ts";
import type { GraphDescription } from "../../../cloud-backend/src/inference/graph-description.ts";
import type { Model } from "../../../cloud-backend/src/inference/model.ts";
import type { SessionData } from "../../../cloud-backend/src/inference/session-messages.ts";
import { type StartModelOptions, startModel } from "../../../cloud-backend/src/inference/start-model.ts";
import { listen } from "../../../cloud-backend/src/listener.ts";
import type { Repository } from "../../../cloud-backend/src/repository/repository.ts";
import type { MultiModelRepository } from "../../../cloud-backend/src/routes/multi-model.ts";
import { startTracing } from "../../../cloud-backend/src/telemetry/tracing.ts";
import { fixedRepository } from "./fixed-repository.ts";
import { largeGraph, SERVING } from "./graphs.ts";

export interface RunningAppOptions {
  /** Whose large model is served; the shipped one's if neither this nor graphs are given. */
  manifest?: Manifest;
  graphs?: GraphDescription[];
  /** Serves what it likes in the place of graphs. */
  repository?: Repository;
  multiModel?: MultiModelRepository;
  queueLength?: number;
  queueBytes?: number;
  restartDelaysMs?: number[];
  spawn?: (session: SessionData) => Worker;
}

export interface RunningApp {
  url: string;
  repository: Repository;
  /** Emits the threads' events by their names. */
  thread: EventEmitter;
  /** Without the line for each request. */
  log: { level: string; event: string; fields: Record<string, unknown> | undefined }[];
  /** Makes the app believe that the process is about to end. */
  announceStop(): void;
  close(): Promise<void>;
}

export async function startApp(options: RunningAppOptions = {}): Promise<RunningApp> {
  const thread = new EventEmitter();
  const log: RunningApp["log"] = [];
  let isStopping = false;
  const repository = options.repository ?? fixedRepository(await startModels(options, thread));
  const app = createApp({
    repository,
    multiModel: options.multiModel,
    log: (level, event, fields) => event === "request" || log.push({ level, event, fields }),
    tracing: await startTracing(null, () => undefined),
    isStopping: () => isStopping,
  });
  const listener = await listen(createHttpServer(app.fetch), 0, "127.0.0.1");
  if (!listener.ok) throw new Error(listener.error);
  return {
    url: listener.value.url,
    repository,
    thread,
    log,
    announceStop: () => {
      isStopping = true;
    },
    async close() {
      await listener.value.close(0);
      await repository.close();
    },
  };
}

async function startModels(options: RunningAppOptions, thread: EventEmitter): Promise<Model[]> {
  const { graphs = [await largeGraph(options.manifest)], queueLength, queueBytes } = options;
  const { maxRequests, maxBytes } = SERVING.admission;
  const serving: StartModelOptions = {
    ...SERVING,
    admission: { maxRequests: queueLength ?? maxRequests, maxBytes: queueBytes ?? maxBytes },
    restartDelaysMs: options.restartDelaysMs ?? [],
    onEvent: (event) => thread.emit(event.event, event),
    spawn: options.spawn,
  };
  return Promise.all(graphs.map((graph) => startedModel(graph, serving)));
}

async function startedModel(graph: GraphDescription, serving: StartModelOptions): Promise<Model> {
  const model = await startModel(graph, serving);
  if (!model.ok) throw new Error(model.error);
  return model.value;
}
