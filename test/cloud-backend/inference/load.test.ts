// What happens when more is asked than one thread can do: the surplus is refused, those who gave up
// are not worked for, and the event loop stays free.
import { connect } from "node:net";
import { afterEach, describe, expect, it, vi } from "vitest";
import { Gate } from "../setup/gate.ts";
import { jsonMessage, post, readError, samplePixels } from "../setup/messages.ts";
import { type RunningApp, type RunningAppOptions, startApp } from "../setup/running-app.ts";

const message = jsonMessage(samplePixels());

let gate: Gate;
let app: RunningApp;
async function startGated(options: RunningAppOptions = {}): Promise<void> {
  gate = new Gate();
  app = await startApp({ ...options, spawn: gate.spawn });
}
afterEach(() => {
  gate.open();
  return app.close();
});

describe("a full queue", () => {
  it("refuses the surplus at once and answers what it accepted", async () => {
    await startGated({ queueLength: 1 });
    const accepted = infer();
    await gate.waitForJobs(1);
    for (const path of ["/v2/models/large/infer", "/invocations"]) {
      const refused = await post(app.url + path, message, { "Content-Type": "application/json" });
      expect(refused.status).toBe(503);
      expect(refused.headers.get("Retry-After")).toBe("1");
      expect(await refused.json()).toEqual({ error: expect.stringMatching(/^overloaded/) });
    }
    gate.open();
    expect((await accepted).status).toBe(200);
    expect((await infer()).status).toBe(200);
    expect(gate.jobs).toBe(2);
  });

  it("of three holds three", async () => {
    await startGated({ queueLength: 3 });
    const accepted = [infer()];
    await gate.waitForJobs(1);
    accepted.push(infer(), infer());
    await vi.waitFor(async () => expect(await probe()).toMatch(/^overloaded: 3 requests/));
    gate.open();
    expect((await Promise.all(accepted)).map((response) => response.status)).toEqual([200, 200, 200]);
  });
});

describe("those who send their bodies slowly", () => {
  it("keep nobody out", async () => {
    await startGated({ queueLength: 1 });
    gate.open();
    const { port } = new URL(app.url);
    const head = `POST /v2/models/large/infer HTTP/1.1\r\nHost: x\r\nContent-Length: ${message.length}\r\n\r\n`;
    const sockets = Array.from({ length: 20 }, () => connect(Number(port), "127.0.0.1"));
    for (const socket of sockets) socket.write(head + message.slice(0, 10));
    const [{ admission }] = app.repository.models();
    await vi.waitFor(() => expect(admission.bytes).toBe(200));
    expect((await infer()).status).toBe(200);
    for (const socket of sockets) socket.destroy();
    await vi.waitFor(() => expect(admission.bytes).toBe(0));
  });
});

describe("a waiting request", () => {
  it("is dropped when its client goes, and makes room", async () => {
    await startGated({ queueLength: 2 });
    const first = infer();
    await gate.waitForJobs(1);
    const client = new AbortController();
    const second = infer({ signal: client.signal }).catch((error) => error.name);
    await vi.waitFor(async () => expect(await probe()).toMatch(/^overloaded/));
    client.abort();
    expect(await second).toBe("AbortError");
    await vi.waitFor(async () => expect(await probe()).toMatch(/timeout ran out/));
    gate.open();
    expect((await first).status).toBe(200);
    expect((await infer()).status).toBe(200);
    // The dropped ones never reached the thread.
    expect(gate.jobs).toBe(2);
    expect(app.log).toEqual([]);
  });

  it("is dropped with 503 when its own timeout runs out", async () => {
    await startGated();
    const first = infer();
    await gate.waitForJobs(1);
    const impatient = await infer({ body: withTimeout(1) });
    expect(impatient.status).toBe(503);
    expect(await impatient.json()).toEqual({ error: expect.stringMatching(/timeout ran out/) });
    gate.open();
    expect((await first).status).toBe(200);
    expect(gate.jobs).toBe(1);
  });
});

describe("the event loop", () => {
  it("answers /ping while the thread is blocked", async () => {
    await startGated();
    const running = infer();
    await gate.waitForJobs(1);
    expect((await fetch(`${app.url}/ping`)).status).toBe(200);
    gate.open();
    expect((await running).status).toBe(200);
  });

  it("answers /ping while ONNX Runtime computes a full batch", async () => {
    await startGated();
    gate.open();
    let isDone = false;
    const running = infer({ body: jsonMessage(samplePixels(64)) }).finally(() => {
      isDone = true;
    });
    await gate.waitForJobs(1);
    expect((await fetch(`${app.url}/ping`)).status).toBe(200);
    expect(isDone).toBe(false);
    expect((await running).status).toBe(200);
  });
});

function infer(init: RequestInit = {}): Promise<Response> {
  return fetch(`${app.url}/v2/models/large/infer`, { method: "POST", body: message, ...init });
}

/** What a request is told that waits a millisecond at most: whether it was refused, or accepted and then dropped. */
async function probe(): Promise<string> {
  return readError(await infer({ body: withTimeout(1) }));
}

function withTimeout(microseconds: number): string {
  return jsonMessage(samplePixels(), { parameters: { timeout: microseconds } });
}
