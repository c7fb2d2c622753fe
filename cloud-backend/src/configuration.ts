// How a process is to run: read from the environment and a file, and checked once before anything starts.
import { availableParallelism } from "node:os";
import { readConfigurationFile } from "./configuration/configuration-file.ts";
import { chooseModels, type ModelSource } from "./configuration/model-source.ts";
import { type ReadSettings, readSettings, type SettingsFile } from "./configuration/read-settings.ts";
import { FILE_VARIABLE, type SettingValues } from "./configuration/settings.ts";
import { type StartupStep, success } from "./errors.ts";
import type { ServingOptions } from "./inference/serving-options.ts";
import type { LogLevel } from "./log.ts";
import type { TracingOptions } from "./telemetry/tracing.ts";

export { helpText } from "./configuration/help-text.ts";
export type { ModelSource };

export interface Configuration {
  port: number;
  host: string;
  models: ModelSource;
  serving: ServingOptions;
  drainMs: number;
  /** What a caller must bring as bearer token; undefined lets everyone in. */
  token: string | undefined;
  /** What whoever loads and unloads models must bring in its place; undefined asks for no other. */
  adminToken: string | undefined;
  logLevel: LogLevel;
  /** Null sends no traces. */
  tracing: TracingOptions | null;
}

/** Where SageMaker unpacks a model's files. */
const SAGEMAKER_DATA = "/opt/ml/model";

export async function readConfiguration(
  environment: NodeJS.ProcessEnv,
  dataFolder = SAGEMAKER_DATA,
): Promise<StartupStep<Configuration>> {
  const file = await givenFile(environment[FILE_VARIABLE]);
  if (!file.ok) return file;
  const settings = readSettings(environment, file.value);
  const { values } = settings;
  const models = await chooseModels(settings, file.value?.path ?? null, dataFolder);
  const problems = [...settings.problems, ...(models.ok ? [] : [models.error]), ...batchProblems(settings)];
  if (!models.ok || problems.length > 0) return { ok: false, error: problems.join("; ") };
  return success({
    port: values.sagemakerBindToPort ?? values.port,
    host: values.host,
    models: models.value,
    serving: servingOptions(values),
    drainMs: values.drainSeconds * 1000,
    token: values.token,
    adminToken: values.adminToken,
    logLevel: values.logLevel,
    tracing: tracingOptions(values),
  });
}

async function givenFile(path: string | undefined): Promise<StartupStep<SettingsFile | null>> {
  if (path === undefined || path === "") return success(null);
  const settings = await readConfigurationFile(path);
  return settings.ok ? success({ path, settings: settings.value }) : settings;
}

/** The one rule between two settings. */
function batchProblems({ values, given }: ReadSettings): string[] {
  const { preferredBatches = [], maxBatch } = values;
  const largest = Math.max(...preferredBatches);
  if (!(largest > maxBatch)) return [];
  const name = given.get("preferredBatches")?.name;
  return [`${name}: expected sizes up to the largest batch, ${maxBatch}, got ${largest}`];
}

function servingOptions(values: SettingValues): ServingOptions {
  const { providers, instances, maxBatch, padding } = values;
  const preferred = values.preferredBatches ?? powersOfTwo(maxBatch);
  return {
    providers,
    instances,
    inferenceThreads: values.inferenceThreads ?? Math.max(1, Math.floor((availableParallelism() - 1) / instances)),
    batching: {
      maxBatch,
      delayMs: values.batchDelayMs,
      preferredSizes: [...new Set([...preferred, maxBatch])].sort((a, b) => a - b),
      isPadded: padding === "auto" ? providers[0] !== "cpu" : padding === "on",
    },
    admission: { maxRequests: values.queueLength, maxBytes: values.queueMegabytes * 2 ** 20 },
  };
}

function powersOfTwo(max: number): number[] {
  return Array.from({ length: Math.floor(Math.log2(max)) + 1 }, (_, exponent) => 2 ** exponent);
}

function tracingOptions(values: SettingValues): TracingOptions | null {
  const base = values.otelExporterOtlpEndpoint?.replace(/\/+$/, "");
  const endpoint = values.otelExporterOtlpTracesEndpoint ?? (base === undefined ? undefined : `${base}/v1/traces`);
  return endpoint === undefined ? null : { endpoint, serviceName: values.otelServiceName };
}
