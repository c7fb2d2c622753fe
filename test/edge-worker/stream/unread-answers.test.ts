// What is kept for a client that comes back.
import { expect, test } from "vitest";
import { KEEP_ANSWERS_MS } from "../../../edge-worker/src/stream/limits.ts";
import { createUnreadAnswers } from "../../../edge-worker/src/stream/unread-answers.ts";

function answersTo(...frames: string[]) {
  const unread = createUnreadAnswers();
  for (const [atMs, frame] of frames.entries()) unread.add(frame, `to ${frame}`, atMs);
  return unread;
}

test("gives what came after a frame, in order, and all to whom has none", () => {
  const unread = answersTo("a", "b", "c");
  expect(unread.after("a", 3)).toEqual(["to b", "to c"]);
  expect(unread.after("c", 3)).toEqual([]);
  expect(unread.after(null, 3)).toEqual(["to a", "to b", "to c"]);
  expect(unread.after("never seen", 3)).toBeNull();
});

test("forgets what was read, and still knows the last of it", () => {
  const unread = answersTo("a", "b", "c");
  unread.readTo("b");
  expect(unread.count).toBe(1);
  expect(unread.after("b", 3)).toEqual(["to c"]);
  expect(unread.after(null, 3)).toEqual(["to c"]);
  expect(unread.after("a", 3)).toBeNull();
  unread.readTo("a");
  expect(unread.count).toBe(1);
});

test("knows the names of frames whose answers are unread", () => {
  const unread = answersTo("x", "y");
  unread.readTo("x");
  expect([unread.has("x"), unread.has("y"), unread.has("z")]).toEqual([false, true, false]);
});

test("keeps an answer for its time and not longer, and then promises nothing that it cannot keep", () => {
  const unread = answersTo("a", "b");
  expect(unread.after(null, KEEP_ANSWERS_MS)).toEqual(["to a", "to b"]);
  expect(unread.after(null, KEEP_ANSWERS_MS + 1)).toBeNull();
  expect(unread.count).toBe(1);
  expect(unread.after("b", KEEP_ANSWERS_MS + 1)).toEqual([]);
  unread.readTo("b");
  expect(unread.after("b", KEEP_ANSWERS_MS + 1)).toEqual([]);
});

test("forgets the old when new ones come, too", () => {
  const unread = answersTo("a");
  unread.add("b", "to b", KEEP_ANSWERS_MS + 1);
  expect(unread.count).toBe(1);
});

test("counts bytes as they go over the wire, and gives them back", () => {
  const unread = createUnreadAnswers();
  unread.add("a", "grün", 0);
  unread.add("b", "x", 0);
  expect(unread.bytes).toBe(6);
  unread.readTo("a");
  expect(unread.bytes).toBe(1);
});

test("is the same after it was saved", () => {
  const before = answersTo("a", "b", "c");
  before.readTo("a");
  const after = createUnreadAnswers(JSON.parse(JSON.stringify(before.save())));
  expect([after.count, after.bytes]).toEqual([before.count, before.bytes]);
  expect(after.after("a", 3)).toEqual(["to b", "to c"]);
});
