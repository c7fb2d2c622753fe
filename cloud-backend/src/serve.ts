// The life of a serving process: it listens, loads its models, answers, and ends once it has answered
// what it accepted.
import { once } from "node:events";
import { createApp } from "./app.ts";
import type { Configuration, ModelSource } from "./configuration.ts";
import { type StartupStep, success } from "./errors.ts";
import { createHttpServer } from "./http-server.ts";
import { limitConcurrency } from "./image/concurrency.ts";
import type { Decoding } from "./inference/decoding.ts";
import type { GraphDescription } from "./inference/graph-description.ts";
import type { Model } from "./inference/model.ts";
import type { ThreadEvent } from "./inference/session-thread.ts";
import { startModel } from "./inference/start-model.ts";
import { DECODING_SLICE_MS, MAX_CONCURRENT_DECODES, RESTART_DELAYS_MS, TRACING_STOP_MS } from "./limits.ts";
import { listen } from "./listener.ts";
import type { Log } from "./log.ts";
import { type OpenModels, openModels } from "./repository/open-models.ts";
import type { RepositoryEvent } from "./repository/repository-event.ts";
import { shareThread } from "./slices.ts";
import { startTracing } from "./telemetry/tracing.ts";

/** Addresses that only this machine can reach. */
const LOOPBACK = ["127.0.0.1", "localhost", "::1"];

/**
 * @param stop told to end by whoever aborts it, and aborted here when serving makes no sense any more
 * @returns the exit code, or one line for the operator when it could not begin
 */
export async function serve(
  configuration: Configuration,
  log: Log,
  stop: AbortController,
): Promise<StartupStep<number>> {
  const { models, serving, port, host, drainMs, token, adminToken } = configuration;
  const { signal } = stop;
  const open = openServing(configuration, log, stop);
  const { repository, multiModel } = open;
  const tracing = await startTracing(configuration.tracing, log);
  const isStopping = () => signal.aborted;
  const app = createApp({ repository, multiModel, log, tracing, isStopping, token, adminToken });

  // Before the models are there: whoever watches over the process sees that it lives and is not ready.
  const listener = await listen(createHttpServer(app.fetch), port, host);
  if (!listener.ok) return listener;
  if (token === undefined && !LOOPBACK.includes(host)) log("warn", "no-token", { host });
  log("info", "listening", { url: listener.value.url, models, serving });
  const loaded = await firstScan(open, models, log, signal);
  if (loaded.ok && !signal.aborted) {
    if (repository.isReady()) log("info", "ready", { models: repository.index() });
    const timer = keepScanning(open);
    await once(signal, "abort");
    clearInterval(timer);
  }
  if (loaded.ok) log("info", "stopping", { cause: signal.reason });
  const isComplete = await listener.value.close(loaded.ok ? drainMs : 0);
  await repository.close();
  await tracing.stop(TRACING_STOP_MS);
  if (!loaded.ok) return loaded;
  log("info", "stopped", { isComplete });
  return success(isComplete && signal.reason !== "thread-given-up" ? 0 : 1);
}

/** The models that the configuration names, none of them loaded yet, and what becomes of the news about them. */
function openServing({ models, serving, drainMs }: Configuration, log: Log, stop: AbortController): OpenModels {
  const decoding: Decoding = {
    limitImages: limitConcurrency(MAX_CONCURRENT_DECODES),
    inSlices: shareThread(DECODING_SLICE_MS),
  };
  const onThreadEvent = ({ event, ...fields }: ThreadEvent, { name, version }: GraphDescription) => {
    log(event === "thread-restarted" ? "info" : "error", event, { model: name, version, ...fields });
    // Without a thread a model is of no use. Where others are, they serve on; where it was what the process
    // is there for, whoever supervises that can start a fresh one.
    const isUseless = event === "thread-given-up" && models.kind !== "multi-model" && !open.repository.isReady();
    if (isUseless) stop.abort(event);
  };
  const open = openModels(models, {
    async startModel(graph) {
      const onEvent = (event: ThreadEvent) => onThreadEvent(event, graph);
      const options = { ...serving, restartDelaysMs: RESTART_DELAYS_MS, onEvent, signal: stop.signal, decoding };
      const started = await startModel(graph, options);
      if (started.ok) tellProvider(started.value, log);
      return started;
    },
    onEvent: (event) => onRepositoryEvent(event, log),
    drainMs,
  });
  return open;
}

/** Fails when there is nothing to serve and nothing will come by itself. Ends early when the process is told to. */
async function firstScan(
  { scan, pollMs }: OpenModels,
  models: ModelSource,
  log: Log,
  signal: AbortSignal,
): Promise<StartupStep<null>> {
  const stopped = signal.aborted ? Promise.resolve() : once(signal, "abort");
  const loaded = await Promise.race([scan(), stopped.then(() => success(null))]);
  if (loaded.ok || models.kind === "multi-model") return loaded;
  if (pollMs === 0) return { ok: false, error: `${models.path}: ${loaded.error}` };
  log("warn", "nothing-to-serve-yet", { path: models.path, error: loaded.error });
  return success(null);
}

/** What it finds wrong is told as an event; a scan that takes longer than the interval is joined, not repeated. */
function keepScanning({ scan, pollMs }: OpenModels): NodeJS.Timeout | undefined {
  return pollMs === 0 ? undefined : setInterval(() => void scan(), pollMs);
}

function tellProvider({ name, version, provider, serving }: Model, log: Log): void {
  const [wanted] = serving.providers;
  if (provider !== wanted) log("warn", "provider-fallback", { model: name, version, wanted, provider });
}

function onRepositoryEvent({ event, ...fields }: RepositoryEvent, log: Log): void {
  const isTrouble = event === "model-not-loaded" || event === "repository-unreadable";
  log(isTrouble ? "error" : "info", event, fields);
}
