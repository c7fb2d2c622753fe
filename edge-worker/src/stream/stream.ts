// One stream of frames, over as many connections as the client needs for it. What goes over them is described in
// shared/src/schema/stream.ts; this is the order of things: a frame comes, waits, is in work, has its answer, the
// answer goes out when those of all earlier frames have, and is kept until the client says that it has it.
import { describeIssues } from "@spillway/shared/schema/document";
import {
  type FrameAnswer,
  type FrameHeader,
  frameHeaderSchema,
  type StreamHello,
} from "@spillway/shared/schema/stream";
import type { EdgeTurn, Turn } from "./edge-turn.ts";
import { createFrameQueue, type Frame, type FrameQueue, type HeldBytes } from "./frame-queue.ts";
import { IDLE_MS, MAX_MESSAGE_BYTES, MAX_TEXT_LENGTH, MAX_UNREAD_ANSWERS, MAX_UNREAD_BYTES, WINDOW } from "./limits.ts";
import { createTrafficMeter, type TrafficMeter } from "./traffic-meter.ts";
import { createUnreadAnswers, type SavedAnswers, type UnreadAnswers } from "./unread-answers.ts";

/** Why the server closes: RFC 6455, section 7.4.1, and its registry. */
export const CLOSE = { goingAway: 1001, policy: 1008, tooBig: 1009, tryLater: 1013 } as const;

export interface StreamSocket {
  send(text: string): void;
  close(code: number, reason: string): void;
}

export interface StreamServices {
  /** Never rejects. Calls `endTurn` as soon as it no longer needs the edge network. */
  classify(frame: Frame, endTurn: () => void): Promise<FrameAnswer>;
  edgeTurn: EdgeTurn;
  held: HeldBytes;
  /** Nobody is connected and nothing is in work: the stream may be saved and let go, as nothing more will come of it. */
  onRest(): void;
  /** Milliseconds of a clock of its own. */
  now(): number;
  /** Milliseconds since 1970. */
  date(): number;
}

/** What one connection asks for. */
export interface Connection {
  socket: StreamSocket;
  top: number;
  /** For frames that bring none of their own. */
  deadlineMs: number | null;
  /** Told to the client. */
  about: Pick<StreamHello, "maxBytes" | "model" | "configVersion">;
}

export interface SavedStream {
  frames: number;
  lastFrame: string | null;
  unread: SavedAnswers;
}

export class Stream {
  readonly #id: string;
  readonly #services: StreamServices;
  readonly #queue: FrameQueue;
  readonly #unread: UnreadAnswers;
  #frames: number;
  #lastFrame: string | null;
  #connection: (Connection & { meter: TrafficMeter }) | null = null;
  /** Of the frame to come. */
  #header: FrameHeader = {};
  #lastMessageMs = 0;
  #idleTimer: ReturnType<typeof setTimeout> | null = null;
  #isWorking = false;

  constructor(id: string, services: StreamServices, saved: SavedStream | null) {
    this.#id = id;
    this.#services = services;
    this.#queue = createFrameQueue(services.held);
    this.#unread = createUnreadAnswers(saved?.unread);
    this.#frames = saved?.frames ?? 0;
    this.#lastFrame = saved?.lastFrame ?? null;
  }

  get isOpen(): boolean {
    return this.#connection !== null;
  }

