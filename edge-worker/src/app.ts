// The Worker's routes. A route speaks HTTP and calls one function; everything else lies below it.
import { Hono } from "hono";
import type { AppEnv } from "./app-env.ts";
import { problem } from "./errors.ts";
import { ModelError } from "./inference/edge-model.ts";
import type { Isolate } from "./isolate.ts";
import { classifyRoute } from "./routes/classify.ts";
import { configRoutes } from "./routes/config.ts";
import { healthRoutes } from "./routes/health.ts";
import { describeModels } from "./routes/models.ts";
import { openApiDocument } from "./routes/openapi.ts";
import { streamRoute } from "./routes/stream.ts";
import { log } from "./telemetry/log.ts";

/** Methods by path, for 405; kept beside the routes that they describe. */
const METHODS: Record<string, string> = {
  "/v1/classify": "POST",
  "/v1/config": "GET, HEAD, PUT",
  "/v1/models": "GET, HEAD",
  "/v1/stream": "GET",
  "/healthz": "GET, HEAD",
  "/readyz": "GET, HEAD",
  "/openapi.json": "GET, HEAD",
};

/** @param isolateOf the same each time; throws where the environment is not valid */
export function createApp(isolateOf: (env: Env) => Isolate): Hono<AppEnv> {
  const app = new Hono<AppEnv>();

  app.get("/healthz", (context) => context.json({ status: "ok" }));
  app.get("/openapi.json", (context) => context.json(openApiDocument()));

  app.use(async (context, next) => {
    try {
      context.set("isolate", isolateOf(context.env));
    } catch (error) {
      log("bad-environment", { detail: String(error) });
      return problem(context, { reason: "unavailable", detail: "the Worker's environment is not valid; see its log" });
    }
    context.set("background", (work) => context.executionCtx.waitUntil(work));
    return next();
  });
  app.route("/", healthRoutes);
  app.route("/v1/classify", classifyRoute);
  app.route("/v1/stream", streamRoute);
  app.route("/v1/config", configRoutes);
  app.get("/v1/models", async (context) => {
    const { bundle, configs } = context.get("isolate");
    const { calibration } = await configs.current(context.get("background"));
    return context.json(describeModels(bundle, calibration));
  });

  app.notFound((context) => {
    const methods = METHODS[context.req.path];
    if (methods === undefined) {
      return problem(context, { reason: "not-found", detail: `nothing at ${context.req.path}; see /openapi.json` });
    }
    const detail = `${context.req.path} answers ${methods}`;
    return problem(context, { reason: "method-not-allowed", detail }, { allow: methods });
  });
  app.onError((error, context) => {
    if (error instanceof ModelError) {
      log("model-unusable", { detail: error.message });
      return problem(context, { reason: "unavailable", detail: "the model cannot be run" });
    }
    log("internal-error", { path: context.req.path, detail: error.stack ?? String(error) });
    return problem(context, { reason: "internal", detail: "the request could not be completed" });
  });
  return app;
}
