// Whatever is sent to an inference endpoint, it is told what is wrong with it, and nothing is left behind.
import { gzipSync } from "node:zlib";
import { MAX_BINARY_HEADER_BYTES } from "@spillway/shared/protocol/message";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { MAX_BODY_BYTES } from "../../../cloud-backend/src/limits.ts";
import { perRowSettingGraph } from "../setup/graphs.ts";
import { post, SAGEMAKER_TYPE } from "../setup/messages.ts";
import { type RunningApp, startApp } from "../setup/running-app.ts";

const HEADER =
  '{"id":"42","parameters":{"timeout":60000000,"priority":1,"binary_data_output":true},"inputs":[' +
  '{"name":"codes","shape":[1,4],"datatype":"UINT8","parameters":{"binary_data_size":4}},' +
  '{"name":"setting","shape":[1],"datatype":"INT64","parameters":{"binary_data_size":8}}],' +
  '"outputs":[{"name":"logits","parameters":{"classification":2}}]}';
const VALID = Uint8Array.from([...Buffer.from(HEADER), 10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
const PLAIN = { "Inference-Header-Content-Length": String(HEADER.length) };

/** A setting for which the graph has no matrix: a good message that the graph fails over. */
const UNFIT = 500;

let app: RunningApp;
beforeAll(async () => {
  app = await startApp({ graphs: [{ ...(await perRowSettingGraph()), name: "large" }] });
});
afterAll(async () => {
  expect(app.log).toEqual([]);
  await app.close();
});

it("the message that the others are made of is a good one", async () => {
  await expectTold(VALID, PLAIN, [200]);
});

const bytes = fc.uint8Array({ maxLength: 400 }).map((data) => data.slice());
/** The good message with bytes changed, cut out or put in. */
const nearly = fc
  .array(fc.tuple(fc.nat(VALID.byteLength), fc.nat(3), fc.uint8Array({ maxLength: 3 })), { maxLength: 3 })
  .map((edits) =>
    edits
      .reduce<Uint8Array>(
        (data, [at, cut, put]) => Uint8Array.from([...data.subarray(0, at), ...put, ...data.subarray(at + cut)]),
        VALID,
      )
      .slice(),
  );
const length = fc.oneof(
  fc.constant(String(HEADER.length)),
  fc.nat(500).map(String),
  fc.stringMatching(/^[!-~]{0,12}$/),
);
const coding = fc.constantFrom("identity", "gzip", "deflate", "zstd", "br");
const headers = fc.oneof(
  fc.record({ "Inference-Header-Content-Length": length }),
  length.map((headerBytes) => ({ "Content-Type": `${SAGEMAKER_TYPE}${headerBytes}` })),
  fc.record({ "Content-Encoding": coding, "Inference-Header-Content-Length": length }),
  fc.record({ "Content-Type": fc.constantFrom("application/json", "image/png", "image/jpeg", "text/plain") }),
  fc.record({ "X-Request-Timeout-Ms": length }),
);

it("bytes of any kind, with headers of any kind", async () => {
  await fc.assert(
    fc.asyncProperty(fc.oneof(bytes, nearly), headers, async (body, fields) => {
      await expectTold(body, fields, [200, 400, 415, UNFIT]);
    }),
    { seed: 23, numRuns: 500 },
  );
});

it("a good message, nearly; also packed", async () => {
  await fc.assert(
    fc.asyncProperty(nearly, fc.boolean(), async (body, isPacked) => {
      if (isPacked)
        await expectTold(Uint8Array.from(gzipSync(body)), { ...PLAIN, "Content-Encoding": "gzip" }, [200, 400, UNFIT]);
      else await expectTold(body, PLAIN, [200, 400, UNFIT]);
    }),
    { seed: 29, numRuns: 300 },
  );
});

describe("25 MB that are cheap to send and dear to read, told off without holding the thread", () => {
  const repeated = (text: string, bytes = MAX_BODY_BYTES) => text.repeat(Math.floor(bytes / text.length));
  const keys = (count: number) => Array.from({ length: count }, (_, key) => `"${key.toString(36)}":0`).join();
  const inHeader = MAX_BINARY_HEADER_BYTES - 100;
  it.each<[string, string, boolean, number]>([
    ["brackets", `{"inputs":${repeated("[", MAX_BODY_BYTES - 10)}`, false, 413],
    ["lists", `{"inputs":[${repeated("[],", MAX_BODY_BYTES - 20)}[]]}`, false, 413],
    ["brackets, as many as the model's JSON may have", `{"inputs":${repeated("[", 1_000_000)}`, false, 400],
    ["lists, as many", `{"inputs":[${repeated("[],", 1_000_000)}[]]}`, false, 400],
    ["keys, as many", `{"inputs":[],${keys(120_000)}}`, false, 400],
    ["brackets in a header", `{"inputs":${repeated("[", inHeader)}`, true, 400],
    ["lists in a header", `{"inputs":[${repeated("[],", inHeader)}[]]}`, true, 400],
    ["keys in a header", `{"inputs":[],"parameters":{${keys(120_000)}}}`, true, 400],
  ])("%s", async (_, json, isHeader, status) => {
    await expectBrief(Buffer.from(json), isHeader ? json.length : null, status);
  });

  it("empty elements of encoded images, six million of them", async () => {
    const bytes = Math.floor((MAX_BODY_BYTES - 200) / 4) * 4;
    const json = JSON.stringify({
      inputs: [{ name: "codes", shape: [bytes / 4], datatype: "BYTES", parameters: { binary_data_size: bytes } }],
    });
    await expectBrief(Buffer.concat([Buffer.from(json), Buffer.alloc(bytes)]), json.length, 400);
  });

  async function expectBrief(body: Uint8Array, headerBytes: number | null, status: number): Promise<void> {
    const packed = Uint8Array.from(gzipSync(body));
    const length = headerBytes === null ? {} : { "Inference-Header-Content-Length": String(headerBytes) };
    const before = process.threadCpuUsage();
    const response = await post(`${app.url}/v2/models/large/infer`, packed, { ...length, "Content-Encoding": "gzip" });
    const error = await response.text();
    const { user, system } = process.threadCpuUsage(before);
    expect([response.status, error]).toEqual([status, expect.stringMatching(/^\{"error":/)]);
    // Of this thread alone, which is also the client's, and unpacks in small pieces; seconds without bounds.
    expect((user + system) / 1000).toBeLessThan(400);
  }
});

async function expectTold(
  body: Uint8Array<ArrayBuffer>,
  fields: Record<string, string>,
  statuses: number[],
): Promise<void> {
  for (const path of ["/v2/models/large/infer", "/invocations"]) {
    const response = await post(app.url + path, body, fields);
    const text = Buffer.from(await response.arrayBuffer()).toString("latin1");
    // SageMaker's address wants a content type that it knows.
    expect(path === "/invocations" ? [...statuses, 415] : statuses, text).toContain(response.status);
    if (response.status === UNFIT) expect(text).toContain("the model could not process this input");
    if (response.status !== 200) expect(JSON.parse(text)).toEqual({ error: expect.stringMatching(/./) });
  }
  const [{ admission }] = app.repository.models();
  expect([admission.requests, admission.bytes]).toEqual([0, 0]);
}
