// Traces, if configured: without a collector, nothing of OpenTelemetry's SDK is even loaded.
import type { Log } from "../log.ts";
import type { AnsweredRequest } from "./observe-requests.ts";

export interface TracingOptions {
  /** URL to which traces are posted, as OTLP in JSON. */
  endpoint: string;
  serviceName: string;
}

export interface Tracing {
  requestAnswered(request: AnsweredRequest): void;
  /** Sends what has not been sent yet, for at most `limitMs`. */
  stop(limitMs: number): Promise<void>;
}

export async function startTracing(options: TracingOptions | null, log: Log): Promise<Tracing> {
  if (options === null) return { requestAnswered: () => undefined, stop: async () => undefined };
  const { startOtlpTracing } = await import("./otlp-tracing.ts");
  return startOtlpTracing(options, log);
}
