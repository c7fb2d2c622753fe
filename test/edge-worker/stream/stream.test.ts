// A stream with a classifier and a socket of the test's own: who is answered when, and what ends a connection.
import { MAX_FRAME_ID_LENGTH, type StreamHello } from "@spillway/shared/schema/stream";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { createEdgeTurn } from "../../../edge-worker/src/stream/edge-turn.ts";
import type { Frame } from "../../../edge-worker/src/stream/frame-queue.ts";
import {
  IDLE_MS,
  KEEP_ANSWERS_MS,
  MAX_BYTES_PER_SECOND,
  MAX_HELD_BYTES,
  MAX_IN_WORK,
  MAX_MESSAGE_BYTES,
  MAX_MESSAGES_PER_SECOND,
  MAX_TEXT_LENGTH,
  MAX_UNREAD_ANSWERS,
  MAX_UNREAD_BYTES,
  WINDOW,
} from "../../../edge-worker/src/stream/limits.ts";
import { type Connection, Stream, type StreamSocket } from "../../../edge-worker/src/stream/stream.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

interface Sent {
  type: string;
  frame?: string;
  reason?: string;
}

/** A client that reads all it is sent. */
function client() {
  const sent: Sent[] = [];
  const closed: [number, string][] = [];
  const socket: StreamSocket = {
    send: (text) => void sent.push(JSON.parse(text)),
    close: (code, reason) => void closed.push([code, reason]),
  };
  return { sent, closed, socket, hello: () => sent[0] as unknown as StreamHello };
}

type Client = ReturnType<typeof client>;

/** Each frame in work waits until the test ends it. */
function streamOf(saved: ConstructorParameters<typeof Stream>[2] = null) {
  const inWork: { frame: Frame; endTurn: () => void; finish: (padding?: string) => Promise<void> }[] = [];
  const rests = { count: 0 };
  const services = {
    classify: (frame: Frame, endTurn: () => void) =>
      new Promise<never>((resolve) => {
        const finish = async (padding = "") => {
          resolve({ type: "problem", frame: frame.id, problem: padding } as never);
          inWork.splice(inWork.indexOf(one), 1);
          await settle();
        };
        const one = { frame, endTurn, finish };
        inWork.push(one);
      }),
    edgeTurn: createEdgeTurn(() => Date.now()),
    held: { count: 0 },
    onRest: () => void rests.count++,
    now: () => Date.now(),
    date: () => Date.now(),
  };
  const stream = new Stream("the stream", services, saved);
  return { stream, inWork, rests, held: services.held };
}

function connection({ socket }: Client, rest: Partial<Connection> = {}): Connection {
  const about = { maxBytes: 1000, model: "m", configVersion: "v" };
  return { socket, top: 5, deadlineMs: null, about, ...rest };
}

/** Whatever may happen without time passing has happened. */
const settle = () => vi.advanceTimersByTimeAsync(0);

function opened(rest: Partial<Connection> = {}) {
  const camera = client();
  const parts = streamOf();
  parts.stream.begin(connection(camera, rest));
  return {
    ...parts,
    camera,
    async send(...messages: (string | ArrayBuffer)[]) {
      for (const message of messages) parts.stream.receive(camera.socket, message);
      await settle();
    },
    async endTurns() {
      for (const { endTurn } of parts.inWork) endTurn();
      await settle();
    },
  };
}

const image = (bytes = 1) => new ArrayBuffer(bytes);
const named = (frame: string, more = {}) => JSON.stringify({ frame, ...more });

