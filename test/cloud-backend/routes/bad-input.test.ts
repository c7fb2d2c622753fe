// What is refused, with which status; each limit at the limit and one past it.
import { once } from "node:events";
import { request } from "node:http";
import { crc32 } from "node:zlib";
import sharp from "sharp";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import {
  JSON_ELEMENT_BYTES,
  JSON_REST_BYTES,
  MAX_BODY_BYTES,
  MAX_IMAGE_PIXELS,
  MAX_REQUEST_PIXELS,
  MAX_TIMEOUT_MICROSECONDS,
} from "../../../cloud-backend/src/limits.ts";
import { largeGraph, SERVING } from "../setup/graphs.ts";
import {
  binaryMessage,
  bytesElements,
  imageInput,
  jsonLogits,
  jsonMessage,
  post,
  SAGEMAKER_TYPE,
  samplePixels,
} from "../setup/messages.ts";
import { floatManifest } from "../setup/model-folder.ts";
import { type RunningApp, startApp } from "../setup/running-app.ts";

const MAX_BATCH = SERVING.batching.maxBatch;
const INFER = "/v2/models/large/infer";
const pixels = samplePixels();
const shape = [1, 32, 32, 3];
const data = [...pixels];
const onePixel = await solidPng(1, 1);
const png = await solidPng(300, 300);
const jpeg = await sharp(pixels, { raw: { width: 32, height: 32, channels: 3 } })
  .jpeg()
  .toBuffer();
const gif = await sharp(jpeg).gif().toBuffer();

let app: RunningApp;
let logits: number[];
beforeAll(async () => {
  const floats = await largeGraph(await floatManifest());
  app = await startApp({ graphs: [await largeGraph(), { ...floats, name: "floats" }] });
  logits = await jsonLogits(await post(app.url + INFER, jsonMessage(pixels)));
});
afterEach(async () => {
  // Whatever came before, the next request is answered.
  const response = await post(app.url + INFER, jsonMessage(pixels));
  expect(await jsonLogits(response)).toEqual(logits);
});
afterAll(async () => {
  // Nothing that a caller sends is a surprise.
  expect(app.log).toEqual([]);
  await app.close();
});

