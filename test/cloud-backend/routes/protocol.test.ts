// Every endpoint of the v2 protocol against its text: kserve/open-inference-protocol's inference_rest.md
// and Triton's docs/protocol/*.md. Messages are written out as they travel, byte by byte; the model is
// one whose answers can be worked out by hand: a row of codes times the matrix of the row's setting,
// which holds 0, 0.1, 0.2 and so on.
import { connect } from "node:net";
import { buffer } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { perRowSettingGraph } from "../setup/graphs.ts";
import { post, SAGEMAKER_TYPE } from "../setup/messages.ts";
import { type RunningApp, startApp } from "../setup/running-app.ts";

let app: RunningApp;
beforeAll(async () => {
  const graph = await perRowSettingGraph();
  const rows = { ...graph, name: "rows", labels: ["cat", "dog", "müsli"] };
  app = await startApp({
    graphs: [
      { ...rows, version: "1" },
      { ...rows, version: "2" },
    ],
  });
});
afterAll(async () => {
  expect(app.log).toEqual([]);
  await app.close();
});

const metadata = {
  name: "rows",
  versions: ["1", "2"],
  platform: "onnx_onnxv1",
  inputs: [
    { name: "codes", datatype: "UINT8", shape: [-1, 4] },
    { name: "setting", datatype: "INT64", shape: [-1] },
  ],
  outputs: [{ name: "logits", datatype: "FP32", shape: [-1, 3] }],
};
const configuration = {
  name: "rows",
  platform: "onnxruntime_onnx",
  backend: "onnxruntime",
  max_batch_size: 64,
  input: [
    { name: "codes", data_type: "TYPE_UINT8", dims: [4] },
    { name: "setting", data_type: "TYPE_INT64", dims: [] },
  ],
  output: [{ name: "logits", data_type: "TYPE_FP32", dims: [3] }],
  instance_group: [{ name: "rows", kind: "KIND_CPU", count: 1 }],
  dynamic_batching: {
    preferred_batch_size: [64],
    max_queue_delay_microseconds: 0,
    priority_levels: 3,
    default_priority_level: 2,
  },
};
const server = {
  name: "spillway",
  version: "0.1.0",
  extensions: [
    "binary_tensor_data",
    "classification",
    "model_configuration",
    "model_repository",
    "parameters",
    "schedule_policy",
    "statistics",
  ],
};
const INDEX = [
  { name: "rows", version: "1", state: "READY", reason: "" },
  { name: "rows", version: "2", state: "READY", reason: "" },
];

describe("what asks nothing of a model", () => {
  it.each<[string, string, unknown]>([
    ["GET", "/v2", server],
    ["GET", "/v2/", server],
    ["GET", "/v2/health/live", { live: true }],
    ["GET", "/v2/health/ready", { ready: true, live: true }],
    ["GET", "/v2/models/rows", metadata],
    ["GET", "/v2/models/rows/versions/1", metadata],
    ["GET", "/v2/models/rows/versions/2", metadata],
    ["GET", "/v2/models/rows/ready", { name: "rows", ready: true }],
    ["GET", "/v2/models/rows/versions/1/ready", { name: "rows", ready: true }],
    ["GET", "/v2/models/rows/config", configuration],
    ["GET", "/v2/models/rows/versions/1/config", configuration],
    ["POST", "/v2/repository/index", INDEX],
  ])("%s %s", async (method, path, expected) => {
    const response = await fetch(app.url + path, { method });
    expect(response.status).toBe(200);
    expect(response.headers.get("Content-Type")).toBe("application/json");
    expect(await response.json()).toEqual(expected);
  });

  it("/ping answers 200 without a body", async () => {
    const response = await fetch(`${app.url}/ping`);
    expect(response.status).toBe(200);
    expect(await response.text()).toBe("");
  });

  it("HEAD is GET without the body", async () => {
    const response = await fetch(`${app.url}/v2/models/rows`, { method: "HEAD" });
    expect(response.status).toBe(200);
    expect(await response.text()).toBe("");
  });
});

