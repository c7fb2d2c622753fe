// Watches over every request: gives it an id, and tells log, metrics and traces how it was answered.
import type { Context, MiddlewareHandler } from "hono";
import { routePath } from "hono/route";
import { failureMessage } from "../errors.ts";
import { MAX_LOGGED_TEXT_LENGTH } from "../limits.ts";
import type { Log } from "../log.ts";
import type { Metrics } from "./metrics.ts";
import { openRecord, type RequestRecord } from "./request-record.ts";
import type { Tracing } from "./tracing.ts";

export interface RequestObservers {
  log: Log;
  metrics: Metrics;
  tracing: Tracing;
}

export interface AnsweredRequest extends RequestRecord {
  method: string;
  path: string;
  /** The pattern that matched; "none" when nothing is served there. */
  route: string;
  status: number;
  /** What a failed request was told. */
  error: string | undefined;
  ms: number;
}

/** Asked every few seconds, for as long as the process lives: no news. */
const PROBES = ["/ping", "/v2/health/live", "/v2/health/ready", "/metrics"];

/** Comes before all other middleware, so that their refusals are seen too. */
export function observeRequests({ log, metrics, tracing }: RequestObservers): MiddlewareHandler {
  return async (c, next) => {
    const record = openRecord(c);
    await next();
    // Not by `c.header`, which would make a stream of the body.
    c.res.headers.set("X-Request-Id", record.traceId);
    const request = answeredRequest(c, record);
    metrics.requestAnswered(request.route, request.status, request.ms);
    tracing.requestAnswered(request);
    log(PROBES.includes(request.route) ? "debug" : "info", "request", logFields(request));
  };
}

function answeredRequest(c: Context, record: RequestRecord): AnsweredRequest {
  const { method, path } = c.req;
  // Middleware alone is registered for any path.
  const pattern = routePath(c, -1);
  const route = pattern === "/*" ? "none" : pattern;
  const { status } = c.res;
  return {
    ...record,
    method,
    path,
    route,
    status,
    error: failureMessage(c.res),
    ms: performance.now() - record.startMs,
  };
}

function logFields({ method, path, status, error, ms, model, messageId, inference, traceId }: AnsweredRequest) {
  return {
    method,
    path: path.slice(0, MAX_LOGGED_TEXT_LENGTH),
    status,
    ...(error === undefined ? {} : { error: error.slice(0, MAX_LOGGED_TEXT_LENGTH) }),
    ms: rounded(ms),
    ...(model === null ? {} : { model: model.name, version: model.version }),
    ...(inference === null ? {} : { queueMs: rounded(inference.queueMs), batchRows: inference.batchRows }),
    ...(messageId === null ? {} : { messageId: messageId.slice(0, MAX_LOGGED_TEXT_LENGTH) }),
    traceId,
  };
}

function rounded(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}
