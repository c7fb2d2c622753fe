// All routes of the backend, and what is said where none answers.
import { type Context, Hono, type MiddlewareHandler } from "hono";
import { bearerAuth } from "hono/bearer-auth";
import { HTTPException } from "hono/http-exception";
import { methodNotAllowed } from "hono/method-not-allowed";
import { failure, failureResponse } from "./errors.ts";
import type { Log } from "./log.ts";
import type { Repository } from "./repository/repository.ts";
import { inferenceProtocolRoutes } from "./routes/inference-protocol.ts";
import { metricsRoutes } from "./routes/metrics.ts";
import { type MultiModelRepository, multiModelRoutes } from "./routes/multi-model.ts";
import { sagemakerRoutes } from "./routes/sagemaker.ts";
import { createMetrics } from "./telemetry/metrics.ts";
import { observeRequests } from "./telemetry/observe-requests.ts";
import type { Tracing } from "./telemetry/tracing.ts";

export interface AppDependencies {
  repository: Repository;
  /** Where SageMaker loads and unloads models by itself; undefined when it does not. */
  multiModel?: MultiModelRepository | undefined;
  log: Log;
  tracing: Tracing;
  /** Whether the process is about to end: it is no longer ready, but finishes what it accepted. */
  isStopping: () => boolean;
  /** What callers must bring as bearer token; undefined lets everyone in. */
  token?: string | undefined;
  /** What whoever loads and unloads models must bring in its place; undefined asks for no other. */
  adminToken?: string | undefined;
}

/** Whoever watches over the process need not know its token. */
const OPEN_PATHS = ["/ping", "/v2/health/live", "/v2/health/ready"];

export function createApp(dependencies: AppDependencies): Hono {
  const { repository, multiModel, log, tracing, isStopping, token, adminToken = token } = dependencies;
  const app = new Hono();
  const metrics = createMetrics(repository);

  app.use(observeRequests({ log, metrics, tracing }));
  app.use(async (c, next) => {
    await next();
    // A kept connection would bring more requests and keep the process from ending.
    if (isStopping()) c.header("Connection", "close");
  });
  app.use(authentication(token, adminToken));
  app.use(methodNotAllowed({ app, onMethodNotAllowed: (_, allowed) => wrongMethod(allowed) }));
  app.route("/", sagemakerRoutes(repository, isStopping));
  if (multiModel !== undefined) app.route("/", multiModelRoutes(multiModel));
  app.route("/", inferenceProtocolRoutes(repository, isStopping));
  app.route("/", metricsRoutes(metrics));
  app.notFound((c) => failureResponse(failure("not-found", `nothing is served at ${c.req.path}`)));
  app.onError((error, c) => {
    if (error instanceof HTTPException) return error.getResponse();
    // Reading the body of a request whose client left throws; that is nobody's fault.
    if (c.req.raw.signal.aborted) return failureResponse(failure("client-gone", "the client closed the connection"));
    log("error", "request-failed", { method: c.req.method, path: c.req.path, error: error.stack });
    return failureResponse(failure("internal", "internal error"));
  });
  return app;
}

function authentication(token: string | undefined, adminToken: string | undefined): MiddlewareHandler {
  const asCaller = bearer(token);
  const asAdministrator = bearer(adminToken);
  return (c, next) => {
    if (OPEN_PATHS.includes(c.req.path)) return next();
    return isAdministration(c) ? asAdministrator(c, next) : asCaller(c, next);
  };
}

/** What changes which models are served. */
function isAdministration({ req: { method, path } }: Context): boolean {
  if (path.startsWith("/v2/repository/models/")) return true;
  return method === "DELETE" ? path.startsWith("/models/") : method === "POST" && path === "/models";
}

function bearer(token: string | undefined): MiddlewareHandler {
  if (token === undefined) return (_, next) => next();
  const message = { error: "expected a bearer token" };
  return bearerAuth({
    token,
    noAuthenticationHeader: { message },
    invalidAuthenticationHeader: { message },
    invalidToken: { message },
  });
}

function wrongMethod(allowed: readonly string[]): Response {
  const allow = allowed.join(", ");
  return failureResponse(failure("method-not-allowed", `expected ${allow}`), { Allow: allow });
}
