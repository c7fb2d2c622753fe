// Scraped from a real server in front of real models.
import { Hono } from "hono";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createHttpServer } from "../../../cloud-backend/src/http-server.ts";
import type { Model } from "../../../cloud-backend/src/inference/model.ts";
import { startModel } from "../../../cloud-backend/src/inference/start-model.ts";
import { type Listener, listen } from "../../../cloud-backend/src/listener.ts";
import { metricsRoutes } from "../../../cloud-backend/src/routes/metrics.ts";
import { createMetrics, type Metrics } from "../../../cloud-backend/src/telemetry/metrics.ts";
import { type Exposition, parseExposition, sampleOf } from "../setup/exposition.ts";
import { perRowSettingGraph, SERVING } from "../setup/graphs.ts";
import { placeIn } from "../setup/place.ts";

const MODEL = { model: "per-row-setting", version: "1" };
const NEXT = { model: "per-row-setting", version: "2" };

let models: Model[];
let metrics: Metrics;
let listener: Listener;
beforeEach(async () => {
  models = [await startVersion("1")];
  metrics = createMetrics({ models: () => models });
  const app = new Hono().route("/", metricsRoutes(metrics));
  const listening = await listen(createHttpServer(app.fetch), 0, "127.0.0.1");
  if (!listening.ok) throw new Error(listening.error);
  listener = listening.value;
});
afterEach(async () => {
  await listener.close(0);
  await Promise.all(models.map((model) => model.stop()));
});

it("speaks Prometheus' text format, every metric with its type", async () => {
  const response = await fetch(`${listener.url}/metrics`);
  expect(response.status).toBe(200);
  expect(response.headers.get("Content-Type")).toBe("text/plain; version=0.0.4; charset=utf-8");
  const text = await response.text();
  const { types } = parseExposition(text);
  for (const name of types.keys()) expect(text).toMatch(new RegExp(`^# HELP ${name} \\S`, "m"));
});

describe("what a model did", () => {
  it("has Triton's names, types and labels, from zero on", async () => {
    const exposition = await scrape();
    const counters = [
      "nv_inference_request_success",
      "nv_inference_count",
      "nv_inference_exec_count",
      "nv_inference_request_duration_us",
      "nv_inference_queue_duration_us",
      "nv_inference_compute_input_duration_us",
      "nv_inference_compute_infer_duration_us",
      "nv_inference_compute_output_duration_us",
    ];
    for (const name of counters) {
      expect(exposition.types.get(name)).toBe("counter");
      expect(sampleOf(exposition, name, MODEL)).toBe(0);
    }
    expect(exposition.types.get("nv_inference_pending_request_count")).toBe("gauge");
    expect(sampleOf(exposition, "nv_inference_pending_request_count", MODEL)).toBe(0);
    expect(exposition.types.get("nv_inference_request_failure")).toBe("counter");
    for (const reason of ["REJECTED", "CANCELED", "BACKEND", "OTHER"]) {
      expect(sampleOf(exposition, "nv_inference_request_failure", { ...MODEL, reason })).toBe(0);
    }
  });

  it("is labelled with any name that a model may have", async () => {
    const name = 'a"b\\c\nd,e="f"}';
    models.push(await startVersion("1", name));
    const exposition = await scrape();
    expect(sampleOf(exposition, "nv_inference_count", { model: name, version: "1" })).toBe(0);
    expect(sampleOf(exposition, "spillway_batch_size_bucket", { model: name, le: "+Inf" })).toBe(0);
  });

  it("counts requests, rows and runs, each for itself", async () => {
    // The first finds the thread idle, the other two wait for it together.
    await Promise.all([infer(1), infer(2), infer(3)]);
    const exposition = await scrape();
    expect(sampleOf(exposition, "nv_inference_request_success", MODEL)).toBe(3);
    expect(sampleOf(exposition, "nv_inference_count", MODEL)).toBe(6);
    expect(sampleOf(exposition, "nv_inference_exec_count", MODEL)).toBe(2);
    expect(sampleOf(exposition, "nv_inference_compute_infer_duration_us", MODEL)).toBeGreaterThan(0);
    const { success } = models[0].statistics;
    const total = sampleOf(exposition, "nv_inference_request_duration_us", MODEL);
    expect(total).toBe(Math.floor(success.ns / 1000));
  });

  it("counts failures by Triton's reasons", async () => {
    await infer(1, { setting: 99 });
    await infer(1, { setting: "none" });
    await infer(1, { isGone: true });
    const exposition = await scrape();
    const failures = (reason: string) => sampleOf(exposition, "nv_inference_request_failure", { ...MODEL, reason });
    expect(["REJECTED", "CANCELED", "BACKEND", "OTHER"].map(failures)).toEqual([0, 1, 1, 1]);
    expect(sampleOf(exposition, "nv_inference_request_success", MODEL)).toBe(0);
  });

  it("tells the sizes of batches as a histogram", async () => {
    await infer(1);
    await Promise.all([infer(1), infer(2), infer(3)]);
    const exposition = await scrape();
    expect(exposition.types.get("spillway_batch_size")).toBe("histogram");
    const buckets = exposition.samples.filter(({ name }) => name === "spillway_batch_size_bucket");
    expect(buckets.map(({ labels, value }) => [labels.le, value])).toEqual([
      ...[
        ["1", 2],
        ["2", 2],
        ["4", 2],
      ],
      ...["8", "16", "32", "64", "128", "256", "+Inf"].map((le) => [le, 3]),
    ]);
    expect(sampleOf(exposition, "spillway_batch_size_sum", MODEL)).toBe(1 + 1 + 5);
    expect(sampleOf(exposition, "spillway_batch_size_count", MODEL)).toBe(3);
  });

  it("tells how many are in, and on what they run", async () => {
    const tickets = [1, 2].map(() => placeIn(models[0]));
    const exposition = await scrape();
    expect(sampleOf(exposition, "spillway_accepted_requests", MODEL)).toBe(2);
    expect(sampleOf(exposition, "nv_inference_pending_request_count", MODEL)).toBe(0);
    expect(sampleOf(exposition, "spillway_model_info", { ...MODEL, provider: "cpu" })).toBe(1);
    for (const ticket of tickets) ticket.leave();
    expect(sampleOf(await scrape(), "spillway_accepted_requests", MODEL)).toBe(0);
  });

  it("never goes down while its version is loaded, and goes with it", async () => {
    const readings: number[][] = [];
    for (let turn = 0; turn < 5; turn++) {
      await Promise.all([infer(1), infer(2)]);
      const { types, samples } = await scrape();
      const counters = samples.filter(({ name }) => name.startsWith("nv_") && types.get(name) === "counter");
      readings.push(counters.map(({ value }) => value));
    }
    for (const [turn, reading] of readings.slice(1).entries()) {
      for (const [index, value] of reading.entries()) expect(value).toBeGreaterThanOrEqual(readings[turn][index]);
    }

    models.push(await startVersion("2"));
    const both = await scrape();
    expect(sampleOf(both, "nv_inference_request_success", MODEL)).toBe(10);
    expect(sampleOf(both, "nv_inference_request_success", NEXT)).toBe(0);

    await models.shift()?.stop();
    const { samples } = await scrape();
    expect(samples.filter(({ labels }) => labels.version === "1")).toEqual([]);
    expect(samples.some(({ labels }) => labels.version === "2")).toBe(true);
  });
});

