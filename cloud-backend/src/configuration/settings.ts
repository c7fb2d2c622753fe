// Every setting: its environment variable, what it may be, its default and its meaning. The key is its name
// in the configuration file: the variable's, without SPILLWAY_ and in camel case.
//
// SAGEMAKER_SAFE_PORT_RANGE is not among them: where SageMaker wants another port than 8080, it names it in
// SAGEMAKER_BIND_TO_PORT, and we open no second one.
import type { z } from "zod";
import { PROVIDERS } from "../inference/serving-options.ts";
import { LOG_LEVELS } from "../log.ts";
import { SHIPPED_MODEL } from "./model-source.ts";
import { decimal, httpUrl, listOf, oneOf, onOff, text, token, wholeNumber } from "./value-schemas.ts";

export interface Setting<Value = unknown, Fallback extends string | null = string | null> {
  variable: string;
  schema: z.ZodType<Value, string>;
  /** As it would be written; null when there is none, or when it depends on something else. */
  fallback: Fallback;
  meaning: string;
}

export const SETTINGS = {
  port: setting("PORT", wholeNumber(0, 65_535), "8080", "port to listen on; 0 takes any free one"),
  sagemakerBindToPort: setting(
    "SAGEMAKER_BIND_TO_PORT",
    wholeNumber(1, 65_535),
    null,
    "set by SageMaker; outweighs PORT",
  ),
  host: setting("HOST", text(), "127.0.0.1", "address to listen on; 0.0.0.0 for every interface, as in a container"),
  model: setting(
    "SPILLWAY_MODEL",
    text(),
    null,
    `model folder to serve as version 1, with its manifest.json; by default what SageMaker put into /opt/ml/model, else ${SHIPPED_MODEL}`,
  ),
  repository: setting(
    "SPILLWAY_REPOSITORY",
    text(),
    null,
    "directory of versions to serve, each a model folder named by a whole number; in the place of SPILLWAY_MODEL",
  ),
  keptVersions: setting("SPILLWAY_KEPT_VERSIONS", wholeNumber(1, 100), "1", "newest versions that are served together"),
  pollSeconds: setting(
    "SPILLWAY_POLL_SECONDS",
    wholeNumber(0, 86_400),
    "5",
    "seconds between two looks for new versions; 0 never looks",
  ),
  sagemakerMultiModel: setting(
    "SAGEMAKER_MULTI_MODEL",
    onOff("true", "false"),
    null,
    "set by SageMaker: models come and go by POST and DELETE /models, and none is there at first",
  ),
  maxModels: setting("SPILLWAY_MAX_MODELS", wholeNumber(1, 10_000), "16", "models that may be loaded at a time then"),
  modelsRoot: setting(
    "SPILLWAY_MODELS_ROOT",
    text(),
    "/opt/ml/models",
    "folder below which all of them must lie; SageMaker unpacks them there",
  ),
  providers: setting(
    "SPILLWAY_PROVIDERS",
    listOf(oneOf(PROVIDERS)),
    "cpu",
    `where graphs run: ${PROVIDERS.join(", ")}, separated by commas; a later one stands in for one that cannot be had`,
  ),
  instances: setting(
    "SPILLWAY_INSTANCES",
    wholeNumber(1, 64),
    "1",
    "sessions of each graph, each in a thread of its own",
  ),
  inferenceThreads: setting(
    "SPILLWAY_INFERENCE_THREADS",
    wholeNumber(1, 1024),
    null,
    "CPU threads of one session; by default all cores but one, which is left to HTTP and decoding, over the instances",
  ),
  maxBatch: setting(
    "SPILLWAY_MAX_BATCH",
    wholeNumber(1, 256),
    "32",
    "images or frames that run together, and that one request may bring",
  ),
  batchDelayMs: setting(
    "SPILLWAY_BATCH_DELAY_MS",
    decimal(0, 1000),
    "2",
    "milliseconds that a request waits for others to run with; 0 waits only while the model is busy",
  ),
  preferredBatches: setting(
    "SPILLWAY_PREFERRED_BATCHES",
    listOf(wholeNumber(1, 256)),
    null,
    "sizes of batches that run well, separated by commas; by default the powers of two, up to the largest batch",
  ),
  padding: setting(
    "SPILLWAY_PADDING",
    oneOf(["auto", "on", "off"]),
    "auto",
    "whether batches are filled up to such a size; auto does so on GPUs, whose memory grows with every new size",
  ),
  queueLength: setting(
    "SPILLWAY_QUEUE_LENGTH",
    wholeNumber(1, 10_000),
    "64",
    "requests of a model that are accepted and not yet answered; one more is refused with 503",
  ),
  queueMegabytes: setting(
    "SPILLWAY_QUEUE_MEGABYTES",
    wholeNumber(26, 65_536),
    "256",
    "their bodies together, in MiB; the largest single one has 25",
  ),
  token: setting(
    "SPILLWAY_TOKEN",
    token(),
    null,
    "bearer token to ask of callers; behind SageMaker, AWS asks for its own",
  ),
  adminToken: setting(
    "SPILLWAY_ADMIN_TOKEN",
    token(),
    null,
    "bearer token to ask, in the place of SPILLWAY_TOKEN, of those who load and unload models",
  ),
  drainSeconds: setting(
    "SPILLWAY_DRAIN_SECONDS",
    wholeNumber(0, 3600),
    "20",
    "time to finish accepted requests after SIGTERM; ending threads and traces may take 6 more, and SageMaker kills after 30",
  ),
  logLevel: setting(
    "SPILLWAY_LOG_LEVEL",
    oneOf(LOG_LEVELS),
    "info",
    `least important events to log: ${LOG_LEVELS.join(", ")}`,
  ),
  otelExporterOtlpEndpoint: setting(
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    httpUrl(),
    null,
    "OpenTelemetry collector to send traces to, by OTLP over HTTP; its path is /v1/traces below this URL",
  ),
  otelExporterOtlpTracesEndpoint: setting(
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    httpUrl(),
    null,
    "the whole URL for traces, in its place",
  ),
  otelServiceName: setting("OTEL_SERVICE_NAME", text(), "spillway-backend", "what traces call this service"),
} as const;

export type SettingKey = keyof typeof SETTINGS;

/** Names the configuration file, and so is not a setting in it. */
export const FILE_VARIABLE = "SPILLWAY_CONFIG";

/** Whatever has no default may be undefined. */
export type SettingValues = {
  [Key in SettingKey]: ValueOf<(typeof SETTINGS)[Key]["schema"]> | Missing<(typeof SETTINGS)[Key]["fallback"]>;
};
type ValueOf<Schema extends z.ZodType> = z.output<Schema>;
type Missing<Fallback> = Fallback extends null ? undefined : never;

function setting<Value, Fallback extends string | null>(
  variable: string,
  schema: z.ZodType<Value, string>,
  fallback: Fallback,
  meaning: string,
): Setting<Value, Fallback> {
  return { variable, schema, fallback, meaning };
}
