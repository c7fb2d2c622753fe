// The socket's life: opening it, and closing it without cutting off anybody who is being answered.
import { once } from "node:events";
import type { Server } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { setImmediate } from "node:timers/promises";
import { type StartupStep, success } from "./errors.ts";
import { LAST_CALL_MS, LISTEN_BACKLOG } from "./limits.ts";

export interface Listener {
  url: string;
  /**
   * Takes no new connections and waits until every request is answered, at most `limitMs`.
   *
   * @returns whether all were answered in time; the others are cut off
   */
  close(limitMs: number): Promise<boolean>;
}

export async function listen(server: Server, port: number, host: string): Promise<StartupStep<Listener>> {
  const unused = trackUnused(server);
  try {
    server.listen({ port, host, backlog: LISTEN_BACKLOG });
    await once(server, "listening");
  } catch (error) {
    return { ok: false, error: `cannot listen on ${host}:${port}: ${(error as Error).message}` };
  }
  return success({ url: urlOf(server.address() as AddressInfo), close: (limitMs) => close(server, unused, limitMs) });
}

async function close(server: Server, unused: ReadonlySet<Socket>, limitMs: number): Promise<boolean> {
  let isComplete = true;
  const limit = setTimeout(() => {
    isComplete = false;
    server.closeAllConnections();
  }, limitMs);
  await lastCall(server, Math.min(limitMs, LAST_CALL_MS));
  const closed = once(server, "close");
  server.close();
  for (const socket of unused) socket.destroy();
  await closed;
  clearTimeout(limit);
  return isComplete;
}

/** Turns of the event loop in which a connection that waits is accepted, and its request read. */
const QUIET_TURNS = 3;

/** Reads what was sent before and lies with the system: its connections would look idle, or were never accepted. */
async function lastCall(server: Server, limitMs: number): Promise<void> {
  const endMs = performance.now() + limitMs;
  let quietTurns = 0;
  const onArrival = () => {
    quietTurns = 0;
  };
  server.on("connection", onArrival).on("request", onArrival);
  while (quietTurns < QUIET_TURNS && performance.now() < endMs) {
    await setImmediate();
    quietTurns += 1;
  }
  server.off("connection", onArrival).off("request", onArrival);
}

/** Connections that never carried a request: Node closes idle ones itself, but does not count these. */
function trackUnused(server: Server): ReadonlySet<Socket> {
  const unused = new Set<Socket>();
  server.on("connection", (socket) => {
    unused.add(socket);
    socket.once("close", () => unused.delete(socket));
  });
  server.on("request", (request) => unused.delete(request.socket));
  return unused;
}

function urlOf({ address, family, port }: AddressInfo): string {
  return `http://${family === "IPv6" ? `[${address}]` : address}:${port}`;
}