describe("404, with the protocol's error", () => {
  it.each([
    ["GET", "/"],
    ["GET", "/v2/models"],
    ["GET", "/v3"],
    ["GET", "/v2/models/small"],
    ["GET", "/v2/models/small/ready"],
    ["GET", "/v2/models/small/config"],
    ["GET", "/v2/models/small/stats"],
    ["POST", "/v2/models/small/infer"],
    ["GET", "/v2/models/rows/versions/3"],
    ["GET", "/v2/models/rows/versions/3/ready"],
    ["GET", "/v2/models/rows/versions/3/config"],
    ["GET", "/v2/models/rows/versions/3/stats"],
    ["POST", "/v2/models/rows/versions/3/infer"],
    ["POST", "/v2/models/rows/versions/two/infer"],
    ["GET", "/v2/models/%E0%A4%A"],
    // Outside multi-model mode.
    ["GET", "/models"],
    ["POST", "/models/rows/invoke"],
  ])("%s %s", async (method, path) => {
    const response = await fetch(app.url + path, { method });
    expect(response.status).toBe(404);
    expect(await response.json()).toEqual({ error: expect.any(String) });
  });
});

describe("405, with what is allowed", () => {
  it.each([
    ["POST", "/ping", "GET, HEAD"],
    ["GET", "/invocations", "POST"],
    ["GET", "/endpoints/any/invocations", "POST"],
    ["PUT", "/v2", "GET, HEAD"],
    ["POST", "/v2/health/live", "GET, HEAD"],
    ["POST", "/v2/health/ready", "GET, HEAD"],
    ["DELETE", "/v2/models/rows", "GET, HEAD"],
    ["POST", "/v2/models/rows/ready", "GET, HEAD"],
    ["POST", "/v2/models/rows/config", "GET, HEAD"],
    ["POST", "/v2/models/rows/stats", "GET, HEAD"],
    ["POST", "/v2/models/stats", "GET, HEAD"],
    ["GET", "/v2/models/rows/infer", "POST"],
    ["GET", "/v2/models/rows/versions/1/infer", "POST"],
    ["GET", "/v2/repository/index", "POST"],
    ["GET", "/v2/repository/models/rows/load", "POST"],
    ["DELETE", "/v2/repository/models/rows/unload", "POST"],
  ])("%s %s", async (method, path, allowed) => {
    const response = await fetch(app.url + path, { method });
    expect(response.status).toBe(405);
    expect(response.headers.get("Allow")).toBe(allowed);
    expect(await response.json()).toEqual({ error: expect.any(String) });
  });
});

// 10 x [0, 0.1, 0.2] and 10 x [1.2, 1.3, 1.4], as the model's two matrices begin.
const CODES = [10, 0, 0, 0, 10, 0, 0, 0];
const SETTINGS = [0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0];
const LOGITS = [
  [0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x80, 0x3f, 0x00, 0x00, 0x00, 0x40],
  [0x00, 0x00, 0x40, 0x41, 0x00, 0x00, 0x50, 0x41, 0x00, 0x00, 0x60, 0x41],
].flat();

const CODES_JSON = '{"name":"codes","shape":[2,4],"datatype":"UINT8","data":[[10,0,0,0],[10,0,0,0]]}';
const CODES_SIZE = '{"name":"codes","shape":[2,4],"datatype":"UINT8","parameters":{"binary_data_size":8}}';
const SETTING_JSON = '{"name":"setting","shape":[2],"datatype":"INT64","data":[0,1]}';
const SETTING_SIZE = '{"name":"setting","shape":[2],"datatype":"INT64","parameters":{"binary_data_size":16}}';
const BINARY_OUTPUT = '"outputs":[{"name":"logits","parameters":{"binary_data":true}}]';
const BINARY_OUTPUTS = '"parameters":{"binary_data_output":true}';

const JSON_ANSWER =
  '{"model_name":"rows","model_version":"2","id":"42","outputs":[' +
  '{"name":"logits","shape":[2,3],"datatype":"FP32","data":[0,1,2,12,13,14]}]}';
const BINARY_ANSWER =
  '{"model_name":"rows","model_version":"2","id":"42","outputs":[' +
  '{"name":"logits","shape":[2,3],"datatype":"FP32","parameters":{"binary_data_size":24}}]}';

/** Every way in which the two inputs may travel: the JSON part, and the bytes after it. */
const REQUESTS: [string, string, number[]][] = [
  ["both inputs as bytes", `"inputs":[${CODES_SIZE},${SETTING_SIZE}]`, [...CODES, ...SETTINGS]],
  ["both as bytes, in the other order", `"inputs":[${SETTING_SIZE},${CODES_SIZE}]`, [...SETTINGS, ...CODES]],
  ["one as JSON, the other as bytes", `"inputs":[${CODES_JSON},${SETTING_SIZE}]`, SETTINGS],
  ["one as bytes, the other as JSON", `"inputs":[${CODES_SIZE},${SETTING_JSON}]`, CODES],
  ["both as JSON", `"inputs":[${CODES_JSON},${SETTING_JSON}]`, []],
];

