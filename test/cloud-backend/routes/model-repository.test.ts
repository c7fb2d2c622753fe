// Triton's model repository extension over a directory of versions, with real threads.
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { MAX_CONTROL_BODY_BYTES, MAX_CONTROL_REQUESTS } from "../../../cloud-backend/src/limits.ts";
import { openRepository } from "../../../cloud-backend/src/repository/open-repository.ts";
import { openConnection, postHead } from "../setup/connection.ts";
import { post } from "../setup/messages.ts";
import { startSmallModel, temporaryFolder, writeModel } from "../setup/model-folders.ts";
import { type RunningApp, startApp } from "../setup/running-app.ts";

let app: RunningApp;
let directory: string;
beforeEach(async () => {
  directory = await temporaryFolder();
  await writeModel(join(directory, "1"));
  const options = { startModel: startSmallModel(), onEvent: () => undefined, drainMs: 1000, keptVersions: 2 };
  const repository = openRepository({ kind: "versions", path: directory }, options);
  await repository.scan();
  app = await startApp({ repository });
});
afterEach(() => app.close());

const white = { name: "image", datatype: "UINT8", shape: [1, 4, 4, 3], data: Array(48).fill(255) };
const VERSION_1 = { name: "large", version: "1", state: "READY", reason: "" };

describe("index", () => {
  it.each(["", "{}", '{"ready":false}', '{"ready":true}', '{"more":1}'])("of %j", async (body) => {
    const response = await post(`${app.url}/v2/repository/index`, body);
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual([VERSION_1]);
  });

  it("of those that are ready, or of all", async () => {
    await control("models/large/unload");
    expect(await (await post(`${app.url}/v2/repository/index`, '{"ready":true}')).json()).toEqual([]);
    expect(await (await post(`${app.url}/v2/repository/index`, "")).json()).toEqual([
      { ...VERSION_1, state: "UNAVAILABLE", reason: expect.stringContaining("unloaded") },
    ]);
  });

  it.each(["[", "[]", '"ready"', '{"ready":"yes"}', "null"])("refuses %j", async (body) => {
    await expectError(await post(`${app.url}/v2/repository/index`, body), 400);
  });
});

describe("load", () => {
  it("brings what is new, and answers when it is ready", async () => {
    await writeModel(join(directory, "2"), "mean-colour-doubled");
    expect(await answerToWhite()).toEqual(["1", 255]);
    const response = await control("models/large/load");
    expect(response.status).toBe(200);
    expect(await answerToWhite()).toEqual(["2", 510]);
    const metadata = await (await fetch(`${app.url}/v2/models/large`)).json();
    expect(metadata).toMatchObject({ versions: ["1", "2"] });
  });

  it.each(["", "{}", '{"parameters":{}}', '{"parameters":{"colour":"blue"}}'])("takes %j", async (body) => {
    expect((await control("models/large/load", body)).status).toBe(200);
  });

  it.each<[string, unknown]>([
    ["a configuration", { config: "{}" }],
    ["files", { config: "{}", "file:1/model.onnx": "AAAA" }],
    ["files alone", { "file:": 0 }],
  ])("takes no %s of the caller's", async (_, parameters) => {
    const error = await expectError(await control("models/large/load", JSON.stringify({ parameters })), 400);
    expect(error).toMatch(/nothing of it can be overridden/);
    expect(await answerToWhite()).toEqual(["1", 255]);
  });

  it("says what is wrong with a model that cannot be loaded, and serves the one that is there", async () => {
    await writeModel(join(directory, "2"), "mean-colour", { labels: ["one", "two"] });
    const error = await expectError(await control("models/large/load"), 400);
    expect(error).toMatch(/^model "large", version 2: /);
    expect(error).not.toContain(directory);
    expect(await answerToWhite()).toEqual(["1", 255]);
  });

  it.each(["[1]", "{", '{"parameters":[]}', '{"parameters":"x"}'])("refuses %j", async (body) => {
    await expectError(await control("models/large/load", body), 400);
  });

  it("does not know a model: 404", async () => {
    await expectError(await control("models/small/load"), 404);
  });

  it("takes a body of 16 KiB, and no more", async () => {
    expect((await control("models/large/load", "{}".padEnd(MAX_CONTROL_BODY_BYTES))).status).toBe(200);
    await expectError(await control("models/large/load", "{}".padEnd(MAX_CONTROL_BODY_BYTES + 1)), 413);
  });

  it("has so many who ask at the same time, and refuses one more: 503", async () => {
    const slow = await Promise.all(Array.from({ length: MAX_CONTROL_REQUESTS }, () => openConnection(app.url)));
    for (const connection of slow) {
      connection.write(postHead("/v2/repository/models/large/load", { "Content-Length": 2, Connection: "close" }));
    }
    await expect.poll(async () => (await control("index")).status).toBe(503);
    await expectError(await control("models/large/unload"), 503);
    expect(await answerToWhite()).toEqual(["1", 255]);
    for (const connection of slow) connection.write("{}");
    await Promise.all(slow.map(({ closed }) => closed));
    for (const connection of slow) expect(connection.received()).toMatch(/^HTTP\/1\.1 200 /);
    expect((await control("index")).status).toBe(200);
  });

  it("takes no compressed body: 415", async () => {
    const response = await post(`${app.url}/v2/repository/models/large/load`, "{}", { "Content-Encoding": "gzip" });
    expect(response.headers.get("Accept-Encoding")).toBe("identity");
    await expectError(response, 415);
  });
});

