// The client of `GET /v1/stream`; what is said there is described in shared/src/schema/stream.ts. It keeps each frame
// until its answer is there, so that after a broken connection it gets the answers that it has missed and sends again
// what the Worker never saw: each frame is answered exactly once, in order.
import { parseDocument } from "@spillway/shared/schema/document";
import { type FrameAnswer, type StreamHello, streamMessageSchema } from "@spillway/shared/schema/stream";

/** Milliseconds before the second attempt to connect; twice as long before each that follows, up to the longest. */
const SHORTEST_BACKOFF_MS = 100;
const LONGEST_BACKOFF_MS = 5_000;
/** Attempts in a row that may fail: 20 seconds or so. */
const MAX_ATTEMPTS = 10;
/** Milliseconds without a message, while one is due, after which a connection is taken for dead. */
const SILENCE_MS = 20_000;
const TRY_LATER = 1013;
/** The server's verdict on what was sent: to send it again would not help. */
const FATAL_CODES = [1002, 1003, 1007, 1008, 1009];

/** What the client uses of a WebSocket. */
export type ClientSocket = Pick<WebSocket, "send" | "close" | "addEventListener">;

export interface StreamClientOptions {
  /** Of `/v1/stream`, with its query. */
  url: URL;
  openSocket(url: URL): ClientSocket;
  /** @param latencyMs since the frame was sent, for the first time */
  onAnswer(answer: FrameAnswer, latencyMs: number): void;
  now(): number;
  /** From 0 to 1, for the length of a pause. */
  random(): number;
}

interface SentFrame {
  image: Uint8Array<ArrayBuffer>;
  sentMs: number;
}

interface Connection {
  socket: ClientSocket;
  /** Whether the Worker has said hello on it. */
  isOpen: boolean;
}

export class StreamClient {
  readonly counts = { reconnects: 0, resent: 0 };
  readonly #options: StreamClientOptions;
  /** In the order in which they were sent. */
  readonly #unanswered = new Map<string, SentFrame>();
  #connection: Connection | null = null;
  #hello: StreamHello | null = null;
  #lastRead: string | null = null;
  #failedAttempts = 0;
  #hasEnded = false;
  #failure: Error | null = null;
  #watchdog: ReturnType<typeof setTimeout> | undefined;
  #nextAttempt: ReturnType<typeof setTimeout> | undefined;
  #listeners: (() => void)[] = [];

  /** Begins to connect. */
  constructor(options: StreamClientOptions) {
    this.#options = options;
    this.#connect();
  }

  /** What the Worker said last; null before it first has. */
  get hello(): StreamHello | null {
    return this.#hello;
  }

  /** Whether a frame may be sent now. */
  get hasRoom(): boolean {
    return this.#connection?.isOpen === true && this.#unanswered.size < (this.#hello?.window ?? 0);
  }

  /** Frames that have no answer yet. */
  get unanswered(): number {
    return this.#unanswered.size;
  }

