// The server's end of a WebSocket, as a stream wants it: nothing throws, whatever has become of the client.
import { log } from "../telemetry/log.ts";
import type { StreamSocket } from "./stream.ts";

/** A close frame has 125 bytes, of which the code takes two. */
const MAX_REASON_BYTES = 123;

export interface SocketEvents {
  onMessage(message: string | ArrayBuffer): void;
  /** Once, when it has been closed by either side or has broken. */
  onEnd(): void;
}

/** Both ends of a new socket; the client's goes into the response. */
export function openSocket(): { client: WebSocket; server: WebSocket } {
  const { 0: client, 1: server } = new WebSocketPair();
  server.binaryType = "arraybuffer";
  server.accept();
  return { client, server };
}

export function streamSocket(server: WebSocket): StreamSocket {
  return {
    send: (text) => quietly(() => server.send(text)),
    close: (code, reason) => quietly(() => server.close(code, shortened(reason))),
  };
}

export function listen(server: WebSocket, { onMessage, onEnd }: SocketEvents): void {
  let hasEnded = false;
  const end = () => {
    if (!hasEnded) onEnd();
    hasEnded = true;
  };
  server.addEventListener("message", ({ data }) => onMessage(data as string | ArrayBuffer));
  server.addEventListener("error", end);
  server.addEventListener("close", ({ code }) => {
    // Codes of no close frame may not be sent.
    quietly(() => server.close(code === 1005 || code === 1006 ? 1000 : code));
    end();
  });
}

function quietly(act: () => void): void {
  try {
    act();
  } catch (error) {
    log("stream-socket-failure", { detail: String(error) });
  }
}

/** What is no ASCII is the client's own, from a message that was refused. */
function shortened(reason: string): string {
  return reason.replaceAll(/[^\x20-\x7e]/g, "?").slice(0, MAX_REASON_BYTES);
}
