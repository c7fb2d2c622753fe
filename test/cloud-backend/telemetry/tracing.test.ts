// Spans as a collector gets them from the real app.
import { spawnSync } from "node:child_process";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createApp } from "../../../cloud-backend/src/app.ts";
import { createHttpServer } from "../../../cloud-backend/src/http-server.ts";
import type { Model } from "../../../cloud-backend/src/inference/model.ts";
import { startModel } from "../../../cloud-backend/src/inference/start-model.ts";
import { MAX_LOGGED_TEXT_LENGTH } from "../../../cloud-backend/src/limits.ts";
import { type Listener, listen } from "../../../cloud-backend/src/listener.ts";
import { startTracing, type Tracing } from "../../../cloud-backend/src/telemetry/tracing.ts";
import { type CollectedSpan, type Collector, startCollector } from "../setup/collector.ts";
import { fixedRepository } from "../setup/fixed-repository.ts";
import { perRowSettingGraph, SERVING } from "../setup/graphs.ts";
import { post } from "../setup/messages.ts";

const TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT_ID = "00f067aa0ba902b7";
/** Enough for whatever answers. */
const LIMIT_MS = 10_000;
/** OpenTelemetry's numbers. */
const INTERNAL = 1;
const SERVER = 2;
const ERROR = 2;

let collector: Collector;
let tracing: Tracing;
let log: { level: string; event: string }[];
let model: Model;
let listener: Listener;
beforeEach(async () => {
  collector = await startCollector();
  log = [];
  await serve(`${collector.url}/v1/traces`);
});
afterEach(async () => {
  await listener.close(0);
  await model.stop();
  await collector.close();
});

async function serve(endpoint: string): Promise<void> {
  tracing = await startTracing({ endpoint, serviceName: "gpu" }, (level, event) => log.push({ level, event }));
  const started = await startModel(await perRowSettingGraph(), SERVING);
  if (!started.ok) throw new Error(started.error);
  model = started.value;
  const repository = fixedRepository([model]);
  const app = createApp({ repository, log: () => undefined, tracing, isStopping: () => false });
  const listening = await listen(createHttpServer(app.fetch), 0, "127.0.0.1");
  if (!listening.ok) throw new Error(listening.error);
  listener = listening.value;
}

describe("a request", () => {
  it("is a span below its caller's, with one for waiting and one for its run below", async () => {
    const before = Date.now();
    await ask(2, { traceparent: `00-${TRACE_ID}-${PARENT_ID}-01` }, { id: "message-1" });
    await tracing.stop(LIMIT_MS);
    expect(collector.paths).toEqual(["/v1/traces"]);
    const [server, queue, inference] = ["POST /v2/models/", "queue", "inference"].map(spanNamed);
    expect(server).toMatchObject({
      traceId: TRACE_ID,
      parentSpanId: PARENT_ID,
      kind: SERVER,
      status: 0,
      attributes: {
        "http.request.method": "POST",
        "http.response.status_code": 200,
        "url.path": "/v2/models/per-row-setting/infer",
        "spillway.model.name": "per-row-setting",
        "spillway.model.version": "1",
        "spillway.message.id": "message-1",
      },
    });
    expect(server.name).toBe(`POST ${server.attributes["http.route"]}`);
    expect(server.service).toMatchObject({ "service.name": "gpu", "service.version": expect.any(String) });
    for (const step of [queue, inference]) {
      expect(step).toMatchObject({ traceId: TRACE_ID, parentSpanId: server.spanId, kind: INTERNAL });
      expect(step.attributes).toEqual({ "spillway.batch.size": 2 });
    }
    // Rounding to nanoseconds aside, they follow each other within the request.
    const times = [
      before,
      server.startMs,
      queue.startMs,
      queue.endMs,
      inference.startMs,
      inference.endMs,
      server.endMs,
    ];
    for (const [index, time] of times.slice(1).entries()) expect(time).toBeGreaterThanOrEqual(times[index] - 0.01);
    expect(inference.startMs).toBeCloseTo(queue.endMs, 2);
    expect(server.endMs).toBeLessThanOrEqual(Date.now() + 1);
  });

  it("begins a trace of its own without a caller, under the id that it is told", async () => {
    const ids = [await ask(1), await ask(1)].map((response) => response.headers.get("X-Request-Id"));
    await tracing.stop(LIMIT_MS);
    const servers = collector.spans.filter(({ kind }) => kind === SERVER);
    expect(servers.map(({ traceId }) => traceId)).toEqual(ids);
    for (const { parentSpanId, traceId, spanId } of servers) {
      expect(parentSpanId ?? "").toBe("");
      const children = collector.spans.filter((span) => span.parentSpanId === spanId);
      expect(children.map((child) => [child.name, child.traceId])).toEqual([
        ["queue", traceId],
        ["inference", traceId],
      ]);
    }
  });

  it("is not told of when its caller does not record it", async () => {
    await ask(1, { traceparent: `00-${TRACE_ID}-${PARENT_ID}-00` });
    await tracing.stop(LIMIT_MS);
    expect(collector.spans).toEqual([]);
  });

  it("tells of the batch that it travelled in", async () => {
    await Promise.all([ask(1), ask(2), ask(3)]);
    await tracing.stop(LIMIT_MS);
    const sizes = collector.spans.flatMap(({ name, attributes }) =>
      name === "inference" ? [Number(attributes["spillway.batch.size"])] : [],
    );
    const { batches } = model.statistics;
    expect(sizes.length).toBe(3);
    for (const size of sizes) expect([...batches.keys()]).toContain(size);
  });

  it("that was refused has no steps, one that failed here is an error", async () => {
    expect((await ask(1, {}, { inputs: [] })).status).toBe(400);
    // A setting that the graph does not have.
    const setting = { name: "setting", datatype: "INT64", shape: [1], data: [99] };
    const codes = { name: "codes", datatype: "UINT8", shape: [1, 4], data: [1, 2, 3, 4] };
    expect((await ask(1, {}, { inputs: [codes, setting] })).status).toBe(500);
    await tracing.stop(LIMIT_MS);
    expect(collector.spans.map(({ kind, status }) => [kind, status])).toEqual([
      [SERVER, 0],
      [SERVER, ERROR],
    ]);
  });

  it("has attributes of bounded length", async () => {
    await ask(1, {}, { id: "i".repeat(MAX_LOGGED_TEXT_LENGTH + 1) });
    await tracing.stop(LIMIT_MS);
    expect(spanNamed("POST").attributes["spillway.message.id"]).toHaveLength(MAX_LOGGED_TEXT_LENGTH);
  });
});

