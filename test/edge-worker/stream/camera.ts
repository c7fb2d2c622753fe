// A client of `GET /v1/stream` that takes messages one by one.
import { type StreamHello, streamHelloSchema } from "@spillway/shared/schema/stream";
import type { TestApp } from "../setup/app.ts";

export interface Message {
  type: string;
  frame?: string;
  [field: string]: unknown;
}

const cameras = new Set<Camera>();

export class Camera {
  readonly hello: Promise<StreamHello>;
  /** How the connection ended. */
  readonly closed: Promise<{ code: number; reason: string }>;
  readonly #socket: WebSocket;
  readonly #messages: Message[] = [];
  #wake = () => {};

  constructor(socket: WebSocket) {
    cameras.add(this);
    this.#socket = socket;
    socket.addEventListener("message", ({ data }) => {
      this.#messages.push(JSON.parse(data as string));
      this.#wake();
    });
    this.closed = new Promise((resolve) => {
      socket.addEventListener("close", ({ code, reason }) => resolve({ code, reason }));
      socket.addEventListener("error", ({ message }) => resolve({ code: 1006, reason: message }));
    });
    this.hello = this.next().then((message) => streamHelloSchema.parse(message));
    this.hello.catch(() => undefined);
    socket.accept();
  }

  async next(): Promise<Message> {
    while (this.#messages.length === 0) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.#messages.shift() as Message;
  }

  async take(count: number): Promise<Message[]> {
    const messages: Message[] = [];
    while (messages.length < count) messages.push(await this.next());
    return messages;
  }

  send(...messages: (string | Uint8Array)[]): void {
    for (const message of messages) this.#socket.send(message);
  }

  async close(): Promise<void> {
    this.#socket.close(1000);
    await this.closed;
  }
}

/** @param clientKey whose stream it is */
export async function connect(app: TestApp, clientKey: string, query = ""): Promise<Camera> {
  const headers = { upgrade: "websocket", "cf-connecting-ip": clientKey };
  const response = await app.fetch(`/v1/stream${query}`, { headers });
  if (response.webSocket === null) throw new Error(`${response.status}: ${await response.text()}`);
  return new Camera(response.webSocket);
}

/** To be called after each test. */
export async function closeCameras(): Promise<void> {
  await Promise.all([...cameras].map((camera) => camera.close()));
  cameras.clear();
}