describe("infer", () => {
  it.each(REQUESTS)("%s; JSON out", async (_, inputs, binary) => {
    const header = `{"id":"42",${inputs}}`;
    const response = await post(`${app.url}/v2/models/rows/infer`, joined(header, binary), plain(header));
    await expectExactly(response, joined(JSON_ANSWER, []));
    expect(response.headers.get("Content-Type")).toBe("application/json");
    expect(response.headers.has("Inference-Header-Content-Length")).toBe(false);
  });

  describe.each([BINARY_OUTPUT, BINARY_OUTPUTS])("%s", (rest) => {
    it.each(REQUESTS)("%s; bytes out", async (_, inputs, binary) => {
      const header = `{"id":"42",${inputs},${rest}}`;
      const response = await post(`${app.url}/v2/models/rows/infer`, joined(header, binary), plain(header));
      await expectExactly(response, joined(BINARY_ANSWER, LOGITS));
      expect(response.headers.get("Content-Type")).toBe("application/octet-stream");
      expect(response.headers.get("Inference-Header-Content-Length")).toBe(String(BINARY_ANSWER.length));
    });

    it.each(REQUESTS)("%s; bytes out, in SageMaker's form", async (_, inputs, binary) => {
      const header = `{"id":"42",${inputs},${rest}}`;
      const type = { "Content-Type": `${SAGEMAKER_TYPE}${header.length}` };
      for (const path of ["/invocations", "/endpoints/any/invocations"]) {
        const toRows = { ...type, "X-Amzn-SageMaker-Target-Model": "rows" };
        const response = await post(app.url + path, joined(header, binary), toRows);
        await expectExactly(response, joined(BINARY_ANSWER, LOGITS));
        expect(response.headers.get("Content-Type")).toBe(`${SAGEMAKER_TYPE}${BINARY_ANSWER.length}`);
        expect(response.headers.has("Inference-Header-Content-Length")).toBe(false);
      }
    });
  });

  it("the output's own word outweighs the request's", async () => {
    const output = '"outputs":[{"name":"logits","parameters":{"binary_data":false}}]';
    const message = `{"id":"42","inputs":[${CODES_JSON},${SETTING_JSON}],${BINARY_OUTPUTS},${output}}`;
    await expectExactly(await post(`${app.url}/v2/models/rows/infer`, message), joined(JSON_ANSWER, []));
  });

  it("a version answers for itself, the newest where none is named", async () => {
    const message = `{"id":"42","inputs":[${CODES_JSON},${SETTING_JSON}]}`;
    for (const version of ["1", "2"]) {
      const response = await post(`${app.url}/v2/models/rows/versions/${version}/infer`, message);
      const answer = JSON_ANSWER.replace('"model_version":"2"', `"model_version":"${version}"`);
      await expectExactly(response, joined(answer, []));
    }
  });

  it("whatever is said beside what the protocol knows is passed over", async () => {
    const strange = '"parameters":{"colour":"blue","sequences":7,"priority":3,"timeout":60000000},"model_name":"x"';
    const output = '"outputs":[{"name":"logits","parameters":{"hint":1},"shape":[9]}]';
    const message = `{"id":"42","inputs":[${CODES_JSON},${SETTING_JSON}],${strange},${output}}`;
    await expectExactly(await post(`${app.url}/v2/models/rows/infer`, message), joined(JSON_ANSWER, []));
  });

  it("needs no id and gives none", async () => {
    const response = await post(`${app.url}/v2/models/rows/infer`, `{"inputs":[${CODES_JSON},${SETTING_JSON}]}`);
    await expectExactly(response, joined(JSON_ANSWER.replace('"id":"42",', ""), []));
  });

  it("on the wire, as its documents print it", async () => {
    const header = `{"id":"42","inputs":[${CODES_SIZE},${SETTING_SIZE}],${BINARY_OUTPUT}}`;
    const head = [
      "POST /v2/models/rows/infer HTTP/1.1",
      "Host: localhost:8000",
      "Content-Type: application/octet-stream",
      "Inference-Header-Content-Length: 259",
      "Content-Length: 283",
      "Connection: close",
    ];
    const answer = await exchange(app.url, joined(`${head.join("\r\n")}\r\n\r\n${header}`, [...CODES, ...SETTINGS]));
    const [answerHead] = answer.toString("latin1").split("\r\n\r\n");
    const [statusLine, ...fields] = answerHead.split("\r\n");
    expect(statusLine).toBe("HTTP/1.1 200 OK");
    expect(fields.map((field) => field.toLowerCase())).toEqual(
      expect.arrayContaining([
        "content-type: application/octet-stream",
        "inference-header-content-length: 150",
        "content-length: 174",
      ]),
    );
    expect([...answer.subarray(answerHead.length + 4)]).toEqual([...joined(BINARY_ANSWER, LOGITS)]);
  });
});