describe("a JSON message", () => {
  const input = { name: "image", datatype: "UINT8", shape, data };
  it.each([
    ["not JSON", "{", /expected JSON/],
    ["not UTF-8", new Uint8Array([0x22, 0xff, 0x22]), /expected JSON/],
    ["empty", "", /expected JSON/],
    ["no object", "[]", /expected object/],
    ["no inputs", { inputs: [] }, /inputs/],
    ["two inputs", { inputs: [input, { ...input, name: "other" }] }, /expected "image" and nothing else/],
    ["wrong name", { inputs: [{ ...input, name: "picture" }] }, /expected "image" and nothing else/],
    ["wrong datatype", { inputs: [{ ...input, datatype: "INT32" }] }, /expected UINT8 \[-1, 32, 32, 3\].*got INT32/],
    ["unknown datatype", { inputs: [{ ...input, datatype: "UINT9" }] }, /datatype/],
    ["wrong shape", { inputs: [{ ...input, shape: [1, 3, 32, 32] }] }, /got UINT8 \[1, 3, 32, 32\]/],
    ["no batch", { inputs: [{ ...input, shape: [32, 32, 3] }] }, /got UINT8 \[32, 32, 3\]/],
    ["scalar", { inputs: [{ ...input, shape: [], data: [1] }] }, /got UINT8 \[\]/],
    ["empty batch", { inputs: [{ ...input, shape: [0, 32, 32, 3], data: [] }] }, /expected 1 to 64 images, got 0/],
    ["negative dimension", { inputs: [{ ...input, shape: [-1, 32, 32, 3] }] }, /at least 0/],
    ["fractional dimension", { inputs: [{ ...input, shape: [1.5, 32, 32, 3] }] }, /whole numbers/],
    ["huge dimensions", { inputs: [{ ...input, shape: [1e9, 1e9, 1e9, 3] }] }, /at most \d+ elements/],
    ["too many dimensions", { inputs: [{ ...input, shape: Array(9).fill(1) }] }, /shape.*8/],
    ["too few elements", { inputs: [{ ...input, data: data.slice(1) }] }, /expected 3072 elements, got 3071/],
    ["too many elements", { inputs: [{ ...input, data: [...data, 0] }] }, /expected 3072 elements, got more/],
    ["element out of range", { inputs: [{ ...input, data: [256, ...data.slice(1)] }] }, /256 does not fit UINT8/],
    ["element no number", { inputs: [{ ...input, data: ["1", ...data.slice(1)] }] }, /"1" is not UINT8/],
    ["no data", { inputs: [{ ...input, data: undefined }] }, /neither data nor binary_data_size/],
    ["binary size without bytes", { inputs: [imageInput(shape, pixels)] }, /exceeds the 0 bytes left/],
    [
      "BYTES of two dimensions",
      { inputs: [{ ...input, datatype: "BYTES", shape: [1, 1], data: ["x"] }] },
      /BYTES \[n\]/,
    ],
    ["unknown output", { inputs: [input], outputs: [{ name: "label" }] }, /the model has only "logits"/],
    ["output named twice", { inputs: [input], outputs: [{ name: "logits" }, { name: "logits" }] }, /twice/],
    [
      "part of a class",
      { inputs: [input], outputs: [{ name: "logits", parameters: { classification: 1.5 } }] },
      /logits: classification: expected a whole number/,
    ],
    [
      "less than no class",
      { inputs: [input], outputs: [{ name: "logits", parameters: { classification: -1 } }] },
      /logits: classification: expected a whole number/,
    ],
    [
      "classes of an output that is not there",
      { inputs: [input], outputs: [{ name: "label", parameters: { classification: 1 } }] },
      /the model has only "logits"/,
    ],
    [
      "shared memory",
      { inputs: [input], outputs: [{ name: "logits", parameters: { shared_memory_region: "r" } }] },
      /"shared_memory_region" is not supported/,
    ],
    [
      "a word for a flag",
      { inputs: [input], outputs: [{ name: "logits", parameters: { binary_data: "true" } }] },
      /binary_data: expected true or false/,
    ],
    ["a sequence", { inputs: [input], parameters: { sequence_id: 7 } }, /"sequence_id": there are no sequences/],
    ["a sequence's start", { inputs: [input], parameters: { sequence_start: true } }, /"sequence_start"/],
    ["a sequence's end", { inputs: [input], parameters: { sequence_end: false } }, /"sequence_end"/],
    ["element NaN", `{"inputs":[{"name":"image","datatype":"UINT8","shape":[1],"data":[NaN]}]}`, /expected JSON/],
    ["nested parameters", { inputs: [input], parameters: { timeout: { ms: 1 } } }, /^parameters/],
    ["id no string", { inputs: [input], id: 7 }, /^id/],
    ["unknown priority", { inputs: [input], parameters: { priority: 4 } }, /priority: expected a whole number/],
    ["negative timeout", { inputs: [input], parameters: { timeout: -1 } }, /timeout/],
    ["fractional timeout", { inputs: [input], parameters: { timeout: 1.5 } }, /timeout/],
    ["timeout in words", { inputs: [input], parameters: { timeout: "1000" } }, /timeout/],
    ["timeout past the limit", { inputs: [input], parameters: { timeout: MAX_TIMEOUT_MICROSECONDS + 1 } }, /timeout/],
  ])("%s: 400", async (_, message, error) => {
    const body = typeof message === "string" || message instanceof Uint8Array ? message : JSON.stringify(message);
    await expectError(await post(app.url + INFER, body), 400, error);
    await expectError(await post(`${app.url}/invocations`, body, { "Content-Type": "application/json" }), 400, error);
  });

  it("the longest timeout is accepted, and 0 means none", async () => {
    for (const timeout of [MAX_TIMEOUT_MICROSECONDS, 0]) {
      const response = await post(app.url + INFER, jsonMessage(pixels, { parameters: { timeout } }));
      expect(response.status).toBe(200);
    }
  });
});

