// Spans for OpenTelemetry: one for the request, below it one for waiting and one for the run of its
// batch. All durations are known once the request is answered, so that is when its spans are made; no
// request waits for the collector, and one that cannot be reached only costs the spans.
import { setTimeout as delay } from "node:timers/promises";
import { type Attributes, ROOT_CONTEXT, SpanKind, SpanStatusCode, TraceFlags, trace } from "@opentelemetry/api";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { defaultResource, resourceFromAttributes } from "@opentelemetry/resources";
import { BatchSpanProcessor, RandomIdGenerator, type SpanExporter, TracerProvider } from "@opentelemetry/sdk-trace";
import packageJson from "../../package.json" with { type: "json" };
import { MAX_LOGGED_TEXT_LENGTH } from "../limits.ts";
import type { Log } from "../log.ts";
import type { AnsweredRequest } from "./observe-requests.ts";
import type { RequestRecord } from "./request-record.ts";
import type { Tracing, TracingOptions } from "./tracing.ts";

export function startOtlpTracing({ endpoint, serviceName }: TracingOptions, log: Log): Tracing {
  const exporter = withComplaints(new OTLPTraceExporter({ url: endpoint }), log);
  const random = new RandomIdGenerator();
  // A trace that begins here has the id that the caller was told.
  let newTraceId = "";
  const provider = new TracerProvider({
    resource: defaultResource().merge(
      resourceFromAttributes({ "service.name": serviceName, "service.version": packageJson.version }),
    ),
    idGenerator: { generateTraceId: () => newTraceId, generateSpanId: () => random.generateSpanId() },
    spanLimits: { attributeValueLengthLimit: MAX_LOGGED_TEXT_LENGTH },
    spanProcessors: [new BatchSpanProcessor({ exporter })],
  });
  const tracer = provider.getTracer("spillway", packageJson.version);

  function requestAnswered(request: AnsweredRequest): void {
    newTraceId = request.traceId;
    const { method, route, status, startedAt, ms } = request;
    const options = { kind: SpanKind.SERVER, startTime: startedAt, attributes: attributesOf(request) };
    const server = tracer.startSpan(`${method} ${route}`, options, callerContext(request));
    const context = trace.setSpan(ROOT_CONTEXT, server);
    for (const { name, startMs, endMs, attributes } of inferenceSteps(request)) {
      const startTime = startedAt + startMs - request.startMs;
      tracer.startSpan(name, { startTime, attributes }, context).end(startedAt + endMs - request.startMs);
    }
    if (status >= 500) server.setStatus({ code: SpanStatusCode.ERROR });
    server.end(startedAt + ms);
  }

  async function stop(limitMs: number): Promise<void> {
    const timer = new AbortController();
    const limit = delay(limitMs, undefined, { signal: timer.signal }).catch(() => undefined);
    await Promise.race([provider.shutdown().catch(() => undefined), limit]);
    timer.abort();
  }

  return { requestAnswered, stop };
}

function callerContext({ caller }: RequestRecord) {
  if (caller === null) return ROOT_CONTEXT;
  const { traceId, spanId, isSampled } = caller;
  const traceFlags = isSampled ? TraceFlags.SAMPLED : TraceFlags.NONE;
  return trace.setSpanContext(ROOT_CONTEXT, { traceId, spanId, traceFlags, isRemote: true });
}

/** OpenTelemetry's names where it has one. */
function attributesOf({ method, path, route, status, model, messageId }: AnsweredRequest): Attributes {
  return {
    "http.request.method": method,
    "http.route": route,
    "http.response.status_code": status,
    "url.path": path,
    ...(model === null ? {} : { "spillway.model.name": model.name, "spillway.model.version": model.version }),
    ...(messageId === null ? {} : { "spillway.message.id": messageId }),
  };
}

/** What happened between the request and its answer, on the clock of its start. */
function inferenceSteps({ inference }: RequestRecord) {
  if (inference === null) return [];
  const { endMs, queueMs, inputMs, inferMs, outputMs, batchRows } = inference;
  const startMs = endMs - inputMs - inferMs - outputMs;
  const attributes = { "spillway.batch.size": batchRows };
  return [
    { name: "queue", startMs: startMs - queueMs, endMs: startMs, attributes },
    { name: "inference", startMs, endMs, attributes },
  ];
}

/** The SDK drops what it cannot send without a word. One line says so, and one that it works again. */
function withComplaints(exporter: SpanExporter, log: Log): SpanExporter {
  let isFailing = false;
  return {
    export(spans, onResult) {
      exporter.export(spans, (result) => {
        const hasFailed = result.error !== undefined;
        if (hasFailed && !isFailing) log("warn", "traces-not-sent", { error: result.error?.message });
        if (!hasFailed && isFailing) log("info", "traces-sent-again");
        isFailing = hasFailed;
        onResult(result);
      });
    },
    forceFlush: async () => exporter.forceFlush?.(),
    shutdown: () => exporter.shutdown(),
  };
}
