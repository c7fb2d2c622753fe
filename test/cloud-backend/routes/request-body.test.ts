// Bodies as they arrive: compressed, cut off, endless, and left behind by their senders.
import { deflateSync, gzipSync, zstdCompressSync } from "node:zlib";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { MAX_BODY_BYTES } from "../../../cloud-backend/src/limits.ts";
import { openConnection, postHead } from "../setup/connection.ts";
import { perRowSettingGraph } from "../setup/graphs.ts";
import { post } from "../setup/messages.ts";
import { type RunningApp, startApp } from "../setup/running-app.ts";

const INFER = "/v2/models/per-row-setting/infer";
const HEADER =
  '{"inputs":[{"name":"codes","shape":[1,4],"datatype":"UINT8","parameters":{"binary_data_size":4}},' +
  '{"name":"setting","shape":[1],"datatype":"INT64","data":[0]}]}';
const BODY = Uint8Array.from([...Buffer.from(HEADER), 10, 0, 0, 0]);
const LENGTH = { "Inference-Header-Content-Length": String(HEADER.length) };
const ANSWER = { outputs: [{ name: "logits", data: [0, 1, 2] }] };

const PACKED = [
  ["gzip", gzipSync],
  ["x-gzip", gzipSync],
  ["deflate", deflateSync],
  ["zstd", zstdCompressSync],
] as const;

const head = (headers: Record<string, string | number>) => postHead(INFER, headers);

let app: RunningApp;
beforeAll(async () => {
  app = await startApp({ graphs: [await perRowSettingGraph()] });
});
afterAll(async () => {
  expect(app.log).toEqual([]);
  await app.close();
});
afterEach(async () => {
  // Whatever came before: nobody is held to be in who is not, and the next request is answered.
  await vi.waitFor(() => expect(held()).toEqual({ requests: 0, arriving: 0, bytes: 0 }));
  expect(await (await post(app.url + INFER, BODY, LENGTH)).json()).toMatchObject(ANSWER);
});

describe("a compressed body", () => {
  it.each(PACKED)("%s: the header's length is that of the JSON within", async (coding, pack) => {
    const headers = { ...LENGTH, "Content-Encoding": coding };
    const response = await post(app.url + INFER, plainBytes(pack(BODY)), headers);
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject(ANSWER);
  });

  it("may not be compressed after all: identity", async () => {
    const response = await post(app.url + INFER, BODY, { ...LENGTH, "Content-Encoding": "identity" });
    expect(await response.json()).toMatchObject(ANSWER);
  });

  it.each(["br", "gzip, zstd", "gzip, identity", "unheard-of"])("%s: 415, with what is accepted", async (coding) => {
    const response = await post(app.url + INFER, BODY, { ...LENGTH, "Content-Encoding": coding });
    expect(response.status).toBe(415);
    expect(response.headers.get("Accept-Encoding")).toBe("gzip, deflate, zstd");
    expect(await response.json()).toEqual({ error: expect.stringContaining("gzip, deflate, zstd") });
  });

  it.each(PACKED)("%s, cut off or changed: 400", async (coding, pack) => {
    const packed = pack(BODY);
    const headers = { ...LENGTH, "Content-Encoding": coding };
    for (const damaged of [packed.subarray(0, -1), packed.subarray(0, 3), Buffer.alloc(0), Buffer.from(BODY)]) {
      const response = await post(app.url + INFER, plainBytes(damaged), headers);
      expect(response.status).toBe(400);
      expect(await response.json()).toEqual({ error: expect.stringMatching(/^body: damaged or incomplete/) });
    }
  });

  it.each(PACKED)(
    "%s that holds as much as a body may is read; one byte more, and it is refused",
    async (coding, pack) => {
      const headers = { ...LENGTH, "Content-Encoding": coding };
      const atLimit = await post(app.url + INFER, plainBytes(pack(Buffer.alloc(MAX_BODY_BYTES, " "))), headers);
      expect(atLimit.status).toBe(400);
      expect(await atLimit.json()).toEqual({ error: "body: expected JSON in UTF-8" });
      const beyond = await post(app.url + INFER, plainBytes(pack(Buffer.alloc(MAX_BODY_BYTES + 1, " "))), headers);
      expect(beyond.status).toBe(413);
      expect(await beyond.json()).toEqual({ error: "expected a body of at most 26214400 bytes" });
    },
  );

  it("that is refused half-way is let pass, so that the connection's next request is read", async () => {
    const bomb = gzipSync(Buffer.alloc(2 * MAX_BODY_BYTES));
    const connection = await openConnection(app.url);
    connection.write(head({ "Content-Encoding": "gzip", "Content-Length": bomb.byteLength }));
    connection.write(bomb.subarray(0, -1000));
    await vi.waitFor(() => expect(connection.received()).toMatch(/^HTTP\/1\.1 413 /));
    connection.write(bomb.subarray(-1000));
    connection.write(head({ ...LENGTH, "Content-Length": BODY.byteLength, Connection: "close" }));
    connection.write(BODY);
    await connection.closed;
    expect(connection.received()).toMatch(/HTTP\/1\.1 200 OK/);
  });
});

