// The backend's own bearer token, over a real socket.
import { afterEach, expect, it } from "vitest";
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
