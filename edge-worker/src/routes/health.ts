// `GET /readyz`: whether this isolate can answer; the first call loads all stages.
import { Hono } from "hono";
import type { AppEnv } from "../app-env.ts";

export const healthRoutes = new Hono<AppEnv>().get("/readyz", async (context) => {
  const { edgeModel, configs } = context.get("isolate");
  await edgeModel.load();
  const { config, source } = await configs.current(context.get("background"));
  return context.json({ status: "ready", configVersion: config.version, configSource: source });
});
