// `POST /v1/classify`: the image in, the answer out.
import { Hono } from "hono";
import { z } from "zod";
import type { AppEnv } from "../app-env.ts";
import { gateOf } from "../bucket/gate-client.ts";
import { classify } from "../classify.ts";
import { clientKeyOf } from "../client-key.ts";
import { traceparentOf } from "../cloud/traceparent.ts";
import { problem } from "../errors.ts";
import { DEFAULT_TOP, MAX_DEADLINE_MS, MAX_TOP } from "../limits.ts";
import { readImageBody } from "./image-body.ts";

const whole = z
  .string()
  .regex(/^\d{1,9}$/, "expected a whole number")
  .transform(Number);
const querySchema = z.object({
  top: whole.pipe(z.number().min(1).max(MAX_TOP)).optional(),
  deadline_ms: whole.pipe(z.number().min(1).max(MAX_DEADLINE_MS)).optional(),
});

export const classifyRoute = new Hono<AppEnv>().post("/", async (context) => {
  const isolate = context.get("isolate");
  const startedMs = isolate.now();
  const atMs = Date.now();
  const background = context.get("background");
  const effective = await isolate.configs.current(background);
  const { config } = effective;

  const clientKey = await clientKeyOf(context.req.header(isolate.settings.CLIENT_KEY_HEADER));
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

  const id = crypto.randomUUID();
  const request = {
    id,
    traceparent: traceparentOf(context.req.header("traceparent"), id, crypto.getRandomValues(new Uint8Array(8))),
    image: body.image,
    top: query.data.top ?? DEFAULT_TOP,
    startedMs,
    deadlineMs: query.data.deadline_ms ?? null,
  };
  const { OFFLOAD_GATE } = context.env;
  const stub = OFFLOAD_GATE.get(OFFLOAD_GATE.idFromName(clientKey));
  const gate = gateOf(stub, isolate.reports, { clientKey, atMs }, background);
  const outcome = await classify(request, effective, { ...isolate, gate });
  return outcome.ok ? context.json(outcome.result) : problem(context, outcome);
});