describe("a body of no declared length", () => {
  it("is read as it comes", async () => {
    const connection = await openConnection(app.url);
    connection.write(head({ ...LENGTH, "Transfer-Encoding": "chunked", Connection: "close" }));
    for (const byte of BODY) connection.write(`1\r\n${String.fromCharCode(byte)}\r\n`);
    connection.write("0\r\n\r\n");
    await connection.closed;
    expect(connection.received()).toMatch(/HTTP\/1\.1 200 OK/);
    expect(connection.received()).toContain('"data":[0,1,2]');
  });

  it("is refused past the limit while it still comes, and the rest let pass", async () => {
    const connection = await openConnection(app.url);
    connection.write(head({ "Transfer-Encoding": "chunked" }));
    const chunk = Buffer.concat([Buffer.from("100000\r\n"), Buffer.alloc(2 ** 20), Buffer.from("\r\n")]);
    for (let sent = 0; sent <= MAX_BODY_BYTES; sent += 2 ** 20) connection.write(chunk);
    await vi.waitFor(() => expect(connection.received()).toMatch(/^HTTP\/1\.1 413 /));
    connection.write(chunk);
    connection.write("0\r\n\r\n");
    connection.write(head({ ...LENGTH, "Content-Length": BODY.byteLength, Connection: "close" }));
    connection.write(BODY);
    await connection.closed;
    expect(connection.received()).toMatch(/HTTP\/1\.1 200 OK/);
  });

  it("that is no chunks at all: 400", async () => {
    const connection = await openConnection(app.url);
    connection.write(`${head({ "Transfer-Encoding": "chunked" })}five\r\n`);
    await connection.closed;
    expect(connection.received()).toMatch(/^HTTP\/1\.1 400 /);
  });
});

describe("a client that leaves", () => {
  it.each<[string, Record<string, string | number>, Uint8Array]>([
    ["before any of its body", { "Content-Length": 100 }, Buffer.alloc(0)],
    ["in the middle of its body", { "Content-Length": 100 }, BODY.subarray(0, 50)],
    ["in the middle of a chunk", { "Transfer-Encoding": "chunked" }, Buffer.from("ff\r\nabc")],
    [
      "in the middle of compressed data",
      { "Content-Length": 100, "Content-Encoding": "gzip" },
      gzipSync(BODY).subarray(0, 30),
    ],
  ])("%s is let go", async (_, headers, part) => {
    const connection = await openConnection(app.url);
    connection.write(head(headers));
    connection.write(part);
    await vi.waitFor(() => expect(held().arriving).toBe(1));
    connection.destroy();
    await vi.waitFor(() => expect(held().arriving).toBe(0));
  });
});

