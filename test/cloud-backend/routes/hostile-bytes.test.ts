// Whatever is sent to an inference endpoint, it is told what is wrong with it, and nothing is left behind.
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { afterAll, beforeAll, expect, it } from "vitest";
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
