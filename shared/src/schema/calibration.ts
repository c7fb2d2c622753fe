// What was fitted on held-out images so that the network's numbers can be believed:
// a temperature per exit and for the cloud, the weights of the exits' vote, the offload
// metric as a table, and whether to fuse edge and cloud. Fitted offline, applied in the Worker.
import { z } from "zod";
import { MAX_EXITS, sha256Schema } from "./manifest.ts";

/** Enough for an isotonic fit on a million images; the table is searched, not scanned. */
export const MAX_METRIC_KNOTS = 4096;

export const confidenceRuleSchema = z.enum(["max-probability", "margin", "entropy"]);
export type ConfidenceRule = z.infer<typeof confidenceRuleSchema>;

const temperature = z.number().positive().max(1000);
const weight = z.number().min(0).max(1);

/** Weights that add up to one. */
export const weightsSchema = z
  .array(weight)
  .min(1)
  .max(MAX_EXITS)
  .refine((weights) => Math.abs(weights.reduce((sum, w) => sum + w, 0) - 1) < 1e-6, "weights must add up to 1");

/** Expected gain of asking the cloud against confidence: knots in rising confidence, gain never rising. */
export const metricTableSchema = z
  .strictObject({
    confidence: z.array(z.number()).min(1).max(MAX_METRIC_KNOTS),
    gain: z.array(z.number().min(-1).max(1)).min(1),
  })
  .refine((table) => table.confidence.length === table.gain.length, "expected as many gains as confidences")
  .refine((table) => table.confidence.every((c, k) => k === 0 || c > (table.confidence[k - 1] ?? c)), {
    message: "confidences must rise",
  })
  .refine((table) => table.gain.every((g, k) => k === 0 || g <= (table.gain[k - 1] ?? g)), {
    message: "gains must not rise with confidence",
  });
export type MetricTable = z.infer<typeof metricTableSchema>;

export const calibrationSchema = z.strictObject({
  calibrationVersion: z.literal(1),
  /** SHA-256 of the manifest.json it was fitted for. */
  model: sha256Schema,
  fittedOn: z.strictObject({ dataset: z.string().min(1), n: z.int().positive() }),
  exits: z.array(z.strictObject({ temperature })).min(1).max(MAX_EXITS),
  cloud: z.strictObject({ temperature }),
  /** The vote the metric was fitted with, and the default of a configuration. */
  vote: weightsSchema,
  /** One table for each way of measuring the vote's confidence. */
  metric: z.strictObject({
    "max-probability": metricTableSchema,
    margin: metricTableSchema,
    entropy: metricTableSchema,
  }),
  /** Share of the edge's probabilities in a fused answer; null where the cloud alone is better. */
  fusion: z.strictObject({ edgeWeight: weight }).nullable(),
});
export type Calibration = z.infer<typeof calibrationSchema>;
