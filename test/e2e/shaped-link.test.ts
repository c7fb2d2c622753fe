// The proxy carries what its trace says, when it says so.
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { afterEach, beforeEach, expect, test } from "vitest";
import { replayOf } from "../../models/src/link/replay.ts";
import { type ShapedLink, startShapedLink } from "./shaped-link.ts";

const ONE_WAY_MS = 20;
/** How late a timer may be on a busy machine. */
const SLACK_MS = 250;
const SLICE_BYTES = 256;
/** 100 bytes a millisecond, then nothing, then 400, each for 150 ms. */
const REPLAY = replayOf({
  name: "steps",
  endsMs: Float64Array.of(150, 300, 450),
  bytesPerMs: Float64Array.of(100, 0, 400),
});

let link: ShapedLink;
let stopTarget: () => Promise<void>;
/** What came through, in order. */
let arrivals: { atMs: number; bytes: Buffer }[];
let firstArrival: Promise<void>;
/** The target's end of the first connection that ended. */
let firstClose: Promise<void>;

beforeEach(async () => {
  arrivals = [];
  const arrived = Promise.withResolvers<void>();
  const closed = Promise.withResolvers<void>();
  firstArrival = arrived.promise;
  firstClose = closed.promise;
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on("data", (bytes) => {
      arrivals.push({ atMs: performance.now(), bytes });
      arrived.resolve();
    });
    socket.on("error", () => undefined);
    socket.on("close", () => closed.resolve());
    socket.on("end", () => socket.end("bye"));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  link = await startShapedLink((server.address() as AddressInfo).port, ONE_WAY_MS);
  stopTarget = async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  };
});

afterEach(async () => {
  await link.stop();
  await stopTarget();
});

async function client(): Promise<Socket> {
  const socket = connect({ port: link.port, host: "127.0.0.1", noDelay: true });
  await once(socket, "connect");
  return socket;
}

test("lets through no byte before its time, and none much later", async () => {
  const socket = await client();
  const bytes = 15_000 + 45_000;
  const startMs = performance.now();
  link.follow(REPLAY);
  socket.end(Buffer.alloc(bytes));
  await once(socket.resume(), "end");
  let carried = 0;
  for (const { atMs, bytes: chunk } of arrivals) {
    carried += chunk.length;
    const elapsedMs = atMs - startMs - ONE_WAY_MS;
    expect(carried).toBeLessThanOrEqual(REPLAY.carriedBy(elapsedMs) + 1);
    expect(carried).toBeGreaterThanOrEqual(
      Math.min(bytes, REPLAY.carriedBy(Math.max(0, elapsedMs - SLACK_MS))) - SLICE_BYTES,
    );
  }
  expect(carried).toBe(bytes);
  expect(link.bytesUp).toBe(bytes);
});

test("takes its time on both ways, whatever the throughput", async () => {
  const socket = await client();
  link.follow(null);
  const startMs = performance.now();
  socket.end("hello");
  const [reply] = await once(socket, "data");
  const elapsedMs = performance.now() - startMs;
  expect(String(reply)).toBe("bye");
  expect(elapsedMs).toBeGreaterThanOrEqual(2 * ONE_WAY_MS);
  expect(elapsedMs).toBeLessThan(2 * ONE_WAY_MS + SLACK_MS);
});

test("is one link for all connections: first in, first out", async () => {
  const [first, second] = [await client(), await client()];
  link.follow(REPLAY);
  const startMs = performance.now();
  first.write(Buffer.alloc(10_000, "a"));
  await firstArrival;
  second.end(Buffer.alloc(2_000, "b"));
  await once(second.resume(), "end");
  const text = Buffer.concat(arrivals.map(({ bytes }) => bytes)).toString();
  expect(text).toBe("a".repeat(10_000) + "b".repeat(2_000));
  expect(performance.now() - startMs).toBeGreaterThanOrEqual(120 + 2 * ONE_WAY_MS);
});

test("carries what was sent although its sender has given up", async () => {
  const socket = await client();
  link.follow(REPLAY);
  socket.write(Buffer.alloc(5_000));
  socket.destroySoon();
  await firstClose;
  expect(arrivals.reduce((sum, { bytes }) => sum + bytes.length, 0)).toBe(5_000);
});
