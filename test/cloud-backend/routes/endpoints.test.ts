// Every endpoint that asks nothing of the model, and what is said where there is none.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type RunningApp, startApp } from "../setup/running-app.ts";

let app: RunningApp;
beforeAll(async () => {
  app = await startApp();
});
afterAll(() => app.close());

const metadata = {
  name: "large",
  versions: ["1"],
  platform: "onnx_onnxv1",
  inputs: [{ name: "image", datatype: "UINT8", shape: [-1, 32, 32, 3] }],
  outputs: [{ name: "logits", datatype: "FP32", shape: [-1, 100] }],
};

describe("GET", () => {
  it.each([
    ["/v2", { name: "spillway", version: "0.1.0", extensions: ["binary_tensor_data"] }],
    ["/v2/health/live", { live: true }],
    ["/v2/health/ready", { ready: true }],
    ["/v2/models/large", metadata],
    ["/v2/models/large/versions/1", metadata],
    ["/v2/models/large/ready", { name: "large", ready: true }],
    ["/v2/models/large/versions/1/ready", { name: "large", ready: true }],
  ])("%s", async (path, expected) => {
    const response = await fetch(app.url + path);
    expect(response.status).toBe(200);
    expect(response.headers.get("Content-Type")).toBe("application/json");
    expect(await response.json()).toEqual(expected);
  });

  it("/ping answers 200 without a body", async () => {
    const response = await fetch(`${app.url}/ping`);
    expect(response.status).toBe(200);
    expect(await response.text()).toBe("");
  });
});

describe("404", () => {
  it.each([
    ["GET", "/"],
    ["GET", "/v2/models"],
    ["GET", "/v2/models/small"],
    ["GET", "/v2/models/small/ready"],
    ["GET", "/v2/models/large/versions/2"],
    ["GET", "/v2/models/large/versions/2/ready"],
    ["POST", "/v2/models/small/infer"],
    ["POST", "/v2/models/large/versions/2/infer"],
    ["GET", "/metrics"],
  ])("%s %s", async (method, path) => {
    const response = await fetch(app.url + path, { method });
    expect(response.status).toBe(404);
    expect(await response.json()).toEqual({ error: expect.any(String) });
  });
});

describe("405", () => {
  it.each([
    ["POST", "/ping", "GET, HEAD"],
    ["GET", "/invocations", "POST"],
    ["PUT", "/v2", "GET, HEAD"],
    ["POST", "/v2/health/ready", "GET, HEAD"],
    ["DELETE", "/v2/models/large", "GET, HEAD"],
    ["GET", "/v2/models/large/infer", "POST"],
    ["GET", "/v2/models/large/versions/1/infer", "POST"],
  ])("%s %s", async (method, path, allowed) => {
    const response = await fetch(app.url + path, { method });
    expect(response.status).toBe(405);
    expect(response.headers.get("Allow")).toBe(allowed);
    expect(await response.json()).toEqual({ error: expect.any(String) });
  });
});