describe("the classification extension", () => {
  const inputs = `"inputs":[${CODES_JSON},${SETTING_JSON}]`;
  const described =
    '{"model_name":"rows","model_version":"2","outputs":[{"name":"logits","shape":[2,2],"datatype":"BYTES",';

  it("tells the best of each row as text", async () => {
    const output = '"outputs":[{"name":"logits","parameters":{"classification":2}}]';
    const response = await post(`${app.url}/v2/models/rows/infer`, `{${inputs},${output}}`);
    const data = '["2.000000:2:müsli","1.000000:1:dog","14.000000:2:müsli","13.000000:1:dog"]';
    await expectExactly(response, joined(`${described}"data":${data}}]}`, []));
  });

  it("or as bytes: each text after its length", async () => {
    const output = '"outputs":[{"name":"logits","parameters":{"classification":2,"binary_data":true}}]';
    const response = await post(`${app.url}/v2/models/rows/infer`, `{${inputs},${output}}`);
    const header = `${described}"parameters":{"binary_data_size":80}}]}`;
    const texts = ["2.000000:2:müsli", "1.000000:1:dog", "14.000000:2:müsli", "13.000000:1:dog"];
    // "ü" is two bytes, so that the lengths are 17, 14, 18 and 15.
    const binary = texts.flatMap((text, index) => [[17, 14, 18, 15][index], 0, 0, 0, ...Buffer.from(text)]);
    await expectExactly(response, joined(header, binary));
    expect(response.headers.get("Inference-Header-Content-Length")).toBe(String(header.length));
  });

  it("of more classes than there are, tells all; of none, the values", async () => {
    const ask = async (classification: number) => {
      const output = `"outputs":[{"name":"logits","parameters":{"classification":${classification}}}]`;
      const response = await post(`${app.url}/v2/models/rows/infer`, `{${inputs},${output}}`);
      return ((await response.json()) as { outputs: unknown[] }).outputs[0];
    };
    expect(await ask(4)).toMatchObject({ datatype: "BYTES", shape: [2, 3] });
    expect(await ask(0)).toMatchObject({ datatype: "FP32", shape: [2, 3], data: [0, 1, 2, 12, 13, 14] });
  });

  it("works behind SageMaker", async () => {
    const output = '"outputs":[{"name":"logits","parameters":{"classification":1}}]';
    const headers = { "Content-Type": "application/json", "X-Amzn-SageMaker-Target-Model": "rows" };
    const response = await post(`${app.url}/invocations`, `{${inputs},${output}}`, headers);
    expect(await response.json()).toMatchObject({ outputs: [{ data: ["2.000000:2:müsli", "14.000000:2:müsli"] }] });
  });
});

/** A JSON part and the bytes after it. */
function joined(header: string, binary: readonly number[]): Uint8Array<ArrayBuffer> {
  return Uint8Array.from([...Buffer.from(header), ...binary]);
}

function plain(header: string) {
  return {
    "Content-Type": "application/octet-stream",
    "Inference-Header-Content-Length": String(Buffer.byteLength(header)),
  };
}

async function expectExactly(response: Response, expected: Uint8Array): Promise<void> {
  const body = Buffer.from(await response.arrayBuffer());
  expect(body.toString("latin1")).toBe(Buffer.from(expected).toString("latin1"));
  expect(response.status).toBe(200);
  expect(response.headers.get("Content-Length")).toBe(String(expected.byteLength));
}

/** What a server says to these bytes until it closes the connection. */
async function exchange(url: string, request: Uint8Array): Promise<Buffer> {
  const socket = connect(Number(new URL(url).port), "127.0.0.1");
  socket.write(request);
  return buffer(socket);
}
