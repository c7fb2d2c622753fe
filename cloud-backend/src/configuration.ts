// What the environment may say, checked once before anything starts.
import { availableParallelism } from "node:os";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { describeIssues } from "@spillway/shared/schema/document";
import { z } from "zod";
import { type StartupStep, success } from "./errors.ts";

export interface Configuration {
  port: number;
  host: string;
  modelFolder: string;
  queueLength: number;
  inferenceThreads: number;
  drainMs: number;
  /** What a caller must bring as bearer token; undefined lets everyone in. */
  token: string | undefined;
}

const SHIPPED_MODEL = fileURLToPath(new URL("../../models/cifar100", import.meta.url));

const environmentSchema = z.object({
  PORT: wholeNumber(0, 65_535).default(8080).describe("port to listen on; 0 takes any free one"),
  SAGEMAKER_BIND_TO_PORT: wholeNumber(1, 65_535).optional().describe("set by SageMaker; outweighs PORT"),
  HOST: z
    .string()
    .default("127.0.0.1")
    .describe("address to listen on; 0.0.0.0 for every interface, as in a container"),
  SPILLWAY_MODEL: z.string().default(SHIPPED_MODEL).describe("folder with the model's manifest.json"),
  SPILLWAY_QUEUE_LENGTH: wholeNumber(1, 10_000)
    .default(64)
    .describe("requests accepted and not yet answered; one more is refused with 503"),
  SPILLWAY_INFERENCE_THREADS: wholeNumber(1, 1024)
    .default(() => Math.max(1, availableParallelism() - 1))
    .describe("CPU threads of ONNX Runtime; by default one core is left to HTTP and decoding"),
  SPILLWAY_TOKEN: z
    .string()
    .regex(/^[\w.~+/=-]+$/, "expected letters, digits and . _ ~ + / = -")
    .optional()
    .describe("bearer token to ask of callers; behind SageMaker, AWS asks for its own"),
  SPILLWAY_DRAIN_SECONDS: wholeNumber(0, 3600)
    .default(25)
    .describe("time to finish accepted requests after SIGTERM; SageMaker kills after 30"),
});

export function readConfiguration(environment: NodeJS.ProcessEnv): StartupStep<Configuration> {
  // An empty variable is how shells and compose files say "not set".
  const given = Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ""));
  const parsed = environmentSchema.safeParse(given);
  if (!parsed.success) return { ok: false, error: describeIssues(parsed.error) };
  const values = parsed.data;
  return success({
    port: values.SAGEMAKER_BIND_TO_PORT ?? values.PORT,
    host: values.HOST,
    modelFolder: resolve(values.SPILLWAY_MODEL),
    queueLength: values.SPILLWAY_QUEUE_LENGTH,
    inferenceThreads: values.SPILLWAY_INFERENCE_THREADS,
    drainMs: values.SPILLWAY_DRAIN_SECONDS * 1000,
    token: values.SPILLWAY_TOKEN,
  });
}

export function helpText(): string {
  const variables = Object.entries(environmentSchema.shape).map(([name, field]) => {
    const fallback = field.parse(undefined);
    return `  ${name.padEnd(27)} ${field.description}${fallback === undefined ? "" : ` (default ${fallback})`}`;
  });
  return [
    "Usage: node cloud-backend/src/server.ts [--help]",
    "",
    "Serves the large model over SageMaker's interface and the Open Inference Protocol v2.",
    "",
    "Environment:",
    ...variables,
  ].join("\n");
}

function wholeNumber(min: number, max: number) {
  const message = `expected a whole number from ${min} to ${max}`;
  return z
    .string()
    .regex(/^\d{1,9}$/, message)
    .transform(Number)
    .refine((value) => value >= min && value <= max, message);
}
