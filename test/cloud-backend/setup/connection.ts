// A connection that a test writes to byte by byte.
import { once } from "node:events";
import { connect } from "node:net";

export interface Connection {
  write(data: string | Uint8Array): void;
  /** All that has come back, as Latin-1. */
  received(): string;
  /** Resolves when the server has closed it. */
  closed: Promise<unknown>;
  /** Looks at nothing that comes back, until `resume`. */
  pause(): void;
  resume(): void;
  /** Leaves without a word. */
  destroy(): void;
}

export async function openConnection(url: string): Promise<Connection> {
  const socket = connect(Number(new URL(url).port), "127.0.0.1");
  let received = "";
  socket.on("data", (data) => {
    received += data.toString("latin1");
  });
  const closed = once(socket, "close");
  await once(socket, "connect");
  return {
    write: (data) => void socket.write(data),
    received: () => received,
    closed,
    pause: () => void socket.pause(),
    resume: () => void socket.resume(),
    destroy: () => void socket.destroy(),
  };
}

/** The request line and headers of a POST. */
export function postHead(path: string, headers: Record<string, string | number>): string {
  const lines = Object.entries({ Host: "localhost", ...headers }).map(([name, value]) => `${name}: ${value}\r\n`);
  return `POST ${path} HTTP/1.1\r\n${lines.join("")}\r\n`;
}
