// SageMaker's multi-model contract, with real threads behind it.
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { failure } from "../../../cloud-backend/src/errors.ts";
import { MODELS_PER_PAGE } from "../../../cloud-backend/src/limits.ts";
import { MultiModels } from "../../../cloud-backend/src/repository/multi-models.ts";
import { multiModelRoutes } from "../../../cloud-backend/src/routes/multi-model.ts";
import { post, SAGEMAKER_TYPE } from "../setup/messages.ts";
import { startSmallModel, temporaryFolder, writeModel } from "../setup/model-folders.ts";
import { type RunningApp, startApp } from "../setup/running-app.ts";

const WHITE = JSON.stringify({
  inputs: [{ name: "image", datatype: "UINT8", shape: [1, 4, 4, 3], data: Array(48).fill(255) }],
});

let app: RunningApp;
let folder: string;
let single: string;
let doubled: string;
beforeEach(async () => {
  folder = await temporaryFolder();
  single = await writeModel(join(folder, "5a3f", "model"));
  doubled = await writeModel(join(folder, "77b0", "model"), "mean-colour-doubled");
  const options = {
    startModel: startSmallModel(),
    onEvent: () => undefined,
    drainMs: 1000,
    maxModels: 2,
    root: folder,
  };
  const multiModel = new MultiModels(options);
  app = await startApp({ repository: multiModel, multiModel });
});
afterEach(() => app.close());

it("is well with no model at all", async () => {
  expect((await fetch(`${app.url}/ping`)).status).toBe(200);
  expect(await (await fetch(`${app.url}/models`)).json()).toEqual({ models: [] });
  expect(await (await fetch(`${app.url}/v2/models/stats`)).json()).toEqual({ model_stats: [] });
});

describe("models that are loaded", () => {
  beforeEach(async () => {
    expect((await load("5a3f", single)).status).toBe(200);
    expect((await load("77b0", doubled)).status).toBe(200);
  });

  it("are listed, one by one or all", async () => {
    const list = await fetch(`${app.url}/models`);
    expect(list.headers.get("Content-Type")).toBe("application/json");
    expect(await list.json()).toEqual({
      models: [
        { modelName: "5a3f", modelUrl: single },
        { modelName: "77b0", modelUrl: doubled },
      ],
    });
    expect(await (await fetch(`${app.url}/models/77b0`)).json()).toEqual({ modelName: "77b0", modelUrl: doubled });
  });

  it("are asked by their names, whatever their user calls them", async () => {
    expect(await answer("5a3f")).toEqual(["5a3f", 255]);
    expect(await answer("77b0", { "X-Amzn-SageMaker-Target-Model": "5a3f" })).toEqual(["77b0", 510]);
  });

  it("take every form that /invocations takes", async () => {
    const header = JSON.stringify({
      inputs: [{ name: "image", datatype: "UINT8", shape: [1, 4, 4, 3], parameters: { binary_data_size: 48 } }],
      parameters: { binary_data_output: true },
    });
    const body = Uint8Array.from([...Buffer.from(header), ...Array(48).fill(255)]);
    const type = { "Content-Type": `${SAGEMAKER_TYPE}${header.length}` };
    const response = await post(`${app.url}/models/5a3f/invoke`, body, type);
    expect(response.headers.get("Content-Type")).toMatch(SAGEMAKER_TYPE);
    expect(new Uint8Array(await response.arrayBuffer()).slice(-4)).toEqual(Uint8Array.of(0, 0, 0x7f, 0x43));
    const noImage = await post(`${app.url}/models/5a3f/invoke`, "?", { "Content-Type": "image/png" });
    await expectError(noImage, 400);
    await expectError(await post(`${app.url}/models/5a3f/invoke`, "?", { "Content-Type": "text/plain" }), 415);
  });

  it("are not loaded twice: 409; nor beyond the room there is: 507", async () => {
    await expectError(await load("5a3f", doubled), 409);
    await expectError(await load("third", single), 507);
    expect(await answer("5a3f")).toEqual(["5a3f", 255]);
  });

  it("are gone when they are deleted, and make room", async () => {
    const deleted = await fetch(`${app.url}/models/5a3f`, { method: "DELETE" });
    expect(deleted.status).toBe(200);
    await expectError(await fetch(`${app.url}/models/5a3f`), 404);
    await expectError(await fetch(`${app.url}/models/5a3f`, { method: "DELETE" }), 404);
    await expectError(await post(`${app.url}/models/5a3f/invoke`, WHITE), 404);
    expect((await load("third", single)).status).toBe(200);
    expect(await answer("third")).toEqual(["third", 255]);
  });

  it("can be told apart from addresses of other methods", async () => {
    for (const [method, path, allowed] of [
      ["PUT", "/models", "GET, HEAD, POST"],
      ["POST", "/models/5a3f", "GET, HEAD, DELETE"],
      ["GET", "/models/5a3f/invoke", "POST"],
    ]) {
      const response = await fetch(app.url + path, { method });
      expect(response.status).toBe(405);
      expect(response.headers.get("Allow")).toBe(allowed);
    }
  });
});

