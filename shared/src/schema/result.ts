// The answer to one classified image: the label, and everything that decided it.
import { z } from "zod";
import { policyNameSchema, routeSchema } from "./config.ts";

/** Why a request was answered as it was. */
export const reasonSchema = z.enum([
  "confident",
  "offloaded",
  "not-worth-it",
  "no-tokens",
  // The client's gate did not answer in time; without its word nothing is offloaded.
  "gate-unavailable",
  "offload-disabled",
  "cloud-timeout",
  "cloud-error",
  "cloud-overloaded",
  "circuit-open",
  "deadline",
]);
export type Reason = z.infer<typeof reasonSchema>;

export const decisionSchema = z.strictObject({
  tier: z.enum(["edge", "cloud"]),
  /** Number of the exit that was confident, counted from 1; null when none was. */
  exit: z.int().positive().nullable(),
  reason: reasonSchema,
  route: routeSchema.nullable(),
  /** How much of the features went by the route `tail`: channels x bits, as in "16x4"; null by any other. */
  setting: z.string().nullable(),
  /** Expected gain of asking the cloud; null when an exit was confident. */
  metric: z.number().nullable(),
  /** What the metric was compared with; null when it was not. */
  threshold: z.number().nullable(),
  /** Tokens left in the client's bucket after the decision; null when it was not asked. */
  tokens: z.number().nullable(),
  /** The policy that decided: `threshold` also where the configured one is not to be had; null when none was asked. */
  policy: policyNameSchema.nullable(),
  /** Body bytes sent to the cloud; null when nothing was sent. */
  bytesSent: z.int().nonnegative().nullable(),
});
export type Decision = z.infer<typeof decisionSchema>;

export const resultSchema = z.strictObject({
  id: z.string(),
  label: z.string(),
  index: z.int().nonnegative(),
  confidence: z.number(),
  top: z.array(z.strictObject({ label: z.string(), index: z.int().nonnegative(), probability: z.number() })),
  decision: decisionSchema,
  /** SHA-256 of the manifest that answered. */
  model: z.string(),
  configVersion: z.string(),
  /** Milliseconds. In production a Worker's clock stands still while it computes, so only waiting shows. */
  timings: z.strictObject({
    decodeMs: z.number(),
    edgeMs: z.number(),
    gateMs: z.number().nullable(),
    cloudMs: z.number().nullable(),
    totalMs: z.number(),
  }),
});
export type Result = z.infer<typeof resultSchema>;
