// Requests that never become one: what the server says to them, written to a real socket byte by byte.
import { connect } from "node:net";
import { Hono } from "hono";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createHttpServer } from "../../cloud-backend/src/http-server.ts";
import { MAX_CONNECTIONS, MAX_HEADER_BYTES } from "../../cloud-backend/src/limits.ts";
import { type Listener, listen } from "../../cloud-backend/src/listener.ts";

const END = "Connection: close\r\n\r\n";

const app = new Hono();
app.get("/*", (c) => c.json({ host: new URL(c.req.url).host }));
app.post("/read", async (c) => c.json({ bytes: (await c.req.arrayBuffer()).byteLength }));
app.post("/refused", (c) => c.json({ error: "no" }, 503));
app.onError((_, c) => c.json({ error: "the body broke off" }, 499 as 400));

let server: ReturnType<typeof createHttpServer>;
let listener: Listener;
beforeEach(async () => {
  server = createHttpServer(app.fetch);
  const listening = await listen(server, 0, "127.0.0.1");
  if (!listening.ok) throw new Error(listening.error);
  listener = listening.value;
});
afterEach(async () => {
  await listener.close(0);
});

describe("a request that is none", () => {
  it.each([
    ["not HTTP", "hello\r\n\r\n"],
    ["TLS", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"],
    ["HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"],
    ["a version to come", "GET / HTTP/3.1\r\nHost: x\r\n\r\n"],
    ["an unknown method", "FETCH / HTTP/1.1\r\nHost: x\r\n\r\n"],
    ["a header without a colon", "GET / HTTP/1.1\r\nHost x\r\n\r\n"],
    ["a line break in a header's name", "GET / HTTP/1.1\r\nHo\rst: x\r\n\r\n"],
    ["a negative length", "POST /read HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n"],
    ["two lengths", "POST /read HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx"],
    [
      "a length and chunks",
      "POST /read HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ],
    ["a chunk of no size", "POST /read HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n"],
    ["a target that is no URL", `GET http://[x HTTP/1.1\r\nHost: x\r\n${END}`],
    ["a host that is no name", `GET / HTTP/1.1\r\nHost: a b\r\n${END}`],
  ])("%s: 400 with the protocol's error, and the next one is fine", async (_, text) => {
    expectError(await say(text), 400);
    expect((await fetch(listener.url)).status).toBe(200);
  });

  it("an expectation that is not 100-continue: 417", async () => {
    expectError(await say("POST /read HTTP/1.1\r\nHost: x\r\nExpect: miracles\r\nContent-Length: 1\r\n\r\n"), 417);
  });

  it("chunk extensions past Node's limit: 413", async () => {
    const chunk = `1;${"x".repeat(17_000)}\r\n`;
    expectError(await say(`POST /read HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n${chunk}`), 413);
  });
});

describe("headers", () => {
  // What counts: target, names and values; "/" + "Host" + "x" + "Connection" + "close" + "A".
  const counted = 1 + 4 + 1 + 10 + 5 + 1;
  const withHeader = (bytes: number) => `GET / HTTP/1.1\r\nHost: x\r\nA: ${"a".repeat(bytes)}\r\n${END}`;

  it("just below the limit: 200; at it: 431", async () => {
    const most = MAX_HEADER_BYTES - 1 - counted;
    expect(await say(withHeader(most))).toMatch(/^HTTP\/1.1 200 /);
    expectError(await say(withHeader(most + 1)), 431);
    expect((await fetch(listener.url)).status).toBe(200);
  });

  it("of 2 MB: 431, without reading them all", async () => {
    expectError(await say(withHeader(2_000_000)), 431);
  });

  it("with a target past the limit: 431", async () => {
    expectError(await say(`GET /${"a".repeat(MAX_HEADER_BYTES)} HTTP/1.1\r\nHost: x\r\n${END}`), 431);
  });

  it("without a host: served, as there is but one", async () => {
    expect(await say(`GET / HTTP/1.1\r\n${END}`)).toMatch(/^HTTP\/1.1 200 .*"localhost"}$/s);
  });
});

describe("a slow request", () => {
  it("that trickles its headers: 408 at the limit", async () => {
    server.headersTimeout = 100;
    expectError(await trickle("GET / HTTP/1.1\r\nHost: x\r\nA: "), 408);
  });

  it("that trickles its body: 408 at the limit", async () => {
    server.headersTimeout = 100;
    server.requestTimeout = 200;
    expectError(await trickle("POST /read HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n"), 408);
  });

  it("that says nothing at all: 408 at the limit", async () => {
    server.headersTimeout = 100;
    expectError(await say(""), 408);
  });

  it("that was answered already hears nothing more", async () => {
    server.requestTimeout = 200;
    const answer = await say("POST /refused HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n");
    expect(answer.match(/HTTP\/1\.1 /g)).toHaveLength(1);
    expect(answer).toMatch(/^HTTP\/1.1 503 /);
  });
});

it("bounds the connections", () => {
  expect(server.maxConnections).toBe(MAX_CONNECTIONS);
});

/** Everything that the server says to these bytes until it closes the connection. */
function say(
  bytes: string,
  whileOpen: (write: (more: string) => void) => () => void = () => () => {},
): Promise<string> {
  const socket = connect(Number(new URL(listener.url).port), "127.0.0.1");
  return new Promise((resolve) => {
    let answer = "";
    socket.on("data", (data) => {
      answer += data.toString("latin1");
    });
    // Bytes that the server no longer reads come back as a reset; what it said before is here already.
    socket.on("error", () => undefined);
    socket.write(bytes, "latin1");
    const stop = whileOpen((more) => socket.write(more));
    socket.on("close", () => {
      stop();
      resolve(answer);
    });
  });
}

/** Says these bytes, and then one more every 20 ms. */
function trickle(bytes: string): Promise<string> {
  return say(bytes, (write) => {
    const timer = setInterval(() => write("a"), 20);
    return () => clearInterval(timer);
  });
}

function expectError(answer: string, status: number): void {
  expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
  const [head, body] = answer.split("\r\n\r\n");
  expect(head).toMatch(/^content-type: application\/json$/im);
  expect(head).toMatch(/^connection: close$/im);
  expect(JSON.parse(body)).toEqual({ error: expect.any(String) });
}