describe("a stream", () => {
  test("says hello first", () => {
    const { camera } = opened();
    expect(camera.sent).toEqual([
      {
        type: "hello",
        stream: "the stream",
        resumed: false,
        frames: 0,
        lastFrame: null,
        window: WINDOW,
        maxUnread: MAX_UNREAD_ANSWERS,
        maxBytes: 1000,
        model: "m",
        configVersion: "v",
      },
    ]);
  });

  test("names frames by their number unless the client did", async () => {
    const { send, inWork, endTurns } = opened();
    await send(image(), named("b"), image(), named("lost"), named("d"), image(), image());
    for (let turn = 0; turn < 4; turn++) await endTurns();
    expect(inWork.map(({ frame }) => frame.id)).toEqual(["1", "b", "d", "4"]);
  });

  test("gives a frame its own deadline, or the connection's, from when it came", async () => {
    const { send, inWork, endTurns } = opened({ deadlineMs: 200, top: 3 });
    vi.setSystemTime(5000);
    await send('{"deadline_ms":70}', image(), image());
    await endTurns();
    expect(inWork.map(({ frame }) => frame)).toMatchObject([
      { id: "1", deadlineMs: 70, arrivedMs: 5000, top: 3 },
      { id: "2", deadlineMs: 200, arrivedMs: 5000, top: 3 },
    ]);
  });

  test("has one frame in the edge network at a time, and the others wait for the cloud", async () => {
    const { send, inWork, endTurns } = opened();
    await send(...Array.from({ length: WINDOW }, () => image()));
    for (let turns = 1; turns <= MAX_IN_WORK; turns++) {
      expect(inWork).toHaveLength(turns);
      await endTurns();
    }
    expect(inWork).toHaveLength(MAX_IN_WORK);
    await inWork[2].finish();
    expect(inWork.map(({ frame }) => frame.id)).toEqual(["1", "2", "4", "5", "6", "7"]);
  });

  test("answers in order, and drops the oldest that waits when too many come", async () => {
    const { send, inWork, endTurns, camera } = opened();
    await send(image());
    await send(...Array.from({ length: WINDOW + 1 }, () => image()));
    expect(inWork.map(({ frame }) => frame.id)).toEqual(["1"]);
    await endTurns();
    await inWork[1].finish();
    expect(camera.sent).toHaveLength(1);
    await inWork[0].finish();
    expect(camera.sent.slice(1)).toMatchObject([
      { type: "problem", frame: "1" },
      { type: "dropped", frame: "2", reason: "overload" },
      { type: "dropped", frame: "3", reason: "overload" },
      { type: "problem", frame: "4" },
    ]);
  });

  test("drops a frame whose deadline passed while it waited", async () => {
    const { send, inWork, camera } = opened({ deadlineMs: 100 });
    await send(image(), image());
    await vi.advanceTimersByTimeAsync(100);
    await inWork[0].finish();
    expect(camera.sent.slice(1)).toMatchObject([
      { type: "problem", frame: "1" },
      { type: "dropped", frame: "2", reason: "deadline" },
    ]);
  });
});

describe("a connection is closed", () => {
  test.each([
    ["for text that is no JSON", "hello", "text: expected JSON"],
    ["for a field that there is not", '{"frme":"a"}', 'text: Unrecognized key: "frme"'],
    ["for an id that is too long", named("x".repeat(MAX_FRAME_ID_LENGTH + 1)), /^frame: |frame: Too big/],
    ["for an id that is none", '{"frame":7}', /frame: Invalid input/],
    ["for a deadline that is none", '{"deadline_ms":0}', /deadline_ms: Too small/],
  ])("%s", async (_, text, reason) => {
    const { send, camera } = opened();
    await send(text);
    expect(camera.closed).toEqual([[1008, expect.stringMatching(reason)]]);
  });

  test("for a text or an image that is too long, at its limit", async () => {
    const longest = `{"frame":"a"}`.padEnd(MAX_TEXT_LENGTH);
    const { send, camera } = opened();
    await send(longest, image(MAX_MESSAGE_BYTES));
    expect(camera.closed).toEqual([]);
    await send(`${longest} `);
    expect(camera.closed).toMatchObject([[1009, expect.stringContaining(`at most ${MAX_TEXT_LENGTH}`)]]);
    const other = opened();
    await other.send(image(MAX_MESSAGE_BYTES + 1));
    expect(other.camera.closed).toMatchObject([[1009, expect.stringContaining(`at most ${MAX_MESSAGE_BYTES}`)]]);
  });

  test("for more messages a second than anybody needs", async () => {
    const { send, camera } = opened();
    const header = named("a");
    await send(...Array.from({ length: MAX_MESSAGES_PER_SECOND }, () => header));
    await vi.advanceTimersByTimeAsync(1);
    await send(header);
    expect(camera.closed).toEqual([]);
    await send(header);
    expect(camera.closed).toEqual([[1008, "too many messages or bytes"]]);
  });

  test("for more bytes than a window of the largest images, and then as many a second as anybody needs", async () => {
    const { send, camera } = opened();
    for (let sent = 0; sent < WINDOW; sent++) await send(image(MAX_MESSAGE_BYTES));
    await vi.advanceTimersByTimeAsync(1000);
    for (let sent = 0; sent < MAX_BYTES_PER_SECOND; sent += MAX_MESSAGE_BYTES) await send(image(MAX_MESSAGE_BYTES));
    expect(camera.closed).toEqual([]);
    await send(image());
    expect(camera.closed).toEqual([[1008, "too many messages or bytes"]]);
  });

  test("for a name that a frame has whose answer has not been read", async () => {
    const { send, camera, inWork } = opened();
    await send(named("2"), image());
    await inWork[0].finish();
    await send(JSON.stringify({ read: "2" }), named("2"), image());
    expect(camera.closed).toEqual([]);
    await inWork[0].finish();
    await send(named("3"), image());
    expect(camera.closed).toEqual([]);
    // By its number this is another "4".
    await send(named("4"), image(), image());
    expect(camera.closed).toEqual([]);
    await send(named("2"), image());
    expect(camera.closed).toEqual([[1008, 'frame: another of the name "2" has not been read']]);
  });

  test("when more answers are unread than are kept", async () => {
    const { send, camera, endTurns, inWork, stream } = opened();
    for (let count = 0; count < MAX_UNREAD_ANSWERS; count++) {
      await send(image());
      await inWork[0].finish();
      await vi.advanceTimersByTimeAsync(2);
    }
    expect(camera.closed).toEqual([]);
    await send(JSON.stringify({ read: "1" }), image());
    expect(camera.closed).toEqual([]);
    await send(image());
    expect(camera.closed).toEqual([[1008, `${MAX_UNREAD_ANSWERS + 1} answers are unread; say \`read\` in time`]]);
    await endTurns();
    expect(stream.isOpen).toBe(false);
  });

  test("when their bytes are too many", async () => {
    const { send, camera, inWork } = opened();
    await send(image());
    await inWork[0].finish("x".repeat(MAX_UNREAD_BYTES / 2));
    expect(camera.closed).toEqual([]);
    await send(image());
    await inWork[0].finish("x".repeat(MAX_UNREAD_BYTES / 2));
    expect(camera.closed).toMatchObject([[1008, expect.stringContaining("unread")]]);
  });

  test("after a time without a message", async () => {
    const { send, camera } = opened();
    await vi.advanceTimersByTimeAsync(IDLE_MS - 1);
    await send("{}");
    await vi.advanceTimersByTimeAsync(IDLE_MS - 1);
    expect(camera.closed).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    expect(camera.closed).toEqual([[1001, `no message for ${IDLE_MS} ms`]]);
  });

  test("and what comes on it afterwards is not heard", async () => {
    const { send, inWork } = opened();
    await send("garbage", image());
    expect(inWork).toEqual([]);
  });
});

