// `POST /v1/classify`: the image in, the answer out.
import { Hono } from "hono";
import type { AppEnv } from "../app-env.ts";
import { gateFor } from "../bucket/gate-client.ts";
import { classify } from "../classify.ts";
import { clientKeyOf } from "../client-key.ts";
import { traceparentOf } from "../cloud/traceparent.ts";
import { problem } from "../errors.ts";
import { DEFAULT_TOP } from "../limits.ts";
import { classifyQuerySchema } from "./classify-query.ts";
import { readImageBody } from "./image-body.ts";

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
  const query = classifyQuerySchema.safeParse(context.req.query());
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
    link: linkOf(context.req.raw),
    top: query.data.top ?? DEFAULT_TOP,
    startedMs,
    deadlineMs: query.data.deadline_ms ?? null,
  };
  const { OFFLOAD_GATE } = context.env;
  const gate = gateFor(OFFLOAD_GATE, { clientKey, atMs }, { ...isolate, background });
  const outcome = await classify(request, effective, { ...isolate, gate });
  return outcome.ok ? context.json(outcome.result) : problem(context, outcome);
});

/** Images of one client that come in at the same place go the same way from there. */
function linkOf(request: Request): string {
  return String(request.cf?.colo ?? "here");
}
