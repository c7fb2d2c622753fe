// Who is let in and who is turned away, when, and how that is told; how long a request may take.
import { afterEach, describe, expect, it, vi } from "vitest";
import { type Connection, openConnection, postHead } from "../setup/connection.ts";
import { Gate } from "../setup/gate.ts";
import { perRowSettingGraph } from "../setup/graphs.ts";
import { post } from "../setup/messages.ts";
import { type RunningApp, type RunningAppOptions, startApp } from "../setup/running-app.ts";

const INFER = "/v2/models/per-row-setting/infer";
const MESSAGE = JSON.stringify({
  inputs: [
    { name: "codes", shape: [1, 4], datatype: "UINT8", data: [10, 0, 0, 0] },
    { name: "setting", shape: [1], datatype: "INT64", data: [0] },
  ],
});
/** A body that may be as long as any. */
const BINARY = { "Inference-Header-Content-Length": 100 };
const ANSWER = { outputs: [{ name: "logits", data: [0, 1, 2] }] };
const head = (headers: Record<string, string | number>) => postHead(INFER, headers);

let app: RunningApp;
let gate: Gate;
afterEach(async () => {
  gate.open();
  expect(app.log).toEqual([]);
  await app.close();
});

async function start(options: RunningAppOptions = {}): Promise<void> {
  gate = new Gate();
  app = await startApp({ graphs: [await perRowSettingGraph()], spawn: gate.spawn, ...options });
}

describe("when the model has no room", () => {
  /** One request is in, behind the gate, and there is room for no other. */
  async function startFull(): Promise<{ accepted: Promise<Response> }> {
    await start({ queueLength: 1 });
    const accepted = infer();
    await gate.waitForJobs(1);
    return { accepted };
  }

  it("a request is refused before any of its body has come", async () => {
    const { accepted } = await startFull();
    const connection = await openConnection(app.url);
    connection.write(head({ ...BINARY, "Content-Length": 20_000_000 }));
    await expectRefusal(connection);
    // It may still send all of it, and is heard again afterwards over the same connection.
    connection.write(new Uint8Array(20_000_000));
    gate.open();
    expect((await accepted).status).toBe(200);
    connection.write(head({ "Content-Length": MESSAGE.length, Connection: "close" }));
    connection.write(MESSAGE);
    await connection.closed;
    expect(connection.received()).toMatch(/HTTP\/1\.1 200 OK/);
  });

  it("also one of unknown length, and one that looks for no answer before it has sent all", async () => {
    const { accepted } = await startFull();
    const connection = await openConnection(app.url);
    connection.pause();
    connection.write(head({ "Transfer-Encoding": "chunked" }));
    const chunk = Buffer.concat([Buffer.from("100000\r\n"), new Uint8Array(2 ** 20), Buffer.from("\r\n")]);
    for (let sent = 0; sent < 10; sent++) connection.write(chunk);
    await vi.waitFor(() => expect(app.repository.models()[0].statistics.failures.REJECTED).toBe(1));
    // A server that closes at once, or after half a second as some do, takes the answer with it.
    const refusedMs = performance.now();
    await vi.waitFor(() => expect(performance.now() - refusedMs).toBeGreaterThan(700));
    for (let sent = 0; sent < 10; sent++) connection.write(chunk);
    connection.write("0\r\n\r\n");
    connection.resume();
    await expectRefusal(connection);
    gate.open();
    expect((await accepted).status).toBe(200);
    connection.destroy();
  });

  it("one that brings more bytes than there is room for, at its declaration or while it grows", async () => {
    await start({ queueBytes: 1000 });
    const declared = await openConnection(app.url);
    declared.write(head({ "Content-Length": 1001 }));
    await expectRefusal(declared);
    declared.destroy();
    const growing = await openConnection(app.url);
    growing.write(head({ "Transfer-Encoding": "chunked" }));
    growing.write(`3e8\r\n${" ".repeat(1000)}\r\n`);
    await vi.waitFor(() => expect(held()).toEqual({ requests: 0, arriving: 1, bytes: 1000 }));
    growing.write("1\r\n!\r\n");
    await expectRefusal(growing);
    expect(held()).toEqual({ requests: 0, arriving: 0, bytes: 0 });
    growing.destroy();
    gate.open();
    expect(await (await infer()).json()).toMatchObject(ANSWER);
  });

  it("those who are refused are counted as such, and take no place", async () => {
    const { accepted } = await startFull();
    for (let refused = 0; refused < 3; refused++) expect((await infer()).status).toBe(503);
    const [{ statistics }] = app.repository.models();
    expect(statistics.failures).toEqual({ REJECTED: 3, CANCELED: 0, BACKEND: 0, OTHER: 0 });
    expect(statistics.fail.count).toBe(3);
    expect(held().requests).toBe(1);
    gate.open();
    expect((await accepted).status).toBe(200);
  });

  it("what could never be answered is told so all the same, where the headers say it", async () => {
    const { accepted } = await startFull();
    expect((await infer({ "Content-Encoding": "br" })).status).toBe(415);
    expect((await infer({ "X-Request-Timeout-Ms": "soon" })).status).toBe(400);
    expect((await post(`${app.url}/v2/models/other/infer`, MESSAGE)).status).toBe(404);
    gate.open();
    expect((await accepted).status).toBe(200);
  });
});

