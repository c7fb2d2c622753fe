// What a request about images begins with: who asks, whether too often, and for what.
import type { Context } from "hono";
import type { z } from "zod";
import type { AppEnv } from "../app-env.ts";
import { clientKeyOf } from "../client-key.ts";
import type { EffectiveConfig } from "../config/config-store.ts";
import { problem } from "../errors.ts";

export interface Admitted<Query> {
  clientKey: string;
  effective: EffectiveConfig;
  query: Query;
}

/** A response where the request goes no further. */
export async function admit<Query>(
  context: Context<AppEnv>,
  querySchema: z.ZodType<Query>,
): Promise<Admitted<Query> | Response> {
  const { configs, settings, meter, now } = context.get("isolate");
  const effective = await configs.current(context.get("background"));
  const { requestsPerMinute } = effective.config.limits;
  const clientKey = await clientKeyOf(context.req.header(settings.CLIENT_KEY_HEADER));
  const waitSeconds = meter.waitSeconds(clientKey, requestsPerMinute, now());
  if (waitSeconds > 0) {
    const detail = `more than ${requestsPerMinute} requests a minute`;
    return problem(context, { reason: "too-many-requests", detail }, { "retry-after": String(Math.ceil(waitSeconds)) });
  }
  const query = querySchema.safeParse(context.req.query());
  if (query.success) return { clientKey, effective, query: query.data };
  const [issue] = query.error.issues;
  return problem(context, { reason: "bad-request", detail: `${issue.path.join(".")}: ${issue.message}` });
}
