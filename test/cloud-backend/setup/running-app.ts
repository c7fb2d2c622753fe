// The backend in this process: a real socket, a real inference thread, the real model.
import { EventEmitter } from "node:events";
import type { Server } from "node:http";
import type { Worker } from "node:worker_threads";
import { createAdaptorServer } from "@hono/node-server";
import type { Manifest } from "@spillway/shared/schema/manifest";
import { createApp } from "../../../cloud-backend/src/app.ts";
import { startLargeModel } from "../../../cloud-backend/src/inference/large-model.ts";
import type { SessionOptions } from "../../../cloud-backend/src/inference/session-messages.ts";
import type { ThreadEvent } from "../../../cloud-backend/src/inference/session-thread.ts";
import { listen } from "../../../cloud-backend/src/listener.ts";
import { modelFolder, shippedManifest } from "./model-folder.ts";

export interface RunningAppOptions {
  manifest?: Manifest;
  queueLength?: number;
  restartDelaysMs?: number[];
  spawn?: (session: SessionOptions) => Worker;
}

export interface RunningApp {
  url: string;
  /** Emits the thread's events by their names. */
  thread: EventEmitter;
  log: { level: string; event: string; fields: Record<string, unknown> | undefined }[];
  /** Makes the app believe that the process is about to end. */
  announceStop(): void;
  close(): Promise<void>;
}

export async function startApp(options: RunningAppOptions = {}): Promise<RunningApp> {
  const thread = new EventEmitter();
  const log: RunningApp["log"] = [];
  let isStopping = false;
  const model = await startLargeModel({
    folder: modelFolder,
    manifest: options.manifest ?? (await shippedManifest()),
    queueLength: options.queueLength ?? 64,
    inferenceThreads: 1,
    restartDelaysMs: options.restartDelaysMs ?? [],
    onEvent: (event: ThreadEvent) => thread.emit(event.event, event),
    spawn: options.spawn,
  });
  if (!model.ok) throw new Error(model.error);
  const app = createApp({
    model: model.value,
    log: (level, event, fields) => log.push({ level, event, fields }),
    isStopping: () => isStopping,
  });
  const listener = await listen(createAdaptorServer({ fetch: app.fetch }) as Server, 0, "127.0.0.1");
  if (!listener.ok) throw new Error(listener.error);
  return {
    url: listener.value.url,
    thread,
    log,
    announceStop: () => {
      isStopping = true;
    },
    async close() {
      await listener.value.close(0);
      await model.value.stop();
    },
  };
}
