// The backend's own bearer tokens: who is let in, and to what.
import { cloudGraphs } from "@spillway/shared/schema/cloud-graphs";
import type { Hono } from "hono";
import { afterEach, describe, expect, it } from "vitest";
import { createApp } from "../../cloud-backend/src/app.ts";
import { MultiModels } from "../../cloud-backend/src/repository/multi-models.ts";
import { startTracing } from "../../cloud-backend/src/telemetry/tracing.ts";
import { shippedManifest } from "./setup/model-folder.ts";
import { startSmallModel, temporaryFolder } from "./setup/model-folders.ts";
import { type ServerProcess, startProcess } from "./setup/server-process.ts";

let server: ServerProcess | undefined;
afterEach(() => server?.child.kill("SIGKILL"));

it("lets only callers with the token in, but anyone ask after its health", async () => {
  server = startProcess({ SPILLWAY_TOKEN: "a-token" });
  const url = await server.ready();
  const status = async (path: string, authorization?: string) => {
    const response = await fetch(`${url}${path}`, authorization === undefined ? {} : { headers: { authorization } });
    return response.status;
  };
  expect(await status("/v2/models/large")).toBe(401);
  expect(await status("/v2/models/large", "Bearer wrong")).toBe(401);
  expect(await status("/v2/models/large", "Bearer a-token")).toBe(200);
  expect(await status("/ping")).toBe(200);
  expect(await status("/v2/health/ready")).toBe(200);
});

it("says no in the protocol's form", async () => {
  server = startProcess({ SPILLWAY_TOKEN: "a-token" });
  const url = await server.ready();
  const response = await fetch(`${url}/v2/models/large/infer`, { method: "POST", body: "{}" });
  expect(response.status).toBe(401);
  expect(await response.json()).toEqual({ error: expect.stringContaining("token") });
});

describe("a token of its own for loading and unloading", () => {
  const LOAD = ["POST", "/v2/repository/models/large/load"] as const;
  const ADMINISTRATION = [
    LOAD,
    ["POST", "/v2/repository/models/large/unload"],
    ["POST", "/v2/repository/%6Dodels/large/unload"],
    ["POST", "/models"],
    ["DELETE", "/models/large"],
  ] as const;
  const OTHERS = [
    ["GET", "/v2/models/large"],
    ["POST", "/v2/repository/index"],
    ["GET", "/models"],
    ["GET", "/models/large"],
    ["POST", "/models/large/invoke"],
    ["POST", "/invocations"],
    ["GET", "/metrics"],
  ] as const;
  const isLetIn = async (app: Hono, [method, path]: readonly [string, string], bearer?: string) => {
    const headers = bearer === undefined ? {} : { Authorization: `Bearer ${bearer}` };
    return (await app.request(path, { method, headers })).status !== 401;
  };

  it("is the only one that does for these, and does for nothing else", async () => {
    const app = await appWith({ token: "caller", adminToken: "administrator" });
    for (const request of ADMINISTRATION) {
      expect(await isLetIn(app, request, "administrator"), request.join(" ")).toBe(true);
      for (const bearer of ["caller", undefined]) expect(await isLetIn(app, request, bearer)).toBe(false);
    }
    for (const request of OTHERS) {
      expect(await isLetIn(app, request, "caller"), request.join(" ")).toBe(true);
      for (const bearer of ["administrator", undefined]) expect(await isLetIn(app, request, bearer)).toBe(false);
    }
    expect(await isLetIn(app, ["GET", "/ping"])).toBe(true);
  });

  it("closes these alone where callers need none", async () => {
    const app = await appWith({ adminToken: "administrator" });
    for (const request of ADMINISTRATION) expect(await isLetIn(app, request)).toBe(false);
    for (const request of OTHERS) expect(await isLetIn(app, request)).toBe(true);
    expect(await isLetIn(app, LOAD, "administrator")).toBe(true);
  });

  it("is the callers' where none is set", async () => {
    const app = await appWith({ token: "caller" });
    for (const request of [...ADMINISTRATION, ...OTHERS]) {
      expect(await isLetIn(app, request, "caller")).toBe(true);
      expect(await isLetIn(app, request)).toBe(false);
    }
  });
});

/** Over a repository of SageMaker's multi-model mode with nothing in it. */
async function appWith(tokens: { token?: string; adminToken?: string }): Promise<Hono> {
  const multiModel = new MultiModels({
    root: await temporaryFolder(),
    maxModels: 1,
    drainMs: 0,
    startModel: startSmallModel(),
    onEvent: () => undefined,
  });
  return createApp({
    repository: multiModel,
    multiModel,
    log: () => undefined,
    tracing: await startTracing(null, () => undefined),
    isStopping: () => false,
    ...tokens,
  });
}

it("lets only the operator load and unload where there is a token for that", async () => {
  server = startProcess({ SPILLWAY_TOKEN: "a-token", SPILLWAY_ADMIN_TOKEN: "an-admin-token" });
  const url = await server.ready();
  const unload = async (token: string, model: string) => {
    const headers = { authorization: `Bearer ${token}` };
    return (await fetch(`${url}/v2/repository/models/${model}/unload`, { method: "POST", headers })).status;
  };
  const models = cloudGraphs(await shippedManifest()).map(({ name }) => name);
  for (const model of models) {
    expect(await unload("a-token", model)).toBe(401);
    expect((await fetch(`${url}/ping`)).status).toBe(200);
    expect(await unload("an-admin-token", model)).toBe(200);
  }
  expect((await fetch(`${url}/ping`)).status).toBe(503);
});
