// A camera's clock: frames are due by it, late ones go out late or not at all, and nothing drifts.
import { getEventListeners } from "node:events";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { frameClock } from "../../../models/src/commands/stream.ts";
import { drainAnswers, playFrames } from "../../../models/src/stream/play-frames.ts";
import { StreamClient } from "../../../models/src/stream/stream-client.ts";
import { fakeWorker } from "./fake-worker.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function play({ frames = Infinity, framesPerSecond = 10, readMs = 0 } = {}) {
  const worker = fakeWorker();
  const controller = new AbortController();
  const client = new StreamClient({
    url: new URL("http://edge.test/v1/stream"),
    openSocket: worker.openSocket,
    onAnswer: () => {},
    now: frameClock.now,
    random: Math.random,
  });
  const picture = async (index: number) => {
    if (readMs > 0) await new Promise((resolve) => setTimeout(resolve, readMs));
    return new Uint8Array([index]);
  };
  const played = { taken: 0, sent: 0, skipped: 0 };
  const { signal } = controller;
  const ended = playFrames({ frames, framesPerSecond, picture }, client, frameClock, signal, played);
  ended.catch(() => undefined);
  const [connection] = worker.connections;
  return { client, connection, played, ended, signal, stop: () => controller.abort() };
}

const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);

test("takes the first frame when greeted and each next one an interval later", async () => {
  const { connection, played } = play();
  await pass(500);
  expect(played.taken).toBe(0);
  connection.hello({ window: 1000 });
  await pass(0);
  expect(connection.frames).toEqual(["0"]);
  await pass(99);
  expect(connection.frames).toHaveLength(1);
  await pass(1);
  expect(connection.frames).toEqual(["0", "1"]);
  await pass(10_000);
  expect(connection.frames).toHaveLength(102);
});

test("does not drift where intervals are no whole milliseconds and pictures take their time", async () => {
  const { connection, played } = play({ framesPerSecond: 30, readMs: 20 });
  connection.hello({ window: 1000 });
  for (let part = 0; part < 6; part++) {
    await pass(10_000);
    connection.answer(...connection.frames.splice(0));
  }
  await pass(1);
  expect(played).toEqual({ taken: 1801, sent: 1800, skipped: 0 });
});

test("without room keeps the newest, skips the others, and sends it once there is some", async () => {
  const { connection, played } = play();
  connection.hello({ window: 2 });
  await pass(550);
  expect(connection.frames).toEqual(["0", "1"]);
  connection.answer("0");
  await pass(0);
  expect(connection.frames).toEqual(["0", "1", "5"]);
  expect(played).toEqual({ taken: 6, sent: 3, skipped: 3 });
});

test("takes no more frames than there are, and waits for room for the last", async () => {
  const { connection, ended, played } = play({ frames: 3 });
  connection.hello({ window: 2 });
  await pass(1000);
  expect(played).toEqual({ taken: 3, sent: 2, skipped: 0 });
  connection.answer("0");
  await ended;
  expect(connection.frames).toEqual(["0", "1", "2"]);
});

test("stops at once when told to, and its answers may be waited for", async () => {
  const { client, connection, ended, stop } = play({ framesPerSecond: 0.01 });
  connection.hello();
  await pass(0);
  stop();
  await ended;
  const drained = drainAnswers(client, new AbortController().signal);
  connection.answer("0");
  await drained;
  expect(client.unanswered).toBe(0);
  expect(vi.getTimerCount()).toBe(0);
});

test("leaves nothing behind of each wait", async () => {
  const { connection, signal, stop, ended } = play();
  connection.hello({ window: 1000 });
  await pass(5_000);
  expect(connection.frames).toHaveLength(51);
  expect(getEventListeners(signal, "abort")).toHaveLength(1);
  stop();
  await ended;
  expect(getEventListeners(signal, "abort")).toHaveLength(0);
});

test("waits for answers no longer than it may", async () => {
  const { client, connection, stop } = play();
  connection.hello();
  await pass(0);
  stop();
  const controller = new AbortController();
  const drained = drainAnswers(client, controller.signal);
  controller.abort();
  await drained;
  expect(client.unanswered).toBe(1);
});

test("fails when the stream does", async () => {
  const { connection, ended } = play();
  connection.hello();
  await pass(0);
  connection.close(1009, "expected at most 16777216 bytes of an image");
  await expect(ended).rejects.toThrow(
    "the Worker ended the stream (1009: expected at most 16777216 bytes of an image)",
  );
});
