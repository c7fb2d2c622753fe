// The v2 server that is not ours: it is strict, and answers to what we send a tail as our backend does.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { plainHeaderBytes } from "@spillway/shared/protocol/content-type";
import { decodeResponse, encodeRequest } from "@spillway/shared/protocol/message";
import { float32Values, type Tensor } from "@spillway/shared/protocol/tensor";
import { tailFeatureShape } from "@spillway/shared/schema/cloud-graphs";
import { tailTensors } from "@spillway/shared/split/tail-input";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { graphDescriptions } from "../../../cloud-backend/src/repository/graph-descriptions.ts";
import { modelFolder, shippedManifest } from "../../cloud-backend/setup/model-folder.ts";
import { startApp } from "../../cloud-backend/setup/running-app.ts";
import { smallTailGraph } from "../../cloud-backend/setup/tail.ts";
import { SMALL_TAIL_FILE, sentFeatures, smallFeatures, smallLogits } from "../../setup/small-tail.ts";
import { type PlainServer, startPlainServer } from "./server.ts";

const manifest = await shippedManifest();
const { large, tail } = manifest.cloud;
const features = await smallFeatures(2);
const codes = { name: "codes", datatype: "UINT8", shape: [1, 4, 3, 2], data: [...features.tensors[0].bytes] };
const ranges = {
  name: "ranges",
  datatype: "FP32",
  shape: [1, 4, 2],
  data: [...new Float32Array(features.tensors[1].bytes.buffer)],
};
const setting = { name: "setting", datatype: "INT64", shape: [1, 1], data: [2] };

let server: PlainServer;
beforeAll(async () => {
  server = await startPlainServer({ models: { small: SMALL_TAIL_FILE, large: join(modelFolder, large.file) } });
});
afterAll(() => server.close());

describe("the plain server", () => {
  it("shares nothing with this repository", async () => {
    for (const file of ["server.ts", "message.ts", "tensors.ts", "onnx-model.ts"]) {
      const source = await readFile(join(import.meta.dirname, file), "utf8");
      for (const [, from] of source.matchAll(/^(?:import|\}) .*from "(.*)";$/gm)) {
        expect(from).toMatch(/^(node:[a-z]+|onnxruntime-node|\.\/[a-z-]+\.ts)$/);
      }
    }
  });

  it.each([
    ["/v2", { name: "plain", version: "1", extensions: ["binary_tensor_data"] }],
    ["/v2/health/live", { live: true }],
    ["/v2/health/ready", { ready: true }],
    ["/v2/models/small/ready", { name: "small", ready: true }],
    ["/v2/models/small/versions/1/ready", { name: "small", ready: true }],
    [
      "/v2/models/small",
      {
        name: "small",
        versions: ["1"],
        platform: "onnx_onnxv1",
        inputs: [
          { name: "codes", datatype: "UINT8", shape: [-1, 4, 3, 2] },
          { name: "ranges", datatype: "FP32", shape: [-1, 4, 2] },
          { name: "setting", datatype: "INT64", shape: [-1, 1] },
        ],
        outputs: [{ name: "logits", datatype: "FP32", shape: [-1, 3] }],
      },
    ],
  ])("GET %s", async (path, answer) => {
    const response = await fetch(server.url + path);
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual(answer);
  });

  it.each([
    ["GET", "/v2/models/nobody", 404],
    ["POST", "/v2/models/nobody/infer", 404],
    ["GET", "/v2/models/small/infer", 405],
    ["POST", "/v2/models/small", 405],
    ["GET", "/v2/models/small/versions/2", 404],
    ["GET", "/invocations", 404],
  ])("%s %s: %i", async (method, path, status) => {
    const response = await fetch(server.url + path, { method });
    expect(response.status).toBe(status);
    expect(await response.json()).toEqual({ error: expect.any(String) });
  });

  it("takes JSON, and answers with JSON and the id", async () => {
    const nested = { ...codes, data: [codes.data] };
    const response = await infer("small", JSON.stringify({ id: "7", inputs: [setting, nested, ranges] }));
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({
      model_name: "small",
      model_version: "1",
      id: "7",
      outputs: [
        {
          name: "logits",
          datatype: "FP32",
          shape: [1, 3],
          data: smallLogits(features).map((logit) => expect.closeTo(logit, 4)),
        },
      ],
    });
  });

  it("answers with bytes only where they are asked for", async () => {
    const inputs = [codes, ranges, setting];
    const asked = (rest: object) => infer("small", JSON.stringify({ inputs, ...rest }));
    const isBinary = async (rest: object) => (await asked(rest)).headers.has("Inference-Header-Content-Length");
    expect(await isBinary({})).toBe(false);
    expect(await isBinary({ parameters: { binary_data_output: true } })).toBe(true);
    const outputs = [{ name: "logits", parameters: { binary_data: false } }];
    expect(await isBinary({ parameters: { binary_data_output: true }, outputs })).toBe(false);
  });

  it.each<[string, unknown]>([
    ["no JSON", "{"],
    ["no object", [1]],
    ["no inputs", {}],
    ["an unknown input", { inputs: [codes, ranges, { ...setting, name: "level" }] }],
    ["an input too few", { inputs: [codes, ranges] }],
    ["an input twice", { inputs: [codes, codes, ranges, setting] }],
    ["another shape", { inputs: [{ ...codes, shape: [1, 4, 2, 3] }, ranges, setting] }],
    ["no shape", { inputs: [{ ...codes, shape: undefined }, ranges, setting] }],
    ["another datatype", { inputs: [codes, ranges, { ...setting, datatype: "INT32" }] }],
    ["too few values", { inputs: [{ ...codes, data: [1] }, ranges, setting] }],
    ["a value that does not fit", { inputs: [{ ...codes, data: codes.data.map(() => 256) }, ranges, setting] }],
    ["a value of another kind", { inputs: [codes, ranges, { ...setting, data: ["2"] }] }],
    ["batches that differ", { inputs: [codes, ranges, { ...setting, shape: [2, 1], data: [0, 0] }] }],
    ["a setting that there is not", { inputs: [codes, ranges, { ...setting, data: [3] }] }],
    ["an unknown output", { inputs: [codes, ranges, setting], outputs: [{ name: "scores" }] }],
    ["neither data nor bytes", { inputs: [codes, ranges, { ...setting, data: undefined }] }],
    [
      "bytes that are not there",
      { inputs: [codes, ranges, { ...setting, data: undefined, parameters: { binary_data_size: 8 } }] },
    ],
    ["a frame", { inputs: [{ name: "frame", datatype: "BYTES", shape: [1], data: ["x"] }] }],
  ])("refuses %s", async (_, message) => {
    const response = await infer("small", typeof message === "string" ? message : JSON.stringify(message));
    expect(response.status).toBe(400);
    expect(await response.json()).toEqual({ error: expect.any(String) });
  });

  it.each(["0", "-1", "x", "100000"])("refuses a header length of %s", async (length) => {
    const { body } = encodeRequest({ inputs: features.tensors });
    const headers = { "Inference-Header-Content-Length": length };
    const response = await fetch(`${server.url}/v2/models/small/infer`, { method: "POST", body, headers });
    expect(response.status).toBe(400);
  });

  it("refuses a byte too many and one too few", async () => {
    const { body, headerBytes } = encodeRequest({ inputs: features.tensors });
    const headers = { "Inference-Header-Content-Length": String(headerBytes) };
    for (const wrong of [body.slice(0, -1), new Uint8Array([...body, 0])]) {
      const response = await fetch(`${server.url}/v2/models/small/infer`, { method: "POST", body: wrong, headers });
      expect(response.status).toBe(400);
    }
  });

  it("keeps a list of what it was asked", async () => {
    const { body } = encodeRequest({ inputs: features.tensors });
    await ask(server.url, "small", features.tensors);
    expect(server.requests.at(-1)).toMatchObject({ model: "small", bytes: body.byteLength, status: 200 });
  });
});