describe("a client that comes back", () => {
  async function answered(count: number) {
    const parts = opened();
    for (let frame = 0; frame < count; frame++) {
      await parts.send(image());
      await parts.inWork[0].finish();
    }
    return parts;
  }

  test("gets what it has missed and goes on, its old connection closed", async () => {
    const { stream, camera, inWork, rests } = await answered(3);
    const again = client();
    expect(stream.resume(connection(again), "1")).toBe(true);
    expect(camera.closed).toMatchObject([[1001, expect.any(String)]]);
    expect(again.hello()).toMatchObject({ resumed: true, frames: 3, lastFrame: "3" });
    expect(again.sent.slice(1)).toMatchObject([{ frame: "2" }, { frame: "3" }]);
    stream.receive(again.socket, image());
    await settle();
    await inWork[0].finish();
    expect(again.sent.at(-1)).toMatchObject({ frame: "4" });
    expect(rests.count).toBe(0);
  });

  test("gets the answers of frames that were in work or waited when it went", async () => {
    const { stream, send, camera, inWork, rests } = opened();
    await send(image(), image());
    stream.disconnect(camera.socket);
    expect(rests.count).toBe(0);
    await inWork[0].finish();
    await inWork[0].finish();
    expect(rests.count).toBe(1);
    expect(camera.sent).toHaveLength(1);
    const again = client();
    expect(stream.resume(connection(again), null)).toBe(true);
    expect(again.sent.slice(1)).toMatchObject([{ frame: "1" }, { frame: "2" }]);
  });

  test("is the stream's only one: it rests once, also when what waited for a turn was dropped meanwhile", async () => {
    const { stream, send, camera, inWork, held, rests } = opened();
    await send(image(), image());
    held.count += MAX_HELD_BYTES;
    await send(image());
    stream.disconnect(camera.socket);
    await inWork[0].finish();
    expect(rests.count).toBe(1);
    expect(stream.save()).toMatchObject({ frames: 3, unread: { answers: [{}, {}, {}] } });
  });

  test("goes on after the stream was saved", async () => {
    const { stream } = await answered(2);
    const { stream: restored } = streamOf(JSON.parse(JSON.stringify(stream.save())));
    const again = client();
    expect(restored.resume(connection(again), "1")).toBe(true);
    expect(again.hello()).toMatchObject({ resumed: true, frames: 2, lastFrame: "2" });
    expect(again.sent.slice(1)).toMatchObject([{ frame: "2" }]);
  });

  test("has to begin anew when some answers are too old, or nothing is known of its frame", async () => {
    const { stream, camera } = await answered(2);
    expect(stream.resume(connection(client()), "7")).toBe(false);
    expect(camera.closed).toEqual([]);
    await vi.advanceTimersByTimeAsync(KEEP_ANSWERS_MS + 1);
    expect(stream.resume(connection(client()), "1")).toBe(false);
  });

  test("names no frame by what its old connection sent", async () => {
    const { stream, send, inWork } = opened();
    await send(named("of the old one"));
    const again = client();
    stream.resume(connection(again), null);
    stream.receive(again.socket, image());
    await settle();
    expect(inWork[0].frame.id).toBe("1");
  });
});
