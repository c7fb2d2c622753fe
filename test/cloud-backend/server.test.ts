// The process: how it starts, refuses to start, and ends.

import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { Agent, type ClientRequest, request } from "node:http";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { cloudGraphs } from "@spillway/shared/schema/cloud-graphs";
import { afterEach, describe, expect, it, vi } from "vitest";
import { jsonMessage, samplePixels } from "./setup/messages.ts";
import { shippedManifest } from "./setup/model-folder.ts";
import { type ServerProcess, startProcess } from "./setup/server-process.ts";

const message = jsonMessage(samplePixels(16));

let server: ServerProcess;
afterEach(async () => {
  server.child.kill("SIGKILL");
  await server.exit;
});

describe("starting", () => {
  it("says where it listens and what it loaded, in JSON lines, and serves there", async () => {
    server = startProcess();
    const url = await server.ready();
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    expect(await server.event("listening")).toMatchObject({ level: "info", models: { kind: "folder" } });
    const names = cloudGraphs(await shippedManifest()).map(({ name }) => name);
    const models = names.map((name) => ({ name, version: "1", state: "READY" }));
    expect(await server.event("ready")).toMatchObject({ models });
    expect((await fetch(`${url}/ping`)).status).toBe(200);
    expect(server.stderr).toEqual([]);
  });

  it("lives and is not ready while it loads", async () => {
    server = startProcess();
    const { url } = await server.event("listening");
    const [live, ready] = await Promise.all([fetch(`${url}/v2/health/live`), fetch(`${url}/ping`)]);
    expect([live.status, ready.status]).toEqual([200, 503]);
  });

  it("takes SageMaker's argument", async () => {
    server = startProcess({}, ["serve"]);
    expect((await fetch(`${await server.ready()}/ping`)).status).toBe(200);
  });

  it("--help prints the variables and starts nothing", async () => {
    server = startProcess({}, ["--help"]);
    expect(await server.exit).toBe(0);
    expect(server.stdout.join("\n")).toContain("SPILLWAY_DRAIN_SECONDS");
  });

  it.each([
    ["bad configuration", { PORT: "http" }, [], "PORT: expected a whole number from 0 to 65535"],
    ["no manifest", { SPILLWAY_MODEL: "/nowhere" }, [], '/nowhere: model "large", version 1: manifest.json: ENOENT'],
    ["an unknown flag", {}, ["--port=1"], "unknown argument --port=1"],
    ["an address that is not this machine's", { HOST: "192.0.2.1" }, [], "cannot listen on 192.0.2.1:0"],
  ])("%s: one line for the operator, exit code 1", async (_, environment, flags, error) => {
    server = startProcess(environment, flags);
    await expectRefusal(error);
  });

  it("a port in use: one line for the operator, exit code 1", async () => {
    const occupant = createServer().listen(0, "127.0.0.1");
    await once(occupant, "listening");
    const { port } = occupant.address() as { port: number };
    server = startProcess({ PORT: String(port) });
    await expectRefusal(`cannot listen on 127.0.0.1:${port}`);
    occupant.close();
  });

  it.each([
    ["no JSON", "{", "manifest.json: "],
    ["not a manifest", "{}", "manifest.json: manifestVersion"],
  ])("a manifest that is %s: one line for the operator, exit code 1", async (_, text, error) => {
    const folder = await mkdtemp(join(tmpdir(), "spillway-"));
    await writeFile(join(folder, "manifest.json"), text);
    server = startProcess({ SPILLWAY_MODEL: folder });
    await expectRefusal(error);
    await rm(folder, { recursive: true });
  });
});