describe("our request, sent to our backend and to the plain server", () => {
  it("of three settings for the small tail: the same logits", async () => {
    const rows = await Promise.all([0, 1, 2].map((index) => smallFeatures(index, index + 5)));
    const app = await startApp({ graphs: [{ ...(await smallTailGraph()), name: "small" }] });
    try {
      for (const { tensors } of rows) await expectSame(app.url, "small", tensors, server.url);
    } finally {
      await app.close();
    }
  });

  it("for the shipped large model: the same logits", async () => {
    const app = await startApp();
    try {
      const bytes = new Uint8Array(3072).map((_, at) => (at * 97) % 251);
      const image: Tensor = { name: large.input.name, datatype: "UINT8", shape: [1, 32, 32, 3], bytes };
      await expectSame(app.url, "large", [image], server.url);
    } finally {
      await app.close();
    }
  });

  it.skipIf(tail === null)("of all settings for the shipped tail (skipped where none is shipped)", async () => {
    if (tail === null) return;
    const shape = tailFeatureShape(manifest);
    const rows = tail.settings.map((_, index) => sentFeatures(tail, shape, index, index + 1));
    const tensors = tailTensors(
      tail,
      rows.map(({ quantised, setting: index }) => ({ features: quantised, setting: index })),
    );
    const plain = await startPlainServer({ models: { tail: join(modelFolder, tail.file) } });
    const app = await startApp({ graphs: [graphDescriptions(modelFolder, manifest, "1")[1].graph] });
    try {
      await expectSame(app.url, "tail", tensors, plain.url);
    } finally {
      await app.close();
      await plain.close();
    }
  });
});

function infer(model: string, body: string): Promise<Response> {
  return fetch(`${server.url}/v2/models/${model}/infer`, { method: "POST", body });
}

async function expectSame(ours: string, model: string, tensors: Tensor[], plain: string): Promise<void> {
  const [expected, logits] = [await ask(ours, model, tensors), await ask(plain, model, tensors)];
  expect(logits.length).toBe(expected.length);
  logits.forEach((logit, k) => void expect(Math.abs(logit - expected[k])).toBeLessThan(1e-5));
}

/** As the Worker asks a plain v2 server. */
async function ask(url: string, model: string, inputs: Tensor[]): Promise<Float32Array> {
  const { body, headerBytes } = encodeRequest({ inputs });
  const headers = {
    "Content-Type": "application/octet-stream",
    "Inference-Header-Content-Length": String(headerBytes),
  };
  const response = await fetch(`${url}/v2/models/${model}/infer`, { method: "POST", body, headers });
  expect(response.status).toBe(200);
  const length = plainHeaderBytes(response.headers.get("Inference-Header-Content-Length"));
  const { outputs } = decodeResponse(new Uint8Array(await response.arrayBuffer()), length);
  return float32Values(outputs[0]);
}