describe("a binary message", () => {
  const good = binaryMessage({ inputs: [imageInput(shape, pixels)] }, pixels);
  const short = binaryMessage({ inputs: [imageInput(shape, pixels.subarray(1))] }, pixels.subarray(1));
  const declared = (size: number, of = shape) =>
    binaryMessage({ inputs: [{ ...imageInput(of, pixels), parameters: { binary_data_size: size } }] }, pixels);
  const huge = declared(Number.MAX_SAFE_INTEGER, [2 ** 26, 1, 1, 1]);
  const vast = declared(1e300);
  const negative = declared(-3072);
  const partial = declared(3071.5);
  const both = binaryMessage({ inputs: [{ ...imageInput(shape, pixels), data }] }, pixels);
  it.each([
    ["truncated body", good.body.slice(0, -1), good.headerBytes, /exceeds the 3071 bytes left/],
    ["a byte too many", new Uint8Array([...good.body, 0]), good.headerBytes, /1 bytes belong to no tensor/],
    ["too few bytes for the shape", short.body, short.headerBytes, /expected 3072 bytes/],
    [
      "a size of 2^53 bytes",
      huge.body,
      huge.headerBytes,
      /binary_data_size 9007199254740991 exceeds the 3072 bytes left/,
    ],
    ["a size of 1e300 bytes", vast.body, vast.headerBytes, /binary_data_size 1e\+300 exceeds/],
    ["a negative size", negative.body, negative.headerBytes, /binary_data_size -3072 exceeds/],
    ["half a byte", partial.body, partial.headerBytes, /binary_data_size 3071.5 exceeds/],
    ["data and bytes", both.body, both.headerBytes, /both data and binary_data_size/],
    ["header length cuts the JSON", good.body, good.headerBytes - 1, /expected JSON/],
    ["header length past the body", good.body, good.body.byteLength + 1, /header length/],
    ["header length no number", good.body, "12x", /header length/],
    ["header length negative", good.body, -5, /header length/],
    ["raw input of the wrong size", pixels.slice(1), 0, /expected 3072 bytes/],
  ])("%s: 400", async (_, body, headerBytes, error) => {
    const plain = {
      "Content-Type": "application/octet-stream",
      "Inference-Header-Content-Length": String(headerBytes),
    };
    await expectError(await post(app.url + INFER, body, plain), 400, error);
    await expectError(await post(`${app.url}/invocations`, body, plain), 400, error);
    const sagemaker = { "Content-Type": `${SAGEMAKER_TYPE}${headerBytes}` };
    await expectError(await post(`${app.url}/invocations`, body, sagemaker), 400, error);
  });

  it("application/octet-stream without a length: 400 at /invocations", async () => {
    const headers = { "Content-Type": "application/octet-stream" };
    await expectError(await post(`${app.url}/invocations`, good.body, headers), 400, /Inference-Header-Content-Length/);
  });
});

describe("a model or version that is not there: 404, whatever the body", () => {
  it.each(["/v2/models/small/infer", "/v2/models/large/versions/2/infer", "/v2/models/large/versions/-1/infer"])(
    "%s",
    async (path) => {
      for (const body of [jsonMessage(pixels), "{", "", new Uint8Array(1_000_000)]) {
        await expectError(await post(app.url + path, body), 404, /model/);
      }
    },
  );
});

describe("a content type that /invocations does not know: 415", () => {
  it.each(["text/plain", "image/gif", "image/svg+xml", "application/json5", ""])("%j", async (contentType) => {
    const body = new Uint8Array(10);
    await expectError(
      await post(`${app.url}/invocations`, body, { "Content-Type": contentType }),
      415,
      /expected one of/,
    );
  });
});

describe("the batch", () => {
  it.each([
    [MAX_BATCH, 200],
    [MAX_BATCH + 1, 400],
  ])("of %i tensors: %i", async (images, status) => {
    const batch = samplePixels(images);
    const { body, headerBytes } = binaryMessage({ inputs: [imageInput([images, 32, 32, 3], batch)] }, batch);
    expect((await post(app.url + INFER, body, sagemaker(headerBytes))).status).toBe(status);
  });

  it.each([
    [MAX_BATCH, 200],
    [MAX_BATCH + 1, 400],
  ])("of %i encoded images: %i", async (images, status) => {
    expect((await postImages(Array(images).fill(onePixel))).status).toBe(status);
  });

  it.each([
    ["fewer elements than declared", [2], [onePixel], /expected 2 elements, got 1/],
    ["an empty batch", [0], [], /expected 1 to 64 images, got 0/],
  ])("of encoded images, %s: 400", async (_, declared, images, error) => {
    const elements = bytesElements(images);
    const { body, headerBytes } = binaryMessage({ inputs: [imageInput(declared, elements, "BYTES")] }, elements);
    await expectError(await post(app.url + INFER, body, sagemaker(headerBytes)), 400, error);
  });

  it("an element that runs past the tensor: 400", async () => {
    const elements = bytesElements([onePixel]);
    elements[0]++;
    const { body, headerBytes } = binaryMessage({ inputs: [imageInput([1], elements, "BYTES")] }, elements);
    await expectError(await post(app.url + INFER, body, sagemaker(headerBytes)), 400, /runs past the end/);
  });
});