describe("ending", () => {
  it.each(["SIGTERM", "SIGINT"] as const)("on %s, answers all it accepted and takes nothing new", async (signal) => {
    server = startProcess();
    const url = await server.ready();
    const unused = connect({ port: Number(new URL(url).port), host: "127.0.0.1" });
    await once(unused, "connect");
    const uploads = Array.from({ length: 12 }, () => acceptedUpload(url));
    const answers = Promise.all(uploads.map(statusOf));
    await Promise.all(uploads.map((upload) => once(upload, "continue")));
    // A third is being worked on when the signal comes, the others are still on their way.
    for (const upload of uploads.slice(0, 4)) upload.end(message);
    server.child.kill(signal);
    expect(await server.event("stopping")).toMatchObject({ cause: signal });
    await expect(fetch(`${url}/ping`)).rejects.toThrow();
    for (const upload of uploads.slice(4)) upload.end(message);
    expect(await answers).toEqual(Array(12).fill(200));
    expect(await server.exit).toBe(0);
    expect(await server.event("stopped")).toMatchObject({ isComplete: true });
    expect(server.stderr).toEqual([]);
    unused.destroy();
  });

  it("under load, whatever was sent before the signal is answered, and no answer is lost", async () => {
    server = startProcess();
    const url = await server.ready();
    const agent = new Agent({ keepAlive: true });
    // Half of them open a connection for each request: some of those are not accepted yet when the signal comes.
    const agents = [...Array(12).fill(agent), ...Array(12).fill(false)];
    const load = keepAsking(`${url}/v2/models/large/infer`, jsonMessage(samplePixels()), agents);
    await vi.waitFor(() => expect(load.statuses().length).toBeGreaterThan(100), 20_000);
    const inFlight = load.inFlight();
    expect(inFlight.length).toBeGreaterThan(0);
    server.child.kill("SIGTERM");
    await load.ended;
    expect(await server.exit).toBe(0);
    expect(await server.event("stopped")).toMatchObject({ isComplete: true });
    expect(inFlight.filter(({ status }) => status !== 200 && status !== 503)).toEqual([]);
    const answered = server.stdout.filter(
      (line) => line.includes('"event":"request"') && line.includes('"status":200'),
    );
    expect(answered).toHaveLength(load.statuses().filter((status) => status === 200).length);
    agent.destroy();
  });

  it("while it warms up, as soon as the run that it is in is done", async () => {
    server = startProcess({ SPILLWAY_PADDING: "on", SPILLWAY_MAX_BATCH: "256" });
    await server.event("listening");
    server.child.kill("SIGTERM");
    expect(await server.exit).toBe(0);
    expect(await server.event("stopped")).toMatchObject({ isComplete: true });
  });

  it("cuts off what is not done when the drain time is over, and says so with exit code 1", async () => {
    server = startProcess({ SPILLWAY_DRAIN_SECONDS: "0" });
    const url = await server.ready();
    const upload = acceptedUpload(url);
    await once(upload, "continue");
    const failed = once(upload, "error");
    server.child.kill("SIGTERM");
    expect((await failed)[0].code).toBe("ECONNRESET");
    expect(await server.exit).toBe(1);
    expect(await server.event("stopped")).toMatchObject({ isComplete: false });
  });
});

async function expectRefusal(error: string): Promise<void> {
  expect(await server.exit).toBe(1);
  const lines = server.stderr.filter((line) => !line.startsWith("{"));
  expect(lines).toEqual([expect.stringContaining("cloud-backend: ")]);
  expect(lines[0]).toContain(error);
}

/** A request that the server has accepted, for it asked for the body, and that has not sent any of it. */
function acceptedUpload(url: string): ClientRequest {
  const headers = { "Content-Type": "application/json", "Content-Length": message.length, Expect: "100-continue" };
  const upload = request(`${url}/invocations`, { method: "POST", headers, agent: false });
  upload.flushHeaders();
  return upload;
}

async function statusOf(upload: ClientRequest): Promise<number> {
  const [response] = await once(upload, "response");
  response.resume();
  await once(response, "end");
  return response.statusCode;
}

/** A request of one of those that ask all the time. */
interface Asked {
  /** Whether the last of its bytes was handed to the system. */
  isSent: boolean;
  /** Of an answer that has come whole. */
  status: number | null;
}

/** Clients of which each asks again as soon as it is answered, until it is not. */
function keepAsking(url: string, body: string, agents: (Agent | false)[]) {
  const all: Asked[] = [];
  const client = async (agent: Agent | false): Promise<void> => {
    for (;;) {
      const asked: Asked = { isSent: false, status: null };
      all.push(asked);
      const sending = request(url, { method: "POST", agent });
      sending.once("finish", () => {
        asked.isSent = true;
      });
      sending.end(body);
      asked.status = await statusOf(sending);
    }
  };
  const ended = Promise.allSettled(agents.map(client));
  return {
    ended,
    /** Sent to the last byte, and not answered yet. */
    inFlight: () => all.filter(({ isSent, status }) => isSent && status === null),
    statuses: () => all.flatMap(({ status }) => (status === null ? [] : [status])),
  };
}
