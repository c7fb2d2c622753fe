// The entry: reads the environment, loads the model, serves it, and ends cleanly when told to.
import { once } from "node:events";
import type { Server } from "node:http";
import { createAdaptorServer } from "@hono/node-server";
import { createApp } from "./app.ts";
import { helpText, readConfiguration } from "./configuration.ts";
import { startLargeModel } from "./inference/large-model.ts";
import type { ThreadEvent } from "./inference/session-thread.ts";
import { REQUEST_TIMEOUT_MS, RESTART_DELAYS_MS } from "./limits.ts";
import { listen } from "./listener.ts";
import { createLog } from "./log.ts";
import { readManifest } from "./repository/model-folder.ts";

const log = createLog(() => new Date());
const flags = process.argv.slice(2);
if (flags.includes("--help")) console.log(helpText());
else if (flags.length > 0) process.exitCode = refuse(`unknown argument ${flags[0]}; --help lists what can be set`);
else process.exit(await serve());

/** @returns the exit code */
async function serve(): Promise<number> {
  const stop = stopOnSignals();
  const configuration = readConfiguration(process.env);
  if (!configuration.ok) return refuse(configuration.error);
  const { port, host, modelFolder, queueLength, inferenceThreads, drainMs, token } = configuration.value;

  const manifest = await readManifest(modelFolder);
  if (!manifest.ok) return refuse(manifest.error);
  const model = await startLargeModel({
    folder: modelFolder,
    manifest: manifest.value,
    queueLength,
    inferenceThreads,
    restartDelaysMs: RESTART_DELAYS_MS,
    onEvent: (event) => onThreadEvent(event, stop),
  });
  if (!model.ok) return refuse(model.error);

  const app = createApp({ model: model.value, log, isStopping: () => stop.signal.aborted, token });
  const serverOptions = { requestTimeout: REQUEST_TIMEOUT_MS };
  const server = createAdaptorServer({ fetch: app.fetch, serverOptions }) as Server;
  const listener = await listen(server, port, host);
  if (!listener.ok) {
    await model.value.stop();
    return refuse(listener.error);
  }
  const { url } = listener.value;
  log("info", "listening", { url, model: manifest.value.name, folder: modelFolder, queueLength, inferenceThreads });

  if (!stop.signal.aborted) await once(stop.signal, "abort");
  log("info", "stopping", { cause: stop.signal.reason });
  const isComplete = await listener.value.close(drainMs);
  await model.value.stop();
  log("info", "stopped", { isComplete });
  return isComplete && stop.signal.reason !== "thread-given-up" ? 0 : 1;
}

/** A second signal finds no handler left and ends the process at once. */
function stopOnSignals(): AbortController {
  const stop = new AbortController();
  for (const signal of ["SIGTERM", "SIGINT"]) process.once(signal, () => stop.abort(signal));
  return stop;
}

/** Without an inference thread the process is of no use; whoever supervises it can start a fresh one. */
function onThreadEvent({ event, ...fields }: ThreadEvent, stop: AbortController): void {
  log(event === "thread-restarted" ? "info" : "error", event, fields);
  if (event === "thread-given-up") stop.abort(event);
}

function refuse(error: string): 1 {
  console.error(`cloud-backend: ${error}`);
  return 1;
}