  save(): SavedStream {
    return { frames: this.#frames, lastFrame: this.#lastFrame, unread: this.#unread.save() };
  }

  /** Begins, and says hello. */
  begin(connection: Connection): void {
    this.#open(connection, false);
  }

  /**
   * Goes on over another connection, to which an open one gives way: says hello, and what the client has missed.
   *
   * @param after the last frame whose answer it has; null when it does not say
   * @returns false, without doing anything, when some of what it has missed is not there any more
   */
  resume(connection: Connection, after: string | null): boolean {
    const missed = this.#unread.after(after, this.#services.date());
    if (missed === null) return false;
    if (after !== null) this.#unread.readTo(after);
    this.#open(connection, true);
    for (const text of missed) connection.socket.send(text);
    return true;
  }

  /** A message of this connection; one that has been given up is not listened to any more. */
  receive(socket: StreamSocket, message: string | ArrayBuffer): void {
    if (this.#connection?.socket !== socket) return;
    const nowMs = this.#services.now();
    this.#lastMessageMs = nowMs;
    const size = typeof message === "string" ? message.length : message.byteLength;
    const most = typeof message === "string" ? MAX_TEXT_LENGTH : MAX_MESSAGE_BYTES;
    if (size > most) this.#close(CLOSE.tooBig, `expected at most ${most} ${unitOf(message)}, got ${size}`);
    else if (!this.#connection.meter.allows(size, nowMs)) this.#close(CLOSE.policy, "too many messages or bytes");
    else if (typeof message === "string") this.#receiveText(message);
    else this.#receiveFrame(new Uint8Array(message), nowMs, this.#connection);
  }

  /** The connection has ended. What has come is worked on all the same. */
  disconnect(socket: StreamSocket): void {
    if (this.#connection?.socket !== socket) return;
    this.#connection = null;
    clearTimeout(this.#idleTimer);
    this.#restIfDone();
  }

  #open(connection: Connection, isResumed: boolean): void {
    const nowMs = this.#services.now();
    this.#connection?.socket.close(CLOSE.goingAway, "the stream goes on over another connection");
    this.#connection = { ...connection, meter: createTrafficMeter(nowMs) };
    this.#header = {};
    this.#lastMessageMs = nowMs;
    this.#watchIdle(IDLE_MS);
    const hello: StreamHello = {
      type: "hello",
      stream: this.#id,
      resumed: isResumed,
      frames: this.#frames,
      lastFrame: this.#lastFrame,
      window: WINDOW,
      maxUnread: MAX_UNREAD_ANSWERS,
      ...connection.about,
    };
    connection.socket.send(JSON.stringify(hello));
  }

  #receiveText(text: string): void {
    const header = parseHeader(text);
    if (typeof header === "string") {
      this.#close(CLOSE.policy, header);
      return;
    }
    const { read, ...ofFrame } = header;
    if (read !== undefined) this.#unread.readTo(read);
    if (Object.keys(ofFrame).length > 0) this.#header = ofFrame;
  }

  #receiveFrame(image: Uint8Array<ArrayBuffer>, arrivedMs: number, { top, deadlineMs }: Connection): void {
    this.#frames++;
    const { frame: id = String(this.#frames), deadline_ms = deadlineMs } = this.#header;
    this.#header = {};
    if (this.#queue.has(id) || this.#unread.has(id)) {
      // Whoever came back after one of the two would lose what lies between them.
      this.#close(CLOSE.policy, `frame: another of the name ${JSON.stringify(id)} has not been read`);
      return;
    }
    this.#lastFrame = id;
    this.#queue.add({ id, image, arrivedMs, deadlineMs: deadline_ms, top });
    this.#deliver();
    void this.#work();
  }

  async #work(): Promise<void> {
    if (this.#isWorking || !this.#queue.hasNext) return;
    this.#isWorking = true;
    while (this.#queue.hasNext) {
      const turn = await this.#services.edgeTurn.take();
      const frame = this.#queue.next(this.#services.now(), this.#services.edgeTurn.expectedMs);
      if (frame === null) turn.pass();
      else void this.#answer(frame, turn);
      // Frames that waited for too long are dropped on the way.
      this.#deliver();
    }
    this.#isWorking = false;
    this.#restIfDone();
  }

  async #answer(frame: Frame, turn: Turn): Promise<void> {
    const answer = await this.#services.classify(frame, turn.end);
    if (answer.type === "problem") turn.pass();
    turn.end();
    this.#queue.finish(frame, answer);
    this.#deliver();
    await this.#work();
  }

  #deliver(): void {
    for (const answer of this.#queue.takeAnswers()) {
      const text = JSON.stringify(answer);
      this.#unread.add(answer.frame, text, this.#services.date());
      this.#connection?.socket.send(text);
    }
    const count = this.#queue.size + this.#unread.count;
    // Nothing else tells how much of what was sent is still in a buffer.
    const isTooMuch = count > MAX_UNREAD_ANSWERS || this.#unread.bytes > MAX_UNREAD_BYTES;
    if (isTooMuch && this.isOpen) this.#close(CLOSE.policy, `${count} answers are unread; say \`read\` in time`);
    else this.#restIfDone();
  }

  #restIfDone(): void {
    // Who waits for a turn comes back to an empty queue, when the stream may long go on elsewhere.
    if (this.#connection === null && this.#queue.size === 0 && !this.#isWorking) this.#services.onRest();
  }

  #close(code: number, reason: string): void {
    const socket = this.#connection?.socket;
    if (socket === undefined) return;
    socket.close(code, reason);
    this.disconnect(socket);
  }

  #watchIdle(waitMs: number): void {
    clearTimeout(this.#idleTimer);
    this.#idleTimer = setTimeout(() => {
      const leftMs = this.#lastMessageMs + IDLE_MS - this.#services.now();
      if (leftMs > 0) this.#watchIdle(leftMs);
      else this.#close(CLOSE.goingAway, `no message for ${IDLE_MS} ms`);
    }, waitMs);
  }
}

/** What the message says, or what is wrong with it. */
function parseHeader(text: string): FrameHeader | string {
  try {
    const parsed = frameHeaderSchema.safeParse(JSON.parse(text));
    return parsed.success ? parsed.data : `text: ${describeIssues(parsed.error)}`;
  } catch {
    return "text: expected JSON";
  }
}

function unitOf(message: string | ArrayBuffer): string {
  return typeof message === "string" ? "characters of text" : "bytes of an image";
}
