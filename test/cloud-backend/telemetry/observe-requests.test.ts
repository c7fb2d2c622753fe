// What is told of requests to the real app: by their log line, their metrics, and the id they get back.
import { connect } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createApp } from "../../../cloud-backend/src/app.ts";
import { createHttpServer } from "../../../cloud-backend/src/http-server.ts";
import type { Model } from "../../../cloud-backend/src/inference/model.ts";
import { startModel } from "../../../cloud-backend/src/inference/start-model.ts";
import { MAX_LOGGED_TEXT_LENGTH } from "../../../cloud-backend/src/limits.ts";
import { type Listener, listen } from "../../../cloud-backend/src/listener.ts";
import type { AnsweredRequest } from "../../../cloud-backend/src/telemetry/observe-requests.ts";
import { parseExposition, sampleOf } from "../setup/exposition.ts";
import { fixedRepository } from "../setup/fixed-repository.ts";
import { perRowSettingGraph, SERVING } from "../setup/graphs.ts";
import { post } from "../setup/messages.ts";
import { placeIn } from "../setup/place.ts";

const TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736";
const TRACEPARENT = `00-${TRACE_ID}-00f067aa0ba902b7-01`;
const OTHER = "00-11111111111111111111111111111111-2222222222222222-01";
const ATTRIBUTES = "X-Amzn-SageMaker-Custom-Attributes";
const INFER = "/v2/models/per-row-setting/infer";

let log: { level: string; event: string; fields: Record<string, unknown> }[];
let answered: AnsweredRequest[];
let model: Model;
let listener: Listener;
beforeEach(async () => {
  log = [];
  answered = [];
  const started = await startModel(await perRowSettingGraph(), {
    ...SERVING,
    admission: { maxRequests: 1, maxBytes: 2 ** 28 },
  });
  if (!started.ok) throw new Error(started.error);
  model = started.value;
  const app = createApp({
    repository: fixedRepository([model]),
    log: (level, event, fields = {}) => log.push({ level, event, fields }),
    tracing: { requestAnswered: (request) => answered.push(request), stop: async () => undefined },
    isStopping: () => false,
    token: "secret",
  });
  const listening = await listen(createHttpServer(app.fetch), 0, "127.0.0.1");
  if (!listening.ok) throw new Error(listening.error);
  listener = listening.value;
});
afterEach(async () => {
  await listener.close(0);
  await model.stop();
});

describe("the request's id", () => {
  it.each([
    ["the caller's trace", { traceparent: TRACEPARENT }],
    ["the one in SageMaker's custom attributes", { [ATTRIBUTES]: `model=x;traceparent=${TRACEPARENT}` }],
    ["the header's, when both are there", { traceparent: TRACEPARENT, [ATTRIBUTES]: `traceparent=${OTHER}` }],
    [
      "the attributes', when the header is none",
      { traceparent: "garbage", [ATTRIBUTES]: `traceparent=${TRACEPARENT}` },
    ],
  ])("is that of %s", async (_, headers) => {
    const response = await ask(headers);
    expect(response.headers.get("X-Request-Id")).toBe(TRACE_ID);
    expect(answered[0]).toMatchObject({ traceId: TRACE_ID, caller: { spanId: "00f067aa0ba902b7", isSampled: true } });
  });

  it.each([
    ["without a trace", {}],
    ["with one that is not valid", { traceparent: TRACEPARENT.toUpperCase() }],
    ["with attributes that are somebody else's", { [ATTRIBUTES]: "customer-17" }],
  ])("is new %s", async (_, headers) => {
    const ids = [await ask(headers), await ask(headers)].map((response) => response.headers.get("X-Request-Id"));
    for (const id of ids) expect(id).toMatch(/^[0-9a-f]{32}$/);
    expect(ids[0]).not.toBe(ids[1]);
    expect(answered[0].caller).toBeNull();
  });

  it("is on every answer", async () => {
    for (const [path, status] of [
      ["/ping", 200],
      ["/nowhere", 404],
      ["/invocations", 405],
    ] as const) {
      const response = await fetch(listener.url + path, { headers: { traceparent: TRACEPARENT, ...AUTHORISED } });
      expect([response.status, response.headers.get("X-Request-Id")]).toEqual([status, TRACE_ID]);
    }
    const refused = await fetch(`${listener.url}/v2`, { headers: { traceparent: TRACEPARENT } });
    expect([refused.status, refused.headers.get("X-Request-Id")]).toEqual([401, TRACE_ID]);
  });
});

