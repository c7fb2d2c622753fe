// A bottleneck between the Worker and the backend: a TCP proxy on 127.0.0.1 that lets through, on the way up, what a
// recorded link would have carried by then, to the byte, and keeps everything for a fixed time on both ways.
//
// All connections share the link, first in, first out. What has been sent stays on its way when its sender gives up,
// as it does in a modem's buffer. Bytes are let through in small slices, each at the time at which the link has carried
// its last byte; the way down is as fast as it likes.
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import type { LinkReplay } from "../../models/src/link/replay.ts";

const SLICE_BYTES = 256;

export interface ShapedLink {
  port: number;
  /** Follows a trace from `fromMs` in it; null: no limit. What is on its way keeps its time. */
  follow(replay: LinkReplay | null, fromMs?: number): void;
  /** Bytes that were given to the way up since the last {@link follow}. */
  readonly bytesUp: number;
  /** Breaks every connection that there is. */
  cut(): void;
  stop(): Promise<void>;
}

/** @param oneWayMs that everything takes besides, on each way */
export async function startShapedLink(targetPort: number, oneWayMs: number): Promise<ShapedLink> {
  const up = createLine();
  const down = createLine();
  const sockets = new Set<Socket>();
  const now = () => performance.now();
  let trace: { replay: LinkReplay; zeroMs: number } | null = null;
  /** What the link will have carried when all that was given to it is through. */
  let busyUntilBytes = 0;
  let bytesUp = 0;

  /** When so many more bytes are through. */
  function throughMs(bytes: number): number {
    bytesUp += bytes;
    if (trace === null) return now() + oneWayMs;
    const { replay, zeroMs } = trace;
    busyUntilBytes = Math.max(busyUntilBytes, replay.carriedBy(now() - zeroMs)) + bytes;
    return Math.max(now(), zeroMs + replay.timeOf(busyUntilBytes)) + oneWayMs;
  }

  const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    const target = connect({ port: targetPort, host: "127.0.0.1", allowHalfOpen: true, noDelay: true });
    for (const socket of [client, target]) {
      sockets.add(socket);
      socket.on("close", () => sockets.delete(socket));
      // Every error is followed by a close.
      socket.on("error", () => undefined);
    }
    client.on("data", (chunk) => {
      for (let at = 0; at < chunk.length; at += SLICE_BYTES) {
        const slice = chunk.subarray(at, at + SLICE_BYTES);
        up.add(throughMs(slice.length), () => target.writable && target.write(slice));
      }
    });
    client.on("end", () => up.add(throughMs(0), () => target.end()));
    client.on("close", () => up.add(throughMs(0), () => target.destroy()));
    target.on("data", (chunk) => down.add(now() + oneWayMs, () => client.writable && client.write(chunk)));
    target.on("end", () => down.add(now() + oneWayMs, () => client.end()));
    target.on("close", () => down.add(now() + oneWayMs, () => client.destroy()));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");

  return {
    port: (server.address() as AddressInfo).port,
    get bytesUp() {
      return bytesUp;
    },
    follow(replay, fromMs = 0) {
      trace = replay === null ? null : { replay, zeroMs: now() - fromMs };
      busyUntilBytes = 0;
      bytesUp = 0;
    },
    cut() {
      for (const socket of sockets) socket.resetAndDestroy();
    },
    async stop() {
      up.stop();
      down.stop();
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Acts in the order in which they were added, none before its time. */
function createLine() {
  const waiting: { dueMs: number; act: () => void }[] = [];
  let timer: ReturnType<typeof setTimeout> | null = null;
  let hasStopped = false;

  function run(): void {
    timer = null;
    while (waiting.length > 0 && waiting[0].dueMs <= performance.now()) waiting.shift()?.act();
    if (waiting.length > 0 && !hasStopped) timer = setTimeout(run, Math.max(0, waiting[0].dueMs - performance.now()));
  }

  return {
    add(dueMs: number, act: () => void): void {
      const last = waiting.at(-1)?.dueMs ?? 0;
      waiting.push({ dueMs: Math.max(last, dueMs), act });
      if (timer === null && !hasStopped) run();
    },
    stop(): void {
      hasStopped = true;
      if (timer !== null) clearTimeout(timer);
    },
  };
}
