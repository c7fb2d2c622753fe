// The configuration that operators change live through KV. It is refused whole when any part
// is wrong: half a configuration is worse than the last good one.
import { z } from "zod";
import { type Calibration, confidenceRuleSchema, weightsSchema } from "./calibration.ts";
import { describeIssues } from "./document.ts";
import { MAX_EXITS, type Manifest, sha256Schema } from "./manifest.ts";

/** Where KV keeps the configuration. */
export const CONFIG_KEY = "config";
export const MAX_CONFIG_BYTES = 65_536;
export const MAX_VERSION_LENGTH = 64;
/** The longest a caller is kept waiting for the cloud. */
export const MAX_TIMEOUT_MS = 60_000;
export const MAX_RETRIES = 3;
/** A body is held twice while it arrives, and an isolate has 128 MB for all its requests. */
export const MAX_IMAGE_BYTES = 16_777_216;
/** Decoding needs four bytes a pixel and an isolate has 128 MB. */
export const MAX_IMAGE_PIXELS = 16_000_000;

export const policyNameSchema = z.enum(["threshold", "mdp", "q-network", "belief"]);
export type PolicyName = z.infer<typeof policyNameSchema>;

export const routeSchema = z.enum(["large", "tail"]);
export type Route = z.infer<typeof routeSchema>;

export const configSchema = z.strictObject({
  /** Named in every answer that this configuration decided. */
  version: z
    .string()
    .min(1)
    .max(MAX_VERSION_LENGTH)
    .regex(/^[\x21-\x7e]*$/, "expected printable ASCII without spaces"),
  /** SHA-256 of the manifest.json this configuration was made for. */
  model: sha256Schema,
  /** SHA-256 of the text of a calibration in KV; null for the one that was built into the Worker. */
  calibration: sha256Schema.nullable().default(null),
  edge: z.strictObject({
    confidence: confidenceRuleSchema,
    /** A threshold above 1 closes the exit; no confidence exceeds 1. */
    exits: z
      .array(z.strictObject({ threshold: z.number().min(0).max(2) }))
      .min(1)
      .max(MAX_EXITS),
    vote: weightsSchema,
  }),
  offload: z.strictObject({
    enabled: z.boolean(),
    policy: policyNameSchema,
    /** Offload when the expected gain is at least this. */
    threshold: z.number().min(-1).max(1),
    /** Where KV keeps the policy, unless that is `threshold`. Without a good one there, `threshold` stands in. */
    policyKey: z.string().min(1).max(256).nullable(),
    bucket: z.strictObject({
      /** Tokens a second. */
      rate: z.number().min(0).max(1_000_000),
      /** Tokens the bucket can hold. */
      depth: z.number().min(0).max(1_000_000),
    }),
    /** `large`: the image. `tail`: the richest features that are expected in time. `auto`: whichever of all gains most. */
    route: z.enum(["auto", "large", "tail"]),
    timeoutMs: z.int().min(1).max(MAX_TIMEOUT_MS),
    retries: z.int().min(0).max(MAX_RETRIES),
    fuse: z.boolean(),
  }),
  limits: z.strictObject({
    maxBytes: z.int().min(1).max(MAX_IMAGE_BYTES),
    maxPixels: z.int().min(1).max(MAX_IMAGE_PIXELS),
    requestsPerMinute: z.int().min(1).max(10_000_000),
  }),
});
export type Config = z.infer<typeof configSchema>;

export type ConfigCheck = { ok: true; config: Config } | { ok: false; error: string };

/**
 * Validates a configuration against its schema and against the model that will run it.
 * Pure and total: every failure is a value whose `error` is one readable line.
 */
export function checkConfig(value: unknown, manifest: Manifest, modelHash: string): ConfigCheck {
  const parsed = configSchema.safeParse(value);
  if (!parsed.success) return { ok: false, error: describeIssues(parsed.error) };
  const error = modelMismatch(parsed.data, manifest, modelHash);
  return error === null ? { ok: true, config: parsed.data } : { ok: false, error };
}

/** {@link checkConfig} for a configuration as text, which may not even be JSON. */
export function checkConfigText(text: string, manifest: Manifest, modelHash: string): ConfigCheck {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { ok: false, error: "expected JSON" };
  }
  return checkConfig(value, manifest, modelHash);
}

/** The configuration in force when KV holds none. */
export function defaultConfig(manifest: Manifest, modelHash: string, calibration: Calibration): Config {
  return {
    version: "default",
    model: modelHash,
    calibration: null,
    edge: {
      confidence: "max-probability",
      exits: manifest.edge.stages.map(() => ({ threshold: 0.9 })),
      vote: calibration.vote,
    },
    offload: {
      enabled: true,
      policy: "threshold",
      threshold: 0.1,
      policyKey: null,
      bucket: { rate: 5, depth: 20 },
      route: "auto",
      timeoutMs: 800,
      retries: 0,
      fuse: true,
    },
    limits: { maxBytes: 8_388_608, maxPixels: 16_000_000, requestsPerMinute: 6000 },
  };
}

function modelMismatch(config: Config, manifest: Manifest, modelHash: string): string | null {
  const exits = manifest.edge.stages.length;
  if (config.model !== modelHash) return `model: made for ${config.model}, but this Worker runs ${modelHash}`;
  if (config.edge.exits.length !== exits) {
    return `edge.exits: expected ${exits} thresholds for this model, got ${config.edge.exits.length}`;
  }
  if (config.edge.vote.length !== exits) {
    return `edge.vote: expected ${exits} weights for this model, got ${config.edge.vote.length}`;
  }
  if (config.offload.route === "tail" && manifest.cloud.tail === null) {
    return "offload.route: this model has no tail";
  }
  return null;
}
