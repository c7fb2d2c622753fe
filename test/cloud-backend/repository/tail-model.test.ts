// A family of two graphs comes and goes as one graph does, and is told of wherever models are told of.
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { DiskRepository } from "../../../cloud-backend/src/repository/disk-repository.ts";
import { openRepository } from "../../../cloud-backend/src/repository/open-repository.ts";
import { smallFeatures, smallLogits } from "../../setup/small-tail.ts";
import { post } from "../setup/messages.ts";
import { startSmallModel, temporaryFolder, writeModel } from "../setup/model-folders.ts";
import { type RunningApp, startApp } from "../setup/running-app.ts";
import { writeModelWithTail } from "../setup/tail.ts";

const features = await smallFeatures(1);
const READY = { state: "READY", reason: "" };

let directory: string;
let repository: DiskRepository;
let app: RunningApp;
beforeEach(async () => {
  directory = await temporaryFolder();
  await writeModelWithTail(join(directory, "1"));
  const options = { startModel: startSmallModel(), onEvent: () => undefined, drainMs: 1000, keptVersions: 1 };
  repository = openRepository({ kind: "versions", path: directory }, options);
  expect(await repository.scan()).toEqual({ ok: true, value: null });
  app = await startApp({ repository });
});
afterEach(() => app.close());

describe("a folder with a tail", () => {
  it("serves both its graphs", async () => {
    expect(await askTail()).toEqual(["1", smallLogits(features).map((logit) => expect.closeTo(logit, 4))]);
    expect(repository.models().map(({ name }) => name)).toEqual(["large", "tail"]);
    expect(await index()).toEqual([
      { name: "large", version: "1", ...READY },
      { name: "tail", version: "1", ...READY },
    ]);
  });

  it("is followed by the next version, of both", async () => {
    await writeModelWithTail(join(directory, "2"), "mean-colour-doubled");
    await repository.scan();
    expect((await askTail())[0]).toBe("2");
    expect(repository.models().map(({ name, version }) => `${name} ${version}`)).toEqual(["large 2", "tail 2"]);
  });

  it("is not followed by one whose tail is damaged; the large model of that is served", async () => {
    await writeModelWithTail(join(directory, "2"));
    const whole = (await index())[1];
    await writeFile(join(directory, "2", "tail.onnx"), new Uint8Array(976));
    expect(await repository.scan()).toEqual({ ok: true, value: null });
    expect((await askTail())[0]).toBe("1");
    expect(await index()).toEqual([
      expect.objectContaining({ name: "large", version: "1", state: "UNAVAILABLE" }),
      { name: "large", version: "2", ...READY },
      whole,
      { name: "tail", version: "2", state: "UNAVAILABLE", reason: expect.stringMatching(/tail\.onnx: .*SHA-256/) },
    ]);
  });

  it("keeps its tail where the next version has none, for whoever still sends features", async () => {
    await writeModel(join(directory, "2"));
    await repository.scan();
    expect((await askTail())[0]).toBe("1");
    await rm(join(directory, "1"), { recursive: true });
    await repository.scan();
    expect((await askTail())[0]).toBe("1");
    expect(repository.isReady()).toBe(true);
  });

  it("is unloaded and loaded graph by graph", async () => {
    expect((await post(`${app.url}/v2/repository/models/tail/unload`, "")).status).toBe(200);
    expect((await send()).status).toBe(503);
    expect((await fetch(`${app.url}/v2/models/large/ready`)).status).toBe(200);
    expect((await post(`${app.url}/v2/repository/models/tail/load`, "")).status).toBe(200);
    expect((await send()).status).toBe(200);
  });

  it("is counted under its name, also for frames that it refused", async () => {
    await send();
    expect((await send(features.frame.slice(1))).status).toBe(400);
    const stats = await (await fetch(`${app.url}/v2/models/tail/stats`)).json();
    expect(stats).toMatchObject({
      model_stats: [
        { name: "tail", inference_count: 1, inference_stats: { success: { count: 1 }, fail: { count: 1 } } },
      ],
    });
    const metrics = await (await fetch(`${app.url}/metrics`)).text();
    expect(metrics).toMatch(/^nv_inference_request_success\{[^}]*model="tail"[^}]*\} 1$/m);
    expect(metrics).toMatch(/^nv_inference_request_failure\{[^}]*model="tail"[^}]*reason="OTHER"[^}]*\} 1$/m);
  });
});

async function index(): Promise<unknown[]> {
  return (await (await post(`${app.url}/v2/repository/index`, "")).json()) as unknown[];
}

function send(frame = features.frame): Promise<Response> {
  const type = "application/vnd.sagemaker-triton.binary+json;json-header-size=0";
  return post(`${app.url}/v2/models/tail/infer`, frame, { "Content-Type": type });
}

/** The version that answers, and its logits. */
async function askTail(): Promise<[version: string, logits: number[]]> {
  const response = await send();
  expect(response.status).toBe(200);
  const [, headerBytes] = (response.headers.get("Content-Type") ?? "").split("json-header-size=");
  const body = Buffer.from(await response.arrayBuffer());
  const header = JSON.parse(body.subarray(0, Number(headerBytes)).toString("utf8"));
  const logits = new Float32Array(new Uint8Array(body.subarray(Number(headerBytes))).buffer);
  return [header.model_version, [...logits]];
}
