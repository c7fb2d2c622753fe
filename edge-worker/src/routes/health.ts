// `GET /readyz`: whether this isolate can answer; the first call loads all stages.
import { Hono } from "hono";
import type { AppEnv } from "../app.ts";
import { problem } from "../errors.ts";
import { log } from "../telemetry/log.ts";

export const healthRoutes = new Hono<AppEnv>().get("/readyz", async (context) => {
  const { edgeModel, configs } = context.get("isolate");
  try {
    await edgeModel.load();
  } catch (error) {
    log("model-unusable", { detail: String(error) });
    return problem(context, { reason: "unavailable", detail: "the model could not be loaded" });
  }
  const { config, source } = await configs.current();
  return context.json({ status: "ready", configVersion: config.version, configSource: source });
});
