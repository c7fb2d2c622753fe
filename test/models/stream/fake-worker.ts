// The Worker's end of a stream, in the hands of a test: it sees what the client sends and says what the test wants.
import type { FrameAnswer, StreamHello } from "@spillway/shared/schema/stream";
import type { ClientSocket } from "../../../models/src/stream/stream-client.ts";

export interface FakeConnection {
  url: URL;
  /** Frames by the names that their headers gave them, in order. */
  frames: string[];
  /** What the headers said was read. */
  read: (string | undefined)[];
  closedByClient: boolean;
  hello(parts?: Partial<StreamHello>): void;
  answer(...frames: string[]): void;
  say(text: string): void;
  close(code: number, reason?: string): void;
}

/** @returns what opens sockets, and the connections so far */
export function fakeWorker() {
  const connections: FakeConnection[] = [];
  function openSocket(url: URL): ClientSocket {
    const listeners: Record<string, (event: unknown) => void> = {};
    let header: { frame: string; read?: string } | null = null;
    const say = (text: string) => listeners.message({ data: text });
    const connection: FakeConnection = {
      url,
      frames: [],
      read: [],
      closedByClient: false,
      say,
      hello: (parts = {}) => say(JSON.stringify({ ...HELLO, ...parts })),
      answer: (...frames) => {
        for (const frame of frames) say(JSON.stringify(droppedAnswer(frame)));
      },
      close: (code, reason = "") => listeners.close({ code, reason }),
    };
    connections.push(connection);
    const socket = {
      addEventListener: (name: string, listener: (event: unknown) => void) => {
        listeners[name] = listener;
      },
      send(data: string | Uint8Array) {
        if (typeof data === "string") header = JSON.parse(data);
        else {
          connection.frames.push(header?.frame ?? "unnamed");
          connection.read.push(header?.read);
          header = null;
        }
      },
      close: () => {
        connection.closedByClient = true;
      },
    };
    return socket as unknown as ClientSocket;
  }
  return { connections, openSocket };
}

export const HELLO: StreamHello = {
  type: "hello",
  stream: "6d0f7c1e-0b1e-4c39-9a3e-0d4b8a6f1c11",
  resumed: false,
  frames: 0,
  lastFrame: null,
  window: 4,
  maxUnread: 100,
  maxBytes: 1000,
  model: "m",
  configVersion: "v",
};

/** The shortest answer that there is. */
export function droppedAnswer(frame: string): FrameAnswer {
  return { type: "dropped", frame, reason: "overload" };
}