it("bytes are held as they come, and a place only when all are there", async () => {
  const connection = await openConnection(app.url);
  connection.write(head({ ...LENGTH, "Content-Length": BODY.byteLength, Connection: "close" }));
  await vi.waitFor(() => expect(held()).toEqual({ requests: 0, arriving: 1, bytes: 0 }));
  connection.write(BODY.subarray(0, 60));
  await vi.waitFor(() => expect(held()).toEqual({ requests: 0, arriving: 1, bytes: 60 }));
  connection.write(BODY.subarray(60));
  await connection.closed;
  expect(connection.received()).toMatch(/HTTP\/1\.1 200 OK/);
});

it("what is unpacked is held as well", async () => {
  const packed = gzipSync(Buffer.alloc(1_000_000));
  const connection = await openConnection(app.url);
  connection.write(head({ "Content-Encoding": "gzip", "Content-Length": packed.byteLength }));
  connection.write(packed.subarray(0, -1));
  await vi.waitFor(() => expect(held()).toEqual({ requests: 0, arriving: 1, bytes: 1_000_000 }));
  connection.destroy();
});

describe("uploads that fill all the room and never end", () => {
  const UPLOADS = 10;
  const BYTES = 1_000_000;
  it.each<[string, Record<string, string>, Uint8Array]>([
    ["a thousand bytes each, unpacked to a million", { "Content-Encoding": "gzip" }, gzipSync(Buffer.alloc(BYTES))],
    ["sent as they are", {}, Buffer.alloc(BYTES + 1)],
  ])("%s: the oldest gives way, with 503, and good requests are answered", async (_, headers, body) => {
    const graphs = [await perRowSettingGraph()];
    const small = await startApp({ graphs, queueBytes: UPLOADS * BYTES });
    const [{ admission, statistics }] = small.repository.models();
    const uploads = [];
    for (let upload = 1; upload <= UPLOADS; upload++) {
      const connection = await openConnection(small.url);
      connection.write(head({ ...LENGTH, ...headers, "Content-Length": body.byteLength }));
      connection.write(body.subarray(0, -1));
      await vi.waitFor(() => expect([admission.arriving, admission.bytes]).toEqual([upload, upload * BYTES]));
      uploads.push(connection);
    }
    for (let request = 0; request < 20; request++) {
      expect((await post(small.url + INFER, BODY, LENGTH)).status).toBe(200);
    }
    const [oldest, ...others] = uploads;
    await vi.waitFor(() => expect(oldest.received()).toMatch(/^HTTP\/1\.1 503 .*others needed the room/s));
    expect(oldest.received()).toMatch(/retry-after: 1/i);
    expect(statistics.failures.REJECTED).toBe(1);
    expect(others.map((connection) => connection.received())).toEqual(Array(UPLOADS - 1).fill(""));
    expect([admission.arriving, admission.bytes]).toEqual([UPLOADS - 1, (UPLOADS - 1) * BYTES]);

    // Whoever gave way is heard again over the same connection; the others were heard all the time.
    oldest.write(body.subarray(-1));
    oldest.write(head({ ...LENGTH, "Content-Length": BODY.byteLength, Connection: "close" }));
    oldest.write(BODY);
    for (const connection of others) connection.write(body.subarray(-1));
    await oldest.closed;
    expect(oldest.received()).toMatch(/HTTP\/1\.1 200 OK/);
    for (const connection of others) await vi.waitFor(() => expect(connection.received()).toMatch(/^HTTP\/1\.1 400 /));
    expect([admission.arriving, admission.bytes]).toEqual([0, 0]);
    for (const connection of others) connection.destroy();
    await small.close();
  });
});

function held() {
  const [{ admission }] = app.repository.models();
  return { requests: admission.requests, arriving: admission.arriving, bytes: admission.bytes };
}

function plainBytes(data: Uint8Array): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(data);
}
