// The same pixels through every door give the same answer, and each form of message is answered in kind.
import { tailFeatureShape } from "@spillway/shared/schema/cloud-graphs";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  binaryMessage,
  bytesElements,
  imageInput,
  jsonLogits,
  jsonMessage,
  post,
  readAnswer,
  SAGEMAKER_TYPE,
  samplePixels,
  splitAnswer,
} from "../setup/messages.ts";
import { floatManifest, shippedManifest } from "../setup/model-folder.ts";
import { type RunningApp, startApp } from "../setup/running-app.ts";

const pixels = samplePixels();
const png = await pngOf(pixels);
const webp = await sharp(png).webp({ lossless: true }).toBuffer();
const JSON_TYPE = { "Content-Type": "application/json" };
const INFER = "/v2/models/large/infer";
const BINARY_OUTPUT = { parameters: { binary_data_output: true } };

let app: RunningApp;
let logits: number[];
beforeAll(async () => {
  app = await startApp();
  logits = await jsonLogits(await post(app.url + INFER, jsonMessage(pixels)));
});
afterAll(() => app.close());

describe("JSON", () => {
  it.each(["/invocations", "/endpoints/any/invocations", INFER, "/v2/models/large/versions/1/infer"])(
    "at %s",
    async (path) => {
      const response = await post(app.url + path, jsonMessage(pixels, { id: "ä-1" }), JSON_TYPE);
      expect(response.status).toBe(200);
      expect(response.headers.get("Content-Type")).toBe("application/json");
      expect(await response.json()).toEqual({
        model_name: "large",
        model_version: "1",
        id: "ä-1",
        outputs: [{ name: "logits", datatype: "FP32", shape: [1, 100], data: logits }],
      });
    },
  );

  it("answers with finite numbers that differ, and without an id where none was given", async () => {
    const answer = await readAnswer(await post(app.url + INFER, jsonMessage(pixels)));
    expect(answer).not.toHaveProperty("id");
    expect(logits).toHaveLength(100);
    expect(logits.every(Number.isFinite)).toBe(true);
    expect(new Set(logits).size).toBeGreaterThan(90);
  });

  it("takes nested data", async () => {
    const rows = Array.from({ length: 32 }, (_, y) =>
      Array.from({ length: 32 }, (_, x) => [...pixels.subarray((y * 32 + x) * 3, (y * 32 + x) * 3 + 3)]),
    );
    const message = { inputs: [{ name: "image", datatype: "UINT8", shape: [1, 32, 32, 3], data: [rows] }] };
    expect(await jsonLogits(await post(app.url + INFER, JSON.stringify(message)))).toEqual(logits);
  });

  it("answers each image of a batch as if it came alone", async () => {
    const batch = samplePixels(3);
    const answer = await readAnswer(await post(app.url + INFER, jsonMessage(batch)));
    expect(answer.outputs[0].shape).toEqual([3, 100]);
    for (const index of [0, 1, 2]) {
      const alone = await jsonLogits(
        await post(app.url + INFER, jsonMessage(batch.slice(index * 3072, (index + 1) * 3072))),
      );
      answer.outputs[0].data
        .slice(index * 100, (index + 1) * 100)
        .forEach((logit, k) => void expect(logit).toBeCloseTo(alone[k], 3));
    }
  });
});