describe("the log line", () => {
  it("tells what was asked, how it went and how long it took", async () => {
    const response = await ask({ traceparent: TRACEPARENT }, { id: "message-1" });
    expect(response.status).toBe(200);
    // The body goes out as it is, not as a stream.
    expect(response.headers.get("Content-Length")).toMatch(/^\d+$/);
    expect(log).toEqual([
      {
        level: "info",
        event: "request",
        fields: {
          method: "POST",
          path: INFER,
          status: 200,
          ms: expect.any(Number),
          model: "per-row-setting",
          version: "1",
          queueMs: expect.any(Number),
          batchRows: 2,
          messageId: "message-1",
          traceId: TRACE_ID,
        },
      },
    ]);
    const { ms, queueMs } = log[0].fields;
    expect(Number(queueMs)).toBeGreaterThanOrEqual(0);
    expect(Number(ms)).toBeGreaterThan(Number(queueMs));
  });

  it("leaves out what there is not", async () => {
    await ask({}, { inputs: [] });
    expect(log[0].fields).toMatchObject({ status: 400, model: "per-row-setting" });
    await fetch(`${listener.url}/nowhere`, { headers: AUTHORISED });
    expect(Object.keys(log[1].fields)).toEqual(["method", "path", "status", "error", "ms", "traceId"]);
  });

  it("names the model also of a request that finds no place", async () => {
    const ticket = placeIn(model);
    const response = await ask();
    expect(response.status).toBe(503);
    expect(log[0].fields).toMatchObject({ status: 503, model: "per-row-setting", version: "1" });
    expect(log[0].fields.error).toMatch(/^overloaded/);
    ticket.leave();
  });

  it("holds so much of a caller's own text, and no more", async () => {
    for (const length of [MAX_LOGGED_TEXT_LENGTH, MAX_LOGGED_TEXT_LENGTH + 1]) {
      await ask({}, { id: "i".repeat(length) });
      await fetch(`${listener.url}/${"p".repeat(length - 1)}`, { headers: AUTHORISED });
    }
    expect(log.map(({ fields }) => String(fields.messageId ?? fields.path).length)).toEqual(
      Array(4).fill(MAX_LOGGED_TEXT_LENGTH),
    );
  });

  it("of a probe is no news", async () => {
    for (const path of ["/ping", "/v2/health/live", "/v2/health/ready", "/metrics"]) {
      await fetch(listener.url + path, { headers: AUTHORISED });
    }
    expect(log.map(({ level }) => level)).toEqual(Array(4).fill("debug"));
  });

  it("of a request that breaks off says so, and is the only one", async () => {
    const body = "1\r\nx\r\nno chunk\r\n";
    const head = `POST ${INFER} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer secret\r\nTransfer-Encoding: chunked\r\n\r\n`;
    const socket = connect(Number(new URL(listener.url).port), "127.0.0.1");
    const answer = await new Promise<string>((resolve) => {
      let text = "";
      socket.on("data", (data) => {
        text += data.toString();
      });
      socket.on("close", () => resolve(text));
      socket.write(head + body);
    });
    expect(answer).toMatch(/^HTTP\/1.1 400 /);
    await expect.poll(() => log).toMatchObject([{ level: "info", event: "request", fields: { status: 499 } }]);
  });
});

it("counts by route and status, not by path", async () => {
  await ask();
  await ask({}, { inputs: [] });
  for (const path of ["/a", "/b", "/v2/models/unknown/infer"]) {
    await fetch(listener.url + path, { method: "POST", headers: AUTHORISED });
  }
  const response = await fetch(`${listener.url}/metrics`, { headers: AUTHORISED });
  const exposition = parseExposition(await response.text());
  const count = (route: string, status: number) =>
    sampleOf(exposition, "spillway_http_request_duration_seconds_count", { route, status: String(status) });
  const infer = answered[0].route;
  expect(infer).toMatch(/^\/v2\/models\/:.*infer$/);
  expect([count(infer, 200), count(infer, 400), count(infer, 404), count("none", 404)]).toEqual([1, 1, 1, 2]);
});

const AUTHORISED = { Authorization: "Bearer secret" };

function ask(headers: Record<string, string> = {}, change: object = {}): Promise<Response> {
  const codes = { name: "codes", datatype: "UINT8", shape: [2, 4], data: [1, 2, 3, 4, 5, 6, 7, 8] };
  const setting = { name: "setting", datatype: "INT64", shape: [2], data: [0, 1] };
  const message = { inputs: [codes, setting], ...change };
  return post(listener.url + INFER, JSON.stringify(message), { ...AUTHORISED, ...headers });
}