describe("unload", () => {
  it.each(["", "{}", '{"parameters":{"unload_dependents":true}}'])("of %j, until it is loaded", async (body) => {
    expect((await control("models/large/unload", body)).status).toBe(200);
    for (const path of ["/v2/models/large/infer", "/invocations"]) {
      const response = await post(app.url + path, "{}", { "Content-Type": "application/json" });
      // It does not pass by itself.
      expect(response.headers.get("Retry-After")).toBeNull();
      expect(await expectError(response, 503)).toBe(
        'model "large" has been unloaded, and is not served until it is loaded again',
      );
    }
    const readiness = await fetch(`${app.url}/v2/models/large/ready`);
    expect(readiness.status).toBe(503);
    expect(await readiness.json()).toEqual({ name: "large", ready: false });
    expect((await fetch(`${app.url}/v2/models/large/versions/1/ready`)).status).toBe(503);
    for (const path of ["", "/config", "/stats"]) {
      expect((await fetch(`${app.url}/v2/models/large${path}`)).status).toBe(503);
    }
    // Nothing is left to serve: requests should go to another process.
    for (const path of ["/ping", "/v2/health/ready"]) expect((await fetch(app.url + path)).status).toBe(503);
    expect((await control("models/large/load")).status).toBe(200);
    expect((await fetch(`${app.url}/ping`)).status).toBe(200);
    expect(await answerToWhite()).toEqual(["1", 255]);
  });

  it.each(['{"parameters":{"unload_dependents":"yes"}}', "!"])("refuses %j", async (body) => {
    await expectError(await control("models/large/unload", body), 400);
    expect(await answerToWhite()).toEqual(["1", 255]);
  });

  it("does not know a model: 404", async () => {
    await expectError(await control("models/small/unload"), 404);
  });
});

function control(path: string, body = ""): Promise<Response> {
  return post(`${app.url}/v2/repository/${path}`, body);
}

/** Which version answers, and its first value. */
async function answerToWhite(): Promise<[string, number]> {
  const response = await post(`${app.url}/v2/models/large/infer`, JSON.stringify({ inputs: [white] }));
  const answer = (await response.json()) as { model_version: string; outputs: { data: number[] }[] };
  return [answer.model_version, answer.outputs[0].data[0]];
}

async function expectError(response: Response, status: number): Promise<string> {
  const text = await response.text();
  expect(response.status, text).toBe(status);
  expect(JSON.parse(text)).toEqual({ error: expect.any(String) });
  return JSON.parse(text).error;
}