it("has a histogram of requests by route and status", async () => {
  metrics.requestAnswered("/v2/models/:model/infer", 200, 3);
  metrics.requestAnswered("/v2/models/:model/infer", 200, 80);
  metrics.requestAnswered("/v2/models/:model/infer", 503, 0.2);
  const exposition = await scrape();
  const answered = { route: "/v2/models/:model/infer", status: "200" };
  const name = "spillway_http_request_duration_seconds";
  expect(exposition.types.get(name)).toBe("histogram");
  expect(sampleOf(exposition, `${name}_count`, answered)).toBe(2);
  expect(sampleOf(exposition, `${name}_sum`, answered)).toBeCloseTo(0.083);
  expect(sampleOf(exposition, `${name}_bucket`, { ...answered, le: "0.005" })).toBe(1);
  expect(sampleOf(exposition, `${name}_bucket`, { ...answered, le: "0.1" })).toBe(2);
  expect(sampleOf(exposition, `${name}_count`, { ...answered, status: "503" })).toBe(1);
});

it("has the process and its event loop", async () => {
  const exposition = await scrape();
  expect(sampleOf(exposition, "process_resident_memory_bytes")).toBeGreaterThan(1e6);
  expect(sampleOf(exposition, "nodejs_eventloop_lag_p99_seconds")).toBeGreaterThanOrEqual(0);
});

it("is each app's own", async () => {
  const other = createMetrics({ models: () => [] });
  other.requestAnswered("/ping", 200, 1);
  expect(await other.text()).toContain('route="/ping"');
  expect(await metrics.text()).not.toContain('route="/ping"');
  expect(await other.text()).not.toContain("per-row-setting");
});

async function startVersion(version: string, name = MODEL.model): Promise<Model> {
  const started = await startModel({ ...(await perRowSettingGraph()), name, version }, SERVING);
  if (!started.ok) throw new Error(started.error);
  return started.value;
}

interface Request {
  setting?: number | string;
  /** Whether its client has left before it is run. */
  isGone?: boolean;
}

/** A request of so many rows; one whose setting is no number brings none, which the model refuses. */
async function infer(rows: number, { setting = 0, isGone = false }: Request = {}): Promise<void> {
  const codes = { name: "codes", datatype: "UINT8" as const, shape: [rows, 4], bytes: new Uint8Array(rows * 4) };
  const values = new BigInt64Array(rows).fill(BigInt(Number(setting) || 0));
  const bytes = new Uint8Array(values.buffer);
  const settings = { name: "setting", datatype: "INT64" as const, shape: [rows], bytes };
  const inputs = typeof setting === "number" ? [codes, settings] : [codes];
  const client = isGone ? AbortSignal.abort() : new AbortController().signal;
  await models[0].infer({ inputs }, { client, timeoutMs: null });
}

async function scrape(): Promise<Exposition> {
  const response = await fetch(`${listener.url}/metrics`);
  return parseExposition(await response.text());
}