describe("an image", () => {
  it.each([
    ["empty", new Uint8Array(0), /expected a JPEG, PNG or WebP/],
    ["no image", Buffer.from("not an image at all"), /expected a JPEG, PNG or WebP/],
    ["a GIF", gif, /expected a JPEG, PNG or WebP/],
    [
      "an SVG",
      Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>'),
      /expected a JPEG, PNG or WebP/,
    ],
    ["a JPEG's first bytes", jpeg.subarray(0, 40), /damaged/],
    ["half a JPEG", jpeg.subarray(0, jpeg.byteLength / 2), /damaged/],
    ["half a PNG", png.subarray(0, png.byteLength / 2), /damaged/],
    ["a RIFF that is no WebP", Buffer.from("RIFF\0\0\0\0WAVEfmt "), /expected a JPEG, PNG or WebP/],
    ["an empty WebP", Buffer.from("RIFF\0\0\0\0WEBPVP8 "), /damaged/],
  ])("%s: 400", async (_, image, error) => {
    const response = await post(`${app.url}/invocations`, new Uint8Array(image), { "Content-Type": "image/png" });
    await expectError(response, 400, error);
  });

  it("names the bad one in a batch", async () => {
    await expectError(await postImages([onePixel, Buffer.from("?")]), 400, /^image 1: /);
  });

  it("whose header declares 65,535 x 65,535 pixels: 413, without decoding", async () => {
    const image = pngBomb(65_535, 65_535);
    expect(image.byteLength).toBeLessThan(200);
    const response = await post(`${app.url}/invocations`, image, { "Content-Type": "image/png" });
    await expectError(response, 413, /65535 x 65535/);
  });

  it("at the pixel limit: 200; one row past it: 413", async () => {
    expect(MAX_IMAGE_PIXELS).toBe(4000 * 4000);
    expect((await postImages([await solidPng(4000, 4000)])).status).toBe(200);
    await expectError(await postImages([await solidPng(4000, 4001)]), 413, /expected at most 16000000 pixels/);
  });

  it("that brings the request's images past their common limit: 413", async () => {
    const large = await solidPng(4000, 4000);
    const full = Array(MAX_REQUEST_PIXELS / MAX_IMAGE_PIXELS).fill(large);
    expect((await postImages(full)).status).toBe(200);
    await expectError(await postImages([...full, onePixel]), 413, /^image 4: .*together/);
  });
});

