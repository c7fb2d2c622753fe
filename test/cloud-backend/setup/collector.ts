// Plays the OpenTelemetry collector: a real HTTP server that reads OTLP in JSON.
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

export interface CollectedSpan {
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  name: string;
  kind: number;
  startMs: number;
  endMs: number;
  /** 2 for an error. */
  status: number;
  attributes: Record<string, unknown>;
  service: Record<string, unknown>;
}

export interface Collector {
  url: string;
  spans: CollectedSpan[];
  /** Path of each request. */
  paths: string[];
  /** What it answers; null never answers. */
  status: number | null;
  close(): Promise<void>;
}

export async function startCollector(): Promise<Collector> {
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = await request.toArray();
    collector.paths.push(String(request.url));
    if (collector.status === null) return;
    if (collector.status === 200) collector.spans.push(...spansOf(JSON.parse(Buffer.concat(chunks).toString("utf8"))));
    response.writeHead(collector.status, { "Content-Type": "application/json" }).end("{}");
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const collector: Collector = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spans: [],
    paths: [],
    status: 200,
    async close() {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
  return collector;
}

interface Attribute {
  key: string;
  value: Record<string, unknown>;
}
interface WireSpan extends Pick<CollectedSpan, "traceId" | "spanId" | "parentSpanId" | "name" | "kind"> {
  startTimeUnixNano: string;
  endTimeUnixNano: string;
  status: { code: number };
  attributes: Attribute[];
}
interface WireTraces {
  resourceSpans: { resource: { attributes: Attribute[] }; scopeSpans: { spans: WireSpan[] }[] }[];
}

function spansOf({ resourceSpans }: WireTraces): CollectedSpan[] {
  return resourceSpans.flatMap(({ resource, scopeSpans }) =>
    scopeSpans.flatMap(({ spans }) =>
      spans.map(({ startTimeUnixNano, endTimeUnixNano, status, attributes, ...span }) => ({
        ...span,
        startMs: Number(BigInt(startTimeUnixNano)) / 1e6,
        endMs: Number(BigInt(endTimeUnixNano)) / 1e6,
        status: status.code,
        attributes: valuesOf(attributes),
        service: valuesOf(resource.attributes),
      })),
    ),
  );
}

function valuesOf(attributes: Attribute[]): Record<string, unknown> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]));
}
