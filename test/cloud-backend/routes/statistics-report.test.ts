// Triton's statistics extension: what is counted when, in which words.
import { afterEach, beforeEach, expect, it } from "vitest";
import { Gate } from "../setup/gate.ts";
import { perRowSettingGraph } from "../setup/graphs.ts";
import { post } from "../setup/messages.ts";
import { type RunningApp, startApp } from "../setup/running-app.ts";

const NEVER = { count: 0, ns: 0 };
const FRESH = {
  last_inference: 0,
  inference_count: 0,
  execution_count: 0,
  inference_stats: {
    success: NEVER,
    fail: NEVER,
    queue: NEVER,
    compute_input: NEVER,
    compute_infer: NEVER,
    compute_output: NEVER,
    cache_hit: NEVER,
    cache_miss: NEVER,
  },
  response_stats: {},
  batch_stats: [],
  memory_usage: [],
};

let app: RunningApp;
let gate: Gate;
beforeEach(async () => {
  gate = new Gate();
  gate.open();
  const graph = { ...(await perRowSettingGraph()), name: "rows" };
  const graphs = [graph, { ...graph, version: "2" }, { ...graph, name: "other" }];
  app = await startApp({ graphs, spawn: gate.spawn });
});
afterEach(async () => {
  gate.open();
  await app.close();
});

it("of all models, of all versions of one, or of one version", async () => {
  const rows1 = { name: "rows", version: "1", ...FRESH };
  const rows2 = { name: "rows", version: "2", ...FRESH };
  const other = { name: "other", version: "1", ...FRESH };
  expect(await stats("/v2/models/stats")).toEqual([rows1, rows2, other]);
  expect(await stats("/v2/models/rows/stats")).toEqual([rows1, rows2]);
  expect(await stats("/v2/models/rows/versions/1/stats")).toEqual([rows1]);
  expect(await stats("/v2/models/other/stats")).toEqual([other]);
});

it("counts requests, rows and runs, and how long each part took", async () => {
  const startMs = Date.now();
  for (const rows of [2, 1, 2]) expect((await infer(rows)).status).toBe(200);
  const [report] = await stats("/v2/models/rows/versions/2/stats");
  expect(report).toMatchObject({ inference_count: 5, execution_count: 3 });
  expect(report.last_inference).toBeGreaterThanOrEqual(startMs);
  expect(report.last_inference).toBeLessThanOrEqual(Date.now());
  const { success, fail, queue, compute_input, compute_infer, compute_output } = report.inference_stats;
  for (const duration of [success, queue, compute_input, compute_infer, compute_output]) expect(duration.count).toBe(3);
  expect(fail).toEqual(NEVER);
  const parts = [queue, compute_input, compute_infer, compute_output].reduce((sum, { ns }) => sum + ns, 0);
  expect(success.ns).toBeGreaterThan(0);
  expect(parts).toBeLessThanOrEqual(success.ns);
  expect(Number.isInteger(success.ns)).toBe(true);
  expect(report.batch_stats.map(({ batch_size, compute_infer: { count } }) => [batch_size, count])).toEqual([
    [1, 1],
    [2, 2],
  ]);
  // The other version has done nothing.
  expect(await stats("/v2/models/rows/versions/1/stats")).toMatchObject([{ inference_count: 0 }]);
});

it("tells batches by their rows: two requests that run together are one run of three", async () => {
  gate.shut();
  const first = infer(1);
  await gate.waitForJobs(1);
  const together = [infer(1), infer(2)];
  const [, { admission }] = app.repository.versions("rows");
  await expect.poll(() => admission.requests).toBe(3);
  gate.open();
  for (const response of await Promise.all([first, ...together])) expect(response.status).toBe(200);
  const [report] = await stats("/v2/models/rows/versions/2/stats");
  expect(report).toMatchObject({ inference_count: 4, execution_count: 2 });
  expect(report.batch_stats.map(({ batch_size }) => batch_size)).toEqual([1, 3]);
});

it("counts what failed", async () => {
  expect(
    (await post(`${app.url}/v2/models/rows/infer`, '{"inputs":[{"name":"x","shape":[0],"datatype":"FP32","data":[]}]}'))
      .status,
  ).toBe(400);
  const [report] = await stats("/v2/models/rows/versions/2/stats");
  expect(report.inference_stats.fail.count).toBe(1);
  expect(report).toMatchObject({ inference_count: 0, inference_stats: { success: NEVER } });
});

interface Duration {
  count: number;
  ns: number;
}

interface Report {
  last_inference: number;
  inference_stats: Record<
    "success" | "fail" | "queue" | "compute_input" | "compute_infer" | "compute_output",
    Duration
  >;
  batch_stats: { batch_size: number; compute_infer: Duration }[];
}

async function stats(path: string): Promise<Report[]> {
  const response = await fetch(app.url + path);
  expect(response.status).toBe(200);
  const body = (await response.json()) as { model_stats: Report[] };
  expect(Object.keys(body)).toEqual(["model_stats"]);
  return body.model_stats;
}

function infer(rows: number): Promise<Response> {
  const inputs = [
    { name: "codes", shape: [rows, 4], datatype: "UINT8", data: Array(rows * 4).fill(1) },
    { name: "setting", shape: [rows], datatype: "INT64", data: Array(rows).fill(0) },
  ];
  return post(`${app.url}/v2/models/rows/infer`, JSON.stringify({ inputs }));
}