describe("POST /models refuses", () => {
  it.each([
    "",
    "{",
    "[]",
    '{"model_name":"a"}',
    '{"url":"/tmp"}',
    '{"model_name":"","url":"/tmp"}',
    '{"model_name":1,"url":"/"}',
  ])("%j: 400", async (body) => {
    await expectError(await post(`${app.url}/models`, body), 400);
  });

  it.each([
    ["relative", () => "5a3f/model"],
    ["elsewhere", () => "/etc"],
    ["nowhere", () => join(folder, "absent")],
    ["elsewhere by way of the root", () => `${folder}/../../etc`],
    ["of the root itself", () => folder],
    ["that only begins like the root's", () => `${folder}-other`],
    ["that cannot be", () => `${folder}/\0`],
  ])("a path %s: 400, without a word on what is there", async (_, url) => {
    const error = await expectError(await load("5a3f", url()), 400);
    expect(error).toBe("url: expected the absolute path of a folder below the models' root");
  });

  it("a compressed body: 415", async () => {
    const body = JSON.stringify({ model_name: "5a3f", url: single });
    await expectError(await post(`${app.url}/models`, body, { "Content-Encoding": "gzip" }), 415);
  });

  it("a folder that holds no model of ours: 400, and forgets it", async () => {
    const error = await expectError(await load("5a3f", join(single, "..")), 400);
    expect(error).toContain("manifest.json");
    await expectError(await fetch(`${app.url}/models/5a3f`), 404);
    expect((await load("5a3f", single)).status).toBe(200);
  });
});

interface Page {
  models: { modelName: string }[];
  nextPageToken?: string;
}

describe("GET /models in pages", () => {
  const loaded = (count: number) => Array.from({ length: count }, (_, index) => ({ name: `m${index}`, url: "/" }));
  const routes = (count: number) => {
    const none = async () => failure("not-found", "none");
    return multiModelRoutes({
      find: () => failure("not-found", ""),
      loaded: () => loaded(count),
      add: none,
      remove: none,
    });
  };

  it.each([
    [MODELS_PER_PAGE, [MODELS_PER_PAGE]],
    [MODELS_PER_PAGE + 1, [MODELS_PER_PAGE, 1]],
    [2 * MODELS_PER_PAGE, [MODELS_PER_PAGE, MODELS_PER_PAGE]],
  ])("%d models come as %j", async (count, pages) => {
    const sizes: number[] = [];
    const names: string[] = [];
    let token: string | undefined;
    do {
      const query = token === undefined ? "" : `?next_page_token=${token}`;
      const page = (await (await routes(count).request(`/models${query}`)).json()) as Page;
      sizes.push(page.models.length);
      names.push(...page.models.map(({ modelName }) => modelName));
      token = page.nextPageToken;
    } while (token !== undefined);
    expect(sizes).toEqual(pages);
    expect(names).toEqual(loaded(count).map(({ name }) => name));
  });

  it.each(["x", "-1", "1.5", ""])("a token that it never gave, %j: 400", async (token) => {
    expect((await routes(1).request(`/models?next_page_token=${token}`)).status).toBe(400);
  });

  it("a token past the end lists nothing", async () => {
    expect(await (await routes(1).request("/models?next_page_token=100")).json()).toEqual({ models: [] });
  });
});

function load(name: string, url: string): Promise<Response> {
  return post(`${app.url}/models`, JSON.stringify({ model_name: name, url }), { "Content-Type": "application/json" });
}

/** The name under which a model answers, and its first value. */
async function answer(name: string, headers: Record<string, string> = {}): Promise<[string, number]> {
  const type = { "Content-Type": "application/json" };
  const response = await post(`${app.url}/models/${name}/invoke`, WHITE, { ...type, ...headers });
  const message = (await response.json()) as { model_name: string; outputs: { data: number[] }[] };
  return [message.model_name, message.outputs[0].data[0]];
}

async function expectError(response: Response, status: number): Promise<string> {
  const text = await response.text();
  expect(response.status, text).toBe(status);
  expect(JSON.parse(text)).toEqual({ error: expect.any(String) });
  return JSON.parse(text).error;
}