  /** @throws RangeError when there is no room, or the name is that of a frame without an answer */
  send(frame: string, image: Uint8Array<ArrayBuffer>): void {
    if (!this.hasRoom) throw new RangeError("send: expected room for a frame");
    if (this.#unanswered.has(frame)) throw new RangeError(`frame: expected a new name, got "${frame}"`);
    this.#unanswered.set(frame, { image, sentMs: this.#options.now() });
    this.#transmit(frame, image);
    // From the first frame without an answer on one is due.
    if (this.#unanswered.size === 1) this.#watch();
  }

  /** Resolves when something has changed: an answer, a connection. @throws Error when the stream cannot go on */
  async change(): Promise<void> {
    if (this.#failure === null) await new Promise<void>((resolve) => this.#listeners.push(resolve));
    if (this.#failure !== null) throw this.#failure;
  }

  /** Hangs up. Answers that are still due are not waited for. */
  end(): void {
    this.#hasEnded = true;
    clearTimeout(this.#watchdog);
    clearTimeout(this.#nextAttempt);
    this.#connection?.socket.close(1000, "done");
    this.#connection = null;
  }

  #connect(): void {
    if (this.#hasEnded) return;
    const { url, openSocket } = this.#options;
    const address = new URL(url);
    if (this.#hello !== null) address.searchParams.set("stream", this.#hello.stream);
    if (this.#lastRead !== null) address.searchParams.set("after", this.#lastRead);
    const connection: Connection = { socket: openSocket(address), isOpen: false };
    this.#connection = connection;
    this.#watch();
    connection.socket.addEventListener("message", ({ data }) => {
      if (this.#connection === connection) this.#receive(String(data), connection);
    });
    connection.socket.addEventListener("close", ({ code, reason }) => this.#lost(connection, code, reason));
    connection.socket.addEventListener("error", () => this.#lost(connection, 1006, ""));
  }

  #receive(text: string, connection: Connection): void {
    try {
      const message = parseDocument(streamMessageSchema, text, "the Worker's message");
      if (message.type === "hello") this.#begin(message, connection);
      else this.#answered(message);
    } catch (error) {
      this.#fail(error as Error);
      return;
    }
    this.#watch();
    this.#tell();
  }

  #begin(hello: StreamHello, connection: Connection): void {
    if (this.#hello !== null) this.counts.reconnects++;
    this.#hello = hello;
    connection.isOpen = true;
    this.#failedAttempts = 0;
    if (!hello.resumed) this.#lastRead = null;
    for (const [frame, { image }] of this.#unseen(hello)) {
      this.counts.resent++;
      this.#transmit(frame, image);
    }
  }

  /** Frames that the Worker never saw, or does not know any more. */
  #unseen({ resumed, lastFrame }: StreamHello): [string, SentFrame][] {
    const frames = [...this.#unanswered];
    const last = resumed ? frames.findIndex(([frame]) => frame === lastFrame) : -1;
    return frames.slice(last + 1);
  }

  #answered(answer: FrameAnswer): void {
    const [next] = this.#unanswered;
    if (next?.[0] !== answer.frame) {
      const due = next === undefined ? "none" : `"${next[0]}"`;
      throw new Error(`the Worker answered frame "${answer.frame}" when ${due} was due`);
    }
    this.#unanswered.delete(answer.frame);
    this.#lastRead = answer.frame;
    this.#options.onAnswer(answer, this.#options.now() - next[1].sentMs);
  }

  #transmit(frame: string, image: Uint8Array<ArrayBuffer>): void {
    const read = this.#lastRead === null ? {} : { read: this.#lastRead };
    this.#connection?.socket.send(JSON.stringify({ frame, ...read }));
    this.#connection?.socket.send(image);
  }

  #lost(connection: Connection, code: number, reason: string): void {
    if (this.#connection !== connection) return;
    this.#connection = null;
    clearTimeout(this.#watchdog);
    const told = reason === "" ? "" : `: ${reason}`;
    this.#failedAttempts++;
    const isFirst = this.#hello === null && code !== TRY_LATER;
    if (FATAL_CODES.includes(code)) this.#fail(new Error(`the Worker ended the stream (${code}${told})`));
    else if (isFirst || this.#failedAttempts > MAX_ATTEMPTS) {
      this.#fail(new ConnectionError(`the stream cannot be opened (${code}${told})`));
    } else this.#connectLater();
    this.#tell();
  }

  #connectLater(): void {
    const longestMs = Math.min(LONGEST_BACKOFF_MS, SHORTEST_BACKOFF_MS * 2 ** (this.#failedAttempts - 1));
    this.#nextAttempt = setTimeout(() => this.#connect(), longestMs * (0.5 + this.#options.random() / 2));
  }

  #fail(error: Error): void {
    this.#failure = error;
    this.end();
    this.#tell();
  }

  #tell(): void {
    for (const listener of this.#listeners.splice(0)) listener();
  }

  /** A message that is due has its time from now on. */
  #watch(): void {
    clearTimeout(this.#watchdog);
    const connection = this.#connection;
    if (connection === null || (connection.isOpen && this.#unanswered.size === 0)) return;
    this.#watchdog = setTimeout(() => {
      connection.socket.close();
      this.#lost(connection, 1006, `no message for ${SILENCE_MS} ms`);
    }, SILENCE_MS);
  }
}

/** Nothing answers there, or not as a stream. */
export class ConnectionError extends Error {
  override name = "ConnectionError";
}
