// What `spillway thresholds` answers; `cost` reads it.

import { RISK_METHODS } from "@spillway/shared/offload/risk-control";
import { z } from "zod";

const fraction = z.number().min(0).max(1);

const performanceSchema = z.object({ accuracy: fraction, offloadRate: fraction, meanLatencyMs: z.number().min(0) });

export const thresholdResultSchema = z.object({
  /** Confidence from which each exit answers. */
  exits: z.array(z.number()).min(1),
  /** See offloadOn. */
  offload: z.number(),
  /** `confidence`: samples below `offload` are offloaded; `metric`: undecided ones whose expected gain reaches it. */
  offloadOn: z.enum(["confidence", "metric"]),
  guarantee: z
    .object({ maxAccuracyLoss: fraction, confidenceLevel: fraction, method: z.enum(RISK_METHODS) })
    .nullable(),
  expected: performanceSchema,
  /** The same rows without selection. */
  baselines: z.object({ edgeOnly: performanceSchema, everythingOffloaded: performanceSchema }),
  /** Wishes that `expected` does not meet, although the rows that chose did. */
  missed: z.array(z.string()).default([]),
  /** Share of the images that leave at each exit, where there are several. */
  exitShares: z.array(fraction).optional(),
  /** The rows that `expected` comes from. */
  expectedOn: z.object({ rows: z.number().int().positive(), how: z.string() }),
});
export type ThresholdResult = z.infer<typeof thresholdResultSchema>;
