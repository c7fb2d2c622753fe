// `GET` and `PUT /v1/config`: the configuration in force with the policy that decides by it, and changing it.
//
// PUT needs If-Match, so that two operators cannot overwrite each other unseen. KV has no compare-and-
// swap and carries a write to other locations in up to a minute: until then the check is a courtesy,
// no lock.
import { checkConfigText, MAX_CONFIG_BYTES } from "@spillway/shared/schema/config";
import { type Context, Hono } from "hono";
import type { AppEnv } from "../app-env.ts";
import { readAtMost } from "../body.ts";
import type { EffectiveConfig } from "../config/config-store.ts";
import { problem } from "../errors.ts";
import { sha256Hex } from "../sha256.ts";
import { log } from "../telemetry/log.ts";

export const configRoutes = new Hono<AppEnv>()
  .get("/", async (context) => {
    return answer(context, await context.get("isolate").configs.current(context.get("background")));
  })
  .put("/", async (context) => {
    const { settings, configs, bundle } = context.get("isolate");
    if (!(await isAdmin(context, settings.ADMIN_TOKEN))) return refuseStranger(context, settings.ADMIN_TOKEN);
    const body = await readAtMost(context.req.raw.body, MAX_CONFIG_BYTES);
    if (body === null) {
      return problem(context, { reason: "too-many-bytes", detail: `expected at most ${MAX_CONFIG_BYTES} bytes` });
    }
    const expected = context.req.header("if-match");
    if (expected === undefined) {
      const detail = "send the ETag of `GET /v1/config` as If-Match";
      return problem(context, { reason: "precondition-required", detail });
    }
    const checked = checkConfigText(new TextDecoder().decode(body), bundle.manifest, bundle.hash);
    if (!checked.ok) return problem(context, { reason: "invalid-config", detail: checked.error });
    try {
      const current = await entityTag(await configs.stored());
      // A proxy that compresses turns a strong tag into a weak one of the same value.
      if (expected !== "*" && expected.replace(/^W\//, "") !== current) {
        const detail = `the configuration's ETag is now ${current}`;
        return problem(context, { reason: "precondition-failed", detail });
      }
      const replaced = await configs.replace(checked.config, context.get("background"));
      if (!replaced.ok) return problem(context, { reason: "invalid-config", detail: replaced.error });
      return await answer(context, replaced.effective);
    } catch (error) {
      log("config-not-stored", { detail: String(error) });
      return problem(
        context,
        { reason: "unavailable", detail: "KV did not take it; try again" },
        { "retry-after": "1" },
      );
    }
  });

/** The tag is of the text that this answer is made from, not of what KV may hold by now. */
async function answer(context: Context<AppEnv>, effective: EffectiveConfig): Promise<Response> {
  const { config, source, error, storedText } = effective;
  const { bundle, policies } = context.get("isolate");
  const policy = await policies.report(config.offload);
  context.header("etag", await entityTag(storedText));
  context.header("cache-control", "no-store");
  return context.json({ config, version: config.version, source, error, model: bundle.hash, policy });
}

function refuseStranger(context: Context<AppEnv>, token: string | undefined): Response {
  const detail =
    token === undefined
      ? "this Worker has no ADMIN_TOKEN, so its configuration can only be changed in KV"
      : "send `Authorization: Bearer <ADMIN_TOKEN>`";
  return problem(context, { reason: "unauthorized", detail }, { "www-authenticate": "Bearer" });
}

/** A strong ETag of what KV holds. */
async function entityTag(text: string | null): Promise<string> {
  return `"${(await sha256Hex(text ?? "")).slice(0, 32)}"`;
}

/** Compares digests, whose length is equal whatever was sent, in constant time. */
async function isAdmin(context: Context<AppEnv>, token: string | undefined): Promise<boolean> {
  const presented = /^Bearer +(\S+)$/i.exec(context.req.header("authorization") ?? "")?.[1];
  if (token === undefined || presented === undefined) return false;
  const [a, b] = await Promise.all(
    [token, presented].map((text) => crypto.subtle.digest("SHA-256", new TextEncoder().encode(text))),
  );
  return crypto.subtle.timingSafeEqual(a, b);
}