describe("a collector", () => {
  it("that is not there disturbs nobody", async () => {
    await collector.close();
    for (let request = 0; request < 3; request++) expect((await ask(1)).status).toBe(200);
    const started = performance.now();
    await tracing.stop(50);
    expect(performance.now() - started).toBeLessThan(LIMIT_MS);
    expect((await ask(1)).status).toBe(200);
    collector = await startCollector();
  });

  it("that refuses is complained of once, and praised when it works again", async () => {
    // A full batch is sent at once; a request is three spans.
    const sendBatch = async () => {
      for (let request = 0; request < 175; request++) await ask(1);
    };
    collector.status = 400;
    await sendBatch();
    await sendBatch();
    await expect.poll(() => collector.paths).toHaveLength(2);
    expect(log).toEqual([{ level: "warn", event: "traces-not-sent" }]);
    collector.status = 200;
    await sendBatch();
    await expect.poll(() => log).toHaveLength(2);
    expect(log[1]).toEqual({ level: "info", event: "traces-sent-again" });
    await tracing.stop(LIMIT_MS);
    expect(collector.spans.length).toBeGreaterThanOrEqual(512);
  });

  it("that never answers keeps the end waiting for no longer than it may", async () => {
    collector.status = null;
    await ask(1);
    const started = performance.now();
    await tracing.stop(100);
    const ms = performance.now() - started;
    expect(ms).toBeGreaterThanOrEqual(99);
    expect(ms).toBeLessThan(LIMIT_MS);
    expect(collector.paths).toEqual(["/v1/traces"]);
  });
});

describe("OpenTelemetry's SDK", () => {
  const modules = new URL("../../../cloud-backend/src", import.meta.url).href;
  /** Starts tracing in a process of its own. @returns the packages of the SDK that were loaded for it */
  function loadedBy(options: string): string[] {
    const code = `
      import { registerHooks } from "node:module";
      const loaded = new Set();
      registerHooks({ load(url, context, next) { loaded.add(url); return next(url, context); } });
      await import("${modules}/serve.ts");
      const { startTracing } = await import("${modules}/telemetry/tracing.ts");
      await startTracing(${options}, () => {});
      const packages = [...loaded].flatMap((url) => /@opentelemetry\\/(sdk-trace|resources|exporter[\\w-]*)/.exec(url)?.[1] ?? []);
      console.log(JSON.stringify([...new Set(packages)].sort()));
      process.exit(0);
    `;
    const child = spawnSync(process.execPath, ["--input-type=module", "-e", code], { encoding: "utf8" });
    return JSON.parse(child.stdout);
  }

  it("is not loaded without a collector", () => {
    expect(loadedBy("null")).toEqual([]);
  });

  it("is loaded with one", () => {
    const packages = loadedBy('{ endpoint: "http://127.0.0.1:9/v1/traces", serviceName: "gpu" }');
    expect(packages).toEqual(["exporter-trace-otlp-http", "resources", "sdk-trace"]);
  });
});

function spanNamed(start: string): CollectedSpan {
  const [span, ...others] = collector.spans.filter(({ name }) => name.startsWith(start));
  if (span === undefined || others.length > 0) throw new Error(`expected one span ${start}, got ${others.length + 1}`);
  return span;
}

function ask(rows: number, headers: Record<string, string> = {}, change: object = {}): Promise<Response> {
  const codes = { name: "codes", datatype: "UINT8", shape: [rows, 4], data: Array(rows * 4).fill(1) };
  const setting = { name: "setting", datatype: "INT64", shape: [rows], data: Array(rows).fill(0) };
  const message = { inputs: [codes, setting], ...change };
  return post(`${listener.url}/v2/models/per-row-setting/infer`, JSON.stringify(message), headers);
}
