// What is asked of a container behind SageMaker: its health, and which of its models answers.
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { perRowSettingGraph } from "../setup/graphs.ts";
import { post } from "../setup/messages.ts";
import { type RunningApp, startApp } from "../setup/running-app.ts";

const MESSAGE = JSON.stringify({
  inputs: [
    { name: "codes", shape: [1, 4], datatype: "UINT8", data: [10, 0, 0, 0] },
    { name: "setting", shape: [1], datatype: "INT64", data: [0] },
  ],
});
const TARGET = "X-Amzn-SageMaker-Target-Model";
const ATTRIBUTES = "X-Amzn-SageMaker-Custom-Attributes";

describe.each(["/invocations", "/endpoints/any/invocations"])("%s", (path) => {
  let app: RunningApp;
  beforeAll(async () => {
    const graph = await perRowSettingGraph();
    const named = (name: string) => ({ ...graph, name });
    app = await startApp({ graphs: [named("large"), named("tail")] });
  });
  afterAll(() => app.close());

  it.each<[string, Record<string, string>, string]>([
    ["large when nothing is said", {}, "large"],
    ["the target model", { [TARGET]: "tail" }, "tail"],
    ["the model of the custom attributes", { [ATTRIBUTES]: "model=tail" }, "tail"],
    ["the model among other attributes", { [ATTRIBUTES]: "traceparent=00-1-2-01; model=tail ;x" }, "tail"],
    ["the target model before the attributes", { [TARGET]: "large", [ATTRIBUTES]: "model=tail" }, "large"],
    [
      "large for attributes that are somebody else's",
      { [ATTRIBUTES]: "c000b4f9-df62-4c85-a0bf-7c525f9104a4" },
      "large",
    ],
  ])("asks %s", async (_, headers, model) => {
    const response = await post(app.url + path, MESSAGE, { "Content-Type": "application/json", ...headers });
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({ model_name: model, outputs: [{ data: [0, 1, 2] }] });
  });

  it.each<[string, Record<string, string>]>([
    ["target", { [TARGET]: "nobody" }],
    ["attributes", { [ATTRIBUTES]: "model=nobody" }],
    ["empty attribute", { [ATTRIBUTES]: "model=" }],
  ])("does not know the model: %s", async (_, headers) => {
    const response = await post(app.url + path, MESSAGE, { "Content-Type": "application/json", ...headers });
    expect(response.status).toBe(404);
    expect(await response.json()).toEqual({ error: expect.stringContaining("unknown model") });
  });

  it("a picture for a model that takes none: 400", async () => {
    const response = await post(app.url + path, new Uint8Array(10), { "Content-Type": "image/png" });
    expect(response.status).toBe(400);
    expect(await response.json()).toEqual({ error: expect.stringMatching(/"codes", "setting"/) });
  });

  it("a raw body for a model of two inputs: 400", async () => {
    const headers = { "Content-Type": "application/octet-stream", "Inference-Header-Content-Length": "0" };
    const response = await post(app.url + path, new Uint8Array(4), headers);
    expect(response.status).toBe(400);
    expect(await response.json()).toEqual({ error: "header length: 0 is for models of one input, and this one has 2" });
  });
});

describe("/ping", () => {
  let app: RunningApp;
  afterEach(() => app.close());

  it("says 503 when the process is about to end", async () => {
    app = await startApp({ graphs: [await perRowSettingGraph()] });
    expect((await fetch(`${app.url}/ping`)).status).toBe(200);
    app.announceStop();
    expect((await fetch(`${app.url}/ping`)).status).toBe(503);
    expect((await fetch(`${app.url}/v2/health/ready`)).status).toBe(503);
    expect(await (await fetch(`${app.url}/v2/models/per-row-setting/ready`)).json()).toEqual({
      name: "per-row-setting",
      ready: false,
    });
  });
});