describe("binary", () => {
  it("plain form: the header's length in a header, both ways", async () => {
    const { body, headerBytes } = binaryMessage(
      { id: "7", inputs: [imageInput([1, 32, 32, 3], pixels)], ...BINARY_OUTPUT },
      pixels,
    );
    for (const path of [INFER, "/invocations"]) {
      const response = await post(app.url + path, body, plain(headerBytes));
      expect(response.status).toBe(200);
      expect(response.headers.get("Content-Type")).toBe("application/octet-stream");
      const length = Number(response.headers.get("Inference-Header-Content-Length"));
      const { header, binary } = await splitAnswer(response, length);
      const output = { name: "logits", shape: [1, 100], datatype: "FP32", parameters: { binary_data_size: 400 } };
      expect(header).toEqual({ model_name: "large", model_version: "1", id: "7", outputs: [output] });
      expect([...new Float32Array(binary.buffer)]).toEqual(logits);
    }
  });

  it("SageMaker form: the header's length in the content type, both ways", async () => {
    const { body, headerBytes } = binaryMessage(
      { inputs: [imageInput([1, 32, 32, 3], pixels)], ...BINARY_OUTPUT },
      pixels,
    );
    for (const path of [INFER, "/invocations"]) {
      const response = await post(app.url + path, body, { "Content-Type": `${SAGEMAKER_TYPE}${headerBytes}` });
      expect(response.status).toBe(200);
      expect(response.headers.has("Inference-Header-Content-Length")).toBe(false);
      const contentType = response.headers.get("Content-Type") ?? "";
      expect(contentType.startsWith(SAGEMAKER_TYPE)).toBe(true);
      const { binary } = await splitAnswer(response, Number(contentType.slice(SAGEMAKER_TYPE.length)));
      expect([...new Float32Array(binary.buffer)]).toEqual(logits);
    }
  });

  it("binary in, JSON out, when no output is asked for as bytes", async () => {
    const { body, headerBytes } = binaryMessage({ inputs: [imageInput([1, 32, 32, 3], pixels)] }, pixels);
    const sagemaker = await post(`${app.url}/invocations`, body, { "Content-Type": `${SAGEMAKER_TYPE}${headerBytes}` });
    const onOpenPort = await post(app.url + INFER, body, plain(headerBytes));
    for (const response of [sagemaker, onOpenPort]) {
      expect(response.headers.get("Content-Type")).toBe("application/json");
      expect(await jsonLogits(response)).toEqual(logits);
    }
  });

  it.each([
    ["the output's own word", { outputs: [{ name: "logits", parameters: { binary_data: true } }] }, true],
    [
      "the output's own word over the request's",
      { outputs: [{ name: "logits", parameters: { binary_data: false } }], ...BINARY_OUTPUT },
      false,
    ],
    ["the request's", { outputs: [{ name: "logits" }], ...BINARY_OUTPUT }, true],
    ["none", { outputs: [] }, false],
  ])("JSON in; bytes out by %s", async (_, rest, isBinary) => {
    const response = await post(app.url + INFER, jsonMessage(pixels, rest));
    expect(response.headers.has("Inference-Header-Content-Length")).toBe(isBinary);
    const invocation = await post(`${app.url}/invocations`, jsonMessage(pixels, rest), JSON_TYPE);
    expect(invocation.headers.get("Content-Type")?.startsWith(SAGEMAKER_TYPE)).toBe(isBinary);
  });

  it("raw form: a header length of 0 makes the body the input", async () => {
    const response = await post(app.url + INFER, pixels, plain(0));
    const length = Number(response.headers.get("Inference-Header-Content-Length"));
    const { header, binary } = await splitAnswer(response, length);
    expect(header.outputs[0].shape).toEqual([1, 100]);
    expect([...new Float32Array(binary.buffer)]).toEqual(logits);
  });
});

describe("encoded images", () => {
  it.each([
    ["PNG", png, "image/png"],
    ["WebP", webp, "image/webp"],
    ["PNG called JPEG; the bytes decide", png, "image/jpeg"],
    ["PNG, content type with a parameter", png, "Image/PNG; charset=binary"],
  ])("%s as the body", async (_, image, contentType) => {
    const response = await post(`${app.url}/invocations`, new Uint8Array(image), { "Content-Type": contentType });
    expect(response.status).toBe(200);
    expect(response.headers.get("Content-Type")).toBe("application/json");
    expect(await jsonLogits(response)).toEqual(logits);
  });

  it("several as BYTES [n]", async () => {
    const batch = samplePixels(2);
    const elements = bytesElements(await Promise.all([pngOf(batch.slice(0, 3072)), pngOf(batch.slice(3072))]));
    const { body, headerBytes } = binaryMessage({ inputs: [imageInput([2], elements, "BYTES")] }, elements);
    const encoded = await jsonLogits(await post(app.url + INFER, body, plain(headerBytes)));
    expect(encoded).toEqual(await jsonLogits(await post(app.url + INFER, jsonMessage(batch))));
  });
});

