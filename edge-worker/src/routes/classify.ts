// `POST /v1/classify`: the image in, the answer out.
import { type Context, Hono } from "hono";
import { z } from "zod";
import type { AppEnv } from "../app.ts";
import { gateOf } from "../bucket/gate-client.ts";
import { classify } from "../classify.ts";
import { problem } from "../errors.ts";
import { MAX_CLIENT_KEY_LENGTH, MAX_DEADLINE_MS } from "../limits.ts";
import { readImageBody } from "./image-body.ts";

const DEFAULT_TOP = 5;
/** More labels than anybody reads; the rest of the probabilities say nothing. */
export const MAX_TOP = 100;

const whole = z
  .string()
  .regex(/^\d{1,9}$/, "expected a whole number")
  .transform(Number);
export const querySchema = z.object({
  top: whole.pipe(z.number().min(1).max(MAX_TOP)).optional(),
  deadline_ms: whole.pipe(z.number().min(1).max(MAX_DEADLINE_MS)).optional(),
});

export const classifyRoute = new Hono<AppEnv>().post("/", async (context) => {
  const isolate = context.get("isolate");
  const { config } = await isolate.configs.current();

  const clientKey = clientKeyOf(context);
  const waitSeconds = isolate.meter.waitSeconds(clientKey, config.limits.requestsPerMinute, isolate.now());
  if (waitSeconds > 0) {
    const detail = `more than ${config.limits.requestsPerMinute} requests a minute`;
    return problem(context, { reason: "too-many-requests", detail }, { "retry-after": String(Math.ceil(waitSeconds)) });
  }
  const query = querySchema.safeParse(context.req.query());
  if (!query.success) {
    const [issue] = query.error.issues;
    return problem(context, { reason: "bad-request", detail: `${issue.path.join(".")}: ${issue.message}` });
  }
  const body = await readImageBody(context.req.raw, config.limits.maxBytes);
  if (!body.ok) return problem(context, body);

  const request = {
    id: crypto.randomUUID(),
    image: body.image,
    top: query.data.top ?? DEFAULT_TOP,
    deadlineMs: query.data.deadline_ms ?? null,
  };
  const background = (work: Promise<unknown>) => context.executionCtx.waitUntil(work);
  const gate = gateOf(context.env.OFFLOAD_GATE, clientKey, background);
  const outcome = await classify(request, config, { ...isolate, gate });
  return outcome.ok ? context.json(outcome.result) : problem(context, outcome);
});

/** Whose bucket an offload spends, and whose request rate is counted. */
function clientKeyOf(context: Context<AppEnv>): string {
  const key = context.req.header(context.get("isolate").settings.CLIENT_KEY_HEADER) ?? "anonymous";
  return key.slice(0, MAX_CLIENT_KEY_LENGTH);
}