it("whatever becomes of a request, its place is free afterwards, and it is counted once", async () => {
  await start();
  gate.open();
  const [{ statistics }] = app.repository.models();
  const outcomes: [number, string, Record<string, string>?][] = [
    [200, MESSAGE],
    [400, "{"],
    [400, MESSAGE.replace("codes", "decos")],
    [400, MESSAGE.replace("{", '{"parameters":{"sequence_id":1},')],
    [400, MESSAGE.replace("{", '{"outputs":[{"name":"logits","parameters":{"classification":-1}}],')],
    [400, MESSAGE.replace("[10,0,0,0]", "[10,0,0]")],
    [400, MESSAGE, { "Content-Encoding": "gzip" }],
    [400, MESSAGE, { "Inference-Header-Content-Length": "1000" }],
  ];
  for (const [status, body, headers] of outcomes) {
    expect((await post(app.url + INFER, body, headers)).status, body).toBe(status);
    expect(held()).toEqual({ requests: 0, arriving: 0, bytes: 0 });
  }
  expect(statistics.success.count).toBe(1);
  expect(statistics.fail.count).toBe(outcomes.length - 1);
  expect(statistics.failures).toEqual({ REJECTED: 0, CANCELED: 0, BACKEND: 0, OTHER: outcomes.length - 1 });
});

it("a client that leaves while it waits frees its place", async () => {
  await start();
  const running = infer();
  await gate.waitForJobs(1);
  const connection = await openConnection(app.url);
  connection.write(head({ "Content-Length": MESSAGE.length }));
  connection.write(MESSAGE);
  await vi.waitFor(() => expect(held().requests).toBe(2));
  connection.destroy();
  await vi.waitFor(() => expect(held().requests).toBe(1));
  gate.open();
  expect((await running).status).toBe(200);
  expect(gate.jobs).toBe(1);
});

describe("X-Request-Timeout-Ms", () => {
  it("ends the wait of a request that is not being run", async () => {
    await start();
    const running = infer();
    await gate.waitForJobs(1);
    const response = await infer({ "X-Request-Timeout-Ms": "20" });
    expect(response.status).toBe(503);
    expect(await response.json()).toEqual({ error: expect.stringMatching(/timeout ran out/) });
    gate.open();
    expect((await running).status).toBe(200);
    expect(gate.jobs).toBe(1);
  });

  it("and the message's own timeout: the shorter counts", async () => {
    await start();
    const running = infer();
    await gate.waitForJobs(1);
    const inMessage = MESSAGE.replace("{", '{"parameters":{"timeout":20000},');
    for (const [body, timeoutMs] of [
      [inMessage, "3600000"],
      [inMessage.replace("20000", "3600000000"), "20"],
    ]) {
      const response = await post(app.url + INFER, body, { "X-Request-Timeout-Ms": timeoutMs });
      expect(response.status).toBe(503);
    }
    gate.open();
    expect((await running).status).toBe(200);
  });

  it("runs from the headers on: a body that comes too late is not answered", async () => {
    await start();
    gate.open();
    const connection = await openConnection(app.url);
    const startMs = performance.now();
    connection.write(head({ "Content-Length": MESSAGE.length, "X-Request-Timeout-Ms": 10 }));
    await vi.waitFor(() => expect(held().arriving).toBe(1));
    await vi.waitFor(() => expect(performance.now() - startMs).toBeGreaterThan(40));
    connection.write(MESSAGE);
    await vi.waitFor(() => expect(connection.received()).toMatch(/^HTTP\/1\.1 503 /));
    expect(connection.received()).toContain("ran out before all of it had come");
    expect(gate.jobs).toBe(0);
    expect(app.repository.models()[0].statistics.failures.REJECTED).toBe(1);
    connection.destroy();
  });

  it("leaves enough time alone", async () => {
    await start();
    gate.open();
    expect(await (await infer({ "X-Request-Timeout-Ms": "3600000" })).json()).toMatchObject(ANSWER);
  });
});

function infer(headers: Record<string, string> = {}): Promise<Response> {
  return post(app.url + INFER, MESSAGE, headers);
}

function held() {
  const [{ admission }] = app.repository.models();
  return { requests: admission.requests, arriving: admission.arriving, bytes: admission.bytes };
}

async function expectRefusal(connection: Connection): Promise<void> {
  await vi.waitFor(() => expect(connection.received()).toMatch(/\r\n\r\n\{.*\}$/s));
  expect(connection.received()).toMatch(/^HTTP\/1\.1 503 /);
  expect(connection.received()).toMatch(/retry-after: 1\r\n/i);
  expect(connection.received()).toMatch(/\{"error":"overloaded: .*"\}$/);
}