describe("a graph that takes FP32 NCHW and has two outputs", () => {
  let floatApp: RunningApp;
  beforeAll(async () => {
    floatApp = await startApp({ manifest: await floatManifest() });
  });
  afterAll(() => floatApp.close());

  it("gets from an image exactly the normalised values", async () => {
    const { mean, std } = (await floatManifest()).cloud.large.preprocessing;
    const values = new Float32Array(3072).map((_, at) => {
      const channel = Math.floor(at / 1024);
      return (pixels[(at % 1024) * 3 + channel] / 255 - mean[channel]) / std[channel];
    });
    const tensor = new Uint8Array(values.buffer);
    // An id of odd length leaves the floats unaligned in the body.
    for (const id of ["1", "22", "333", "4444"]) {
      const { body, headerBytes } = binaryMessage({ id, inputs: [imageInput([1, 3, 32, 32], tensor, "FP32")] }, tensor);
      const fromTensor = await jsonLogits(await post(floatApp.url + INFER, body, plain(headerBytes)));
      const fromImage = await jsonLogits(
        await post(`${floatApp.url}/invocations`, png, { "Content-Type": "image/png" }),
      );
      expect(fromImage).toEqual(fromTensor);
    }
  });

  it("returns all outputs, or those named, in the order named", async () => {
    const shapes = { logits: [1, 100], features1: [1, ...tailFeatureShape(await shippedManifest())] };
    const cases: [object, string[]][] = [
      [{}, ["features1", "logits"]],
      [{ outputs: [{ name: "logits" }] }, ["logits"]],
      [{ outputs: [{ name: "logits" }, { name: "features1" }] }, ["logits", "features1"]],
    ];
    const elements = bytesElements([png]);
    for (const [rest, names] of cases) {
      const { body, headerBytes } = binaryMessage({ inputs: [imageInput([1], elements, "BYTES")], ...rest }, elements);
      const answer = await readAnswer(await post(floatApp.url + INFER, body, plain(headerBytes)));
      const expected = names.map((name) =>
        expect.objectContaining({ name, shape: shapes[name as keyof typeof shapes] }),
      );
      expect(answer.outputs).toEqual(expected);
    }
  });

  it("mixes JSON and bytes in one answer", async () => {
    const elements = bytesElements([png]);
    const outputs = [{ name: "logits" }, { name: "features1", parameters: { binary_data: true } }];
    const message = binaryMessage({ inputs: [imageInput([1], elements, "BYTES")], outputs }, elements);
    const response = await post(floatApp.url + INFER, message.body, plain(message.headerBytes));
    const length = Number(response.headers.get("Inference-Header-Content-Length"));
    const { header, binary } = await splitAnswer(response, length);
    expect(header.outputs[0].data).toHaveLength(100);
    const bytes = tailFeatureShape(await shippedManifest()).reduce((product, side) => product * side, 4);
    expect(header.outputs[1].parameters).toEqual({ binary_data_size: bytes });
    expect(binary.byteLength).toBe(bytes);
  });
});

function plain(headerBytes: number) {
  return { "Content-Type": "application/octet-stream", "Inference-Header-Content-Length": String(headerBytes) };
}

async function pngOf(rgb: Uint8Array): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(
    await sharp(rgb, { raw: { width: 32, height: 32, channels: 3 } })
      .png()
      .toBuffer(),
  );
}