describe("NaN", () => {
  const tensor = new Uint8Array(new Float32Array(3072).fill(Number.NaN).buffer);
  const ask = (outputs: object[]) => {
    const header = { inputs: [imageInput([1, 3, 32, 32], tensor, "FP32")], outputs };
    const { body, headerBytes } = binaryMessage(header, tensor);
    return post(`${app.url}/v2/models/floats/infer`, body, sagemaker(headerBytes));
  };

  it("goes in and out as bytes", async () => {
    const response = await ask([{ name: "logits", parameters: { binary_data: true } }]);
    expect(response.status).toBe(200);
    const values = new Uint8Array(await response.arrayBuffer()).slice(-400);
    expect([...new Float32Array(values.buffer)]).toEqual(Array(100).fill(Number.NaN));
  });

  it("cannot be said in JSON, and is no class's value: 500, and counted as the model's fault", async () => {
    const [, { statistics }] = app.repository.models();
    const before = statistics.failures.BACKEND;
    await expectError(await ask([{ name: "logits" }]), 500, /^logits: holds NaN; ask for binary data$/);
    const classes = { name: "logits", parameters: { classification: 1, binary_data: true } };
    await expectError(await ask([classes]), 500, /^logits: holds NaN, which is no class's value$/);
    expect(statistics.failures.BACKEND - before).toBe(2);
  });
});

describe("a body", () => {
  it("of the declared limit is read; one byte more is refused before any of it came", async () => {
    const image = new Uint8Array(MAX_BODY_BYTES);
    await expectError(
      await post(`${app.url}/invocations`, image, { "Content-Type": "image/png" }),
      400,
      /expected a JPEG/,
    );
    for (const path of ["/invocations", INFER]) {
      const headers = { "Content-Type": "image/png", "Content-Length": MAX_BODY_BYTES + 1 };
      const upload = request(app.url + path, { method: "POST", headers });
      upload.flushHeaders();
      const [response] = await once(upload, "response");
      expect(response.statusCode).toBe(413);
      upload.on("error", () => undefined).destroy();
    }
  });

  it("of JSON may be as long as what the model takes needs, and no longer", async () => {
    const maxBytes = MAX_BATCH * 3072 * JSON_ELEMENT_BYTES + JSON_REST_BYTES;
    const nested = Array.from({ length: MAX_BATCH }, () => Array(32).fill(Array(32).fill(["255.000", " 255", "0"])));
    const inputs = [{ name: "image", datatype: "UINT8", shape: [MAX_BATCH, 32, 32, 3], data: nested }];
    const json = JSON.stringify({ inputs }, null, 1).replaceAll(/"( ?[\d.]+)"/g, "$1");
    for (const path of ["/invocations", INFER]) {
      const headers = { "Content-Type": "application/json" };
      expect((await post(app.url + path, json.padEnd(maxBytes), headers)).status).toBe(200);
      await expectError(
        await post(app.url + path, json.padEnd(maxBytes + 1), headers),
        413,
        /expected a body of at most/,
      );
    }
  });

  it("of unknown length is read up to the limit and refused past it", async () => {
    await expectError(await postChunks(MAX_BODY_BYTES), 400, /expected a JPEG/);
    await expectError(await postChunks(MAX_BODY_BYTES + 1), 413, /at most 26214400 bytes/);
  });
});

async function expectError(response: Response, status: number, error: RegExp): Promise<void> {
  const text = await response.text();
  expect(response.status, text).toBe(status);
  expect(JSON.parse(text)).toEqual({ error: expect.stringMatching(error) });
}

function sagemaker(headerBytes: number) {
  return { "Content-Type": `${SAGEMAKER_TYPE}${headerBytes}` };
}

function postImages(images: readonly Uint8Array[]): Promise<Response> {
  const elements = bytesElements(images);
  const { body, headerBytes } = binaryMessage({ inputs: [imageInput([images.length], elements, "BYTES")] }, elements);
  return post(`${app.url}/invocations`, body, sagemaker(headerBytes));
}

function postChunks(total: number): Promise<Response> {
  let left = total;
  const body = new ReadableStream({
    pull(controller) {
      const size = Math.min(left, 1 << 20);
      left -= size;
      if (size > 0) controller.enqueue(new Uint8Array(size));
      else controller.close();
    },
  });
  const headers = { "Content-Type": "image/png" };
  return fetch(`${app.url}/invocations`, { method: "POST", body, headers, duplex: "half" } as RequestInit);
}

function solidPng(width: number, height: number): Promise<Buffer> {
  return sharp({ create: { width, height, channels: 3, background: "#336699" } })
    .png({ compressionLevel: 1 })
    .toBuffer();
}

/** A PNG with a valid header of any size and next to no data. */
function pngBomb(width: number, height: number): Uint8Array<ArrayBuffer> {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 2, 0, 0, 0], 8);
  const signature = Buffer.from("\x89PNG\r\n\x1a\n", "latin1");
  const parts = [
    signature,
    pngChunk("IHDR", header),
    pngChunk("IDAT", Buffer.alloc(16)),
    pngChunk("IEND", Buffer.alloc(0)),
  ];
  return new Uint8Array(Buffer.concat(parts));
}

function pngChunk(type: string, content: Buffer): Buffer {
  const typed = Buffer.concat([Buffer.from(type), content]);
  const chunk = Buffer.alloc(typed.byteLength + 8);
  chunk.writeUInt32BE(content.byteLength, 0);
  chunk.set(typed, 4);
  chunk.writeUInt32BE(crc32(typed), chunk.byteLength - 4);
  return chunk;
}
