// What a query may ask of the answer to an image.
import { MAX_DEADLINE_MS } from "@spillway/shared/schema/stream";
import { z } from "zod";
import { MAX_TOP } from "../limits.ts";

const whole = z
  .string()
  .regex(/^\d{1,9}$/, "expected a whole number")
  .transform(Number);

export const classifyQuerySchema = z.object({
  top: whole.pipe(z.number().min(1).max(MAX_TOP)).optional(),
  deadline_ms: whole.pipe(z.number().min(1).max(MAX_DEADLINE_MS)).optional(),
});
