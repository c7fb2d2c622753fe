// `POST /v1/classify`: the image in, the answer out.
import { Hono } from "hono";
import type { AppEnv } from "../app-env.ts";
import { gateFor } from "../bucket/gate-client.ts";
import { classify } from "../classify.ts";
import { traceparentOf } from "../cloud/traceparent.ts";
import { problem } from "../errors.ts";
import { DEFAULT_TOP } from "../limits.ts";
import { admit } from "./admit.ts";
import { classifyQuerySchema } from "./classify-query.ts";
import { readImageBody } from "./image-body.ts";

export const classifyRoute = new Hono<AppEnv>().post("/", async (context) => {
  const isolate = context.get("isolate");
  const startedMs = isolate.now();
  const atMs = Date.now();
  const background = context.get("background");
  const admitted = await admit(context, classifyQuerySchema);
  if (admitted instanceof Response) return admitted;
  const { clientKey, effective, query } = admitted;
  const body = await readImageBody(context.req.raw, effective.config.limits.maxBytes);
  if (!body.ok) return problem(context, body);

  const id = crypto.randomUUID();
  const request = {
    id,
    traceparent: traceparentOf(context.req.header("traceparent"), id, crypto.getRandomValues(new Uint8Array(8))),
    image: body.image,
    link: linkOf(context.req.raw),
    top: query.top ?? DEFAULT_TOP,
    startedMs,
    deadlineMs: query.deadline_ms ?? null,
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
