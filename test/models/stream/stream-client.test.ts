// What the client does when the Worker answers, goes away, or says what it should not.
import type { FrameAnswer } from "@spillway/shared/schema/stream";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { ConnectionError, StreamClient } from "../../../models/src/stream/stream-client.ts";
import { fakeWorker, HELLO } from "./fake-worker.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const IMAGE = new Uint8Array([1, 2, 3]);

function start() {
  const worker = fakeWorker();
  const answers: [FrameAnswer, number][] = [];
  const client = new StreamClient({
    url: new URL("http://edge.test/v1/stream?top=1"),
    openSocket: worker.openSocket,
    onAnswer: (answer, latencyMs) => void answers.push([answer, latencyMs]),
    now: () => Date.now(),
    random: () => 1,
  });
  return { client, answers, connections: worker.connections };
}

/** With a stream that has been greeted. */
function started() {
  const parts = start();
  parts.connections[0].hello();
  return { ...parts, first: parts.connections[0] };
}

/** Rejects when the stream cannot go on. */
async function changes(client: StreamClient): Promise<never> {
  for (;;) await client.change();
}

describe("a stream's client", () => {
  test("sends each frame with its name, and says what it has read", () => {
    const { client, first } = started();
    client.send("a", IMAGE);
    first.answer("a");
    client.send("b", IMAGE);
    expect(first.frames).toEqual(["a", "b"]);
    expect(first.read).toEqual([undefined, "a"]);
  });

  test("has room when greeted, for the window and no more", () => {
    const { client, connections } = start();
    expect(client.hasRoom).toBe(false);
    expect(() => client.send("a", IMAGE)).toThrow(RangeError);
    connections[0].hello();
    for (const frame of ["a", "b", "c", "d"]) client.send(frame, IMAGE);
    expect(client.hasRoom).toBe(false);
    connections[0].answer("a");
    expect(client.hasRoom).toBe(true);
    expect(() => client.send("b", IMAGE)).toThrow(new RangeError('frame: expected a new name, got "b"'));
  });

  test("tells each answer with its latency", () => {
    const { client, first, answers } = started();
    client.send("a", IMAGE);
    vi.advanceTimersByTime(70);
    first.answer("a");
    expect(answers).toEqual([[{ type: "dropped", frame: "a", reason: "overload" }, 70]]);
    expect(client.unanswered).toBe(0);
  });

  test("comes back by the stream's id and its last answer, and sends again what was lost on the way", () => {
    const { client, first, connections, answers } = started();
    for (const frame of ["a", "b", "c", "d"]) client.send(frame, IMAGE);
    first.answer("a");
    first.close(1006);
    expect(client.hasRoom).toBe(false);
    vi.advanceTimersByTime(100);
    const [, again] = connections;
    expect(Object.fromEntries(again.url.searchParams)).toEqual({ top: "1", stream: HELLO.stream, after: "a" });
    again.hello({ resumed: true, frames: 3, lastFrame: "c" });
    expect(again.frames).toEqual(["d"]);
    again.answer("b", "c", "d");
    expect(answers.map(([answer]) => answer.frame)).toEqual(["a", "b", "c", "d"]);
    expect(client.counts).toEqual({ reconnects: 1, resent: 1 });
  });

  test("sends all again that has no answer to a Worker that knows nothing of it", () => {
    const { client, first, connections } = started();
    for (const frame of ["a", "b", "c"]) client.send(frame, IMAGE);
    first.answer("a");
    first.close(1001, "a new version");
    vi.advanceTimersByTime(100);
    connections[1].hello();
    expect(connections[1].frames).toEqual(["b", "c"]);
    expect(connections[1].read).toEqual([undefined, undefined]);
  });

  test("sends all again when the Worker's last frame was answered", () => {
    const { client, first, connections } = started();
    for (const frame of ["a", "b"]) client.send(frame, IMAGE);
    first.answer("a");
    first.close(1006);
    vi.advanceTimersByTime(100);
    connections[1].hello({ resumed: true, frames: 1, lastFrame: "a" });
    expect(connections[1].frames).toEqual(["b"]);
  });

  test("waits twice as long before each attempt, up to five seconds, and gives up after ten", async () => {
    const { client, first, connections } = started();
    const failure = expect(changes(client)).rejects.toThrow(ConnectionError);
    first.close(1006);
    for (const ms of [100, 200, 400, 800, 1600, 3200, 5000, 5000, 5000, 5000]) {
      const before = connections.length;
      await vi.advanceTimersByTimeAsync(ms - 1);
      expect(connections).toHaveLength(before);
      await vi.advanceTimersByTimeAsync(1);
      expect(connections).toHaveLength(before + 1);
      connections[before].close(1006);
    }
    await failure;
    await vi.advanceTimersByTimeAsync(60_000);
    expect(connections).toHaveLength(11);
  });

  test("takes a connection for dead on which an answer is due and none comes", () => {
    const { client, first, connections } = started();
    vi.advanceTimersByTime(60_000);
    expect(first.closedByClient).toBe(false);
    client.send("a", IMAGE);
    vi.advanceTimersByTime(19_999);
    expect(first.closedByClient).toBe(false);
    vi.advanceTimersByTime(1);
    expect(first.closedByClient).toBe(true);
    vi.advanceTimersByTime(100);
    expect(connections).toHaveLength(2);
    first.answer("a");
    expect(client.unanswered).toBe(1);
  });

  test("does not come back after it has hung up", () => {
    const { client, first, connections } = started();
    client.send("a", IMAGE);
    client.end();
    expect(first.closedByClient).toBe(true);
    first.close(1000);
    vi.advanceTimersByTime(60_000);
    expect(connections).toHaveLength(1);
  });

  test("does not wait for an attempt that it no longer makes", () => {
    const { client, first } = started();
    first.close(1006);
    client.end();
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe("ends with one line", () => {
  async function failureAfter(act: (parts: ReturnType<typeof start>) => void): Promise<Error> {
    const parts = start();
    const failure = parts.client.change().catch((error: Error) => error);
    act(parts);
    return (await failure) as Error;
  }

  test("when the Worker refuses what was sent", async () => {
    const failure = await failureAfter(({ connections }) => connections[0].close(1008, "too many messages or bytes"));
    expect(failure).toEqual(new Error("the Worker ended the stream (1008: too many messages or bytes)"));
  });

  test("when it cannot be reached at first", async () => {
    const failure = await failureAfter(({ connections }) => connections[0].close(1006));
    expect(failure).toEqual(new ConnectionError("the stream cannot be opened (1006)"));
  });

  test.each([
    ["what is no message", "{}", /^the Worker's message: /],
    ["an answer that is not due", '{"type":"dropped","frame":"z","reason":"overload"}', /frame "z" when none was due/],
  ])("when it says %s", async (_, text, message) => {
    expect((await failureAfter(({ connections }) => connections[0].say(text))).message).toMatch(message);
  });

  test("but waits where there are too many streams for now", () => {
    const { connections } = start();
    connections[0].close(1013, "a client may have 8 streams open");
    vi.advanceTimersByTime(100);
    expect(connections).toHaveLength(2);
  });
});
