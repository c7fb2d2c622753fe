// Which frames are worked on, which are dropped, and in what order answers leave.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createFrameQueue, type Frame, type FrameQueue } from "../../../edge-worker/src/stream/frame-queue.ts";
import { MAX_HELD_BYTES, MAX_IN_WORK, WINDOW } from "../../../edge-worker/src/stream/limits.ts";

function frame(id: string | number, { bytes = 1, arrivedMs = 0, deadlineMs = null as number | null } = {}): Frame {
  return { id: String(id), image: new Uint8Array(bytes), arrivedMs, deadlineMs, top: 1 };
}

function queueOf(count: number, held = { count: 0 }): FrameQueue {
  const queue = createFrameQueue(held);
  for (let id = 1; id <= count; id++) queue.add(frame(id));
  return queue;
}

/** An answer that costs nothing to make. */
const done = ({ id }: Frame) => ({ type: "dropped", frame: id, reason: "deadline" }) as const;
const dropped = (id: number | string, reason = "overload") => ({ type: "dropped", frame: String(id), reason });

function startAll(queue: FrameQueue, nowMs = 0): Frame[] {
  const started: Frame[] = [];
  for (let next = queue.next(nowMs, 0); next !== null; next = queue.next(nowMs, 0)) started.push(next);
  return started;
}

describe("a frame queue", () => {
  test("answers in the order of the frames, whichever is done first", () => {
    const queue = queueOf(3);
    const [first, second, third] = startAll(queue);
    queue.finish(third, done(third));
    queue.finish(second, done(second));
    expect(queue.takeAnswers()).toEqual([]);
    queue.finish(first, done(first));
    expect(queue.takeAnswers().map((answer) => answer.frame)).toEqual(["1", "2", "3"]);
    expect(queue.size).toBe(0);
  });

  test("has room for the window, and drops the oldest that waits for one more", () => {
    const queue = queueOf(WINDOW);
    expect(queue.takeAnswers()).toEqual([]);
    queue.add(frame(WINDOW + 1));
    expect(queue.takeAnswers()).toEqual([dropped(1)]);
  });

  test("drops none that is in work, and tells of a drop in its turn", () => {
    const queue = queueOf(WINDOW);
    const started = startAll(queue);
    expect(started).toHaveLength(MAX_IN_WORK);
    queue.add(frame("newest"));
    expect(queue.takeAnswers()).toEqual([]);
    for (const one of started) queue.finish(one, done(one));
    const ids = queue.takeAnswers().map((answer) => answer.frame);
    expect(ids).toEqual([...started.map((one) => one.id), String(MAX_IN_WORK + 1)]);
    expect(startAll(queue).map((one) => one.id)).toEqual([String(WINDOW), "newest"]);
  });

  test("starts as many as may be in work, and one more when one is done", () => {
    const queue = queueOf(WINDOW);
    const [first] = startAll(queue);
    expect(queue.hasNext).toBe(false);
    queue.finish(first, done(first));
    expect(queue.hasNext).toBe(true);
    expect(queue.next(0, 0)?.id).toBe(String(MAX_IN_WORK + 1));
    expect(queue.next(0, 0)).toBeNull();
  });

  test("starts a frame until its deadline, and drops it then", () => {
    const queue = createFrameQueue({ count: 0 });
    queue.add(frame("a", { arrivedMs: 1000, deadlineMs: 50 }));
    queue.add(frame("b", { arrivedMs: 1000, deadlineMs: 50 }));
    queue.add(frame("c", { arrivedMs: 1000 }));
    expect(queue.next(1049, 0)?.id).toBe("a");
    expect(queue.next(1050, 0)?.id).toBe("c");
  });

  test("does not begin what will be late", () => {
    const queue = createFrameQueue({ count: 0 });
    queue.add(frame("a", { deadlineMs: 100 }));
    queue.add(frame("b", { deadlineMs: 101 }));
    expect(queue.next(50, 50)?.id).toBe("b");
    expect(queue.takeAnswers()).toEqual([dropped("a", "deadline")]);
    queue.add(frame("c", { deadlineMs: 101 }));
    expect(queue.next(51, 50)).toBeNull();
  });

  test("begins the newest where no frame could be in time, until its deadline", () => {
    const queue = createFrameQueue({ count: 0 });
    for (const id of ["a", "b"]) queue.add(frame(id, { deadlineMs: 100 }));
    expect(queue.next(99, 100)?.id).toBe("b");
    queue.add(frame("c", { deadlineMs: 100 }));
    expect(queue.next(100, 100)).toBeNull();
  });

  test("holds so many bytes and not one more: the oldest that waits goes, or the new one", () => {
    const held = { count: 0 };
    const queue = createFrameQueue(held);
    queue.add(frame("small"));
    queue.add(frame("large", { bytes: MAX_HELD_BYTES - 1 }));
    expect(queue.takeAnswers()).toEqual([]);
    queue.add(frame("one more"));
    expect(queue.takeAnswers()).toEqual([dropped("small")]);
    const [large] = startAll(queue);
    queue.add(frame("too much", { bytes: 2 }));
    expect(held.count).toBeLessThanOrEqual(MAX_HELD_BYTES);
    queue.finish(large, done(large));
    expect(queue.takeAnswers().map((answer) => answer.frame)).toEqual(["large"]);
  });

  test("knows the names of those whose answers have not been taken", () => {
    const queue = createFrameQueue({ count: 0 });
    queue.add(frame("a"));
    expect([queue.has("a"), queue.has("b")]).toEqual([true, false]);
    const [a] = startAll(queue);
    queue.finish(a, done(a));
    queue.takeAnswers();
    expect(queue.has("a")).toBe(false);
  });

  test("shares the bytes with the client's other streams", () => {
    const held = { count: 0 };
    const [one, other] = [createFrameQueue(held), createFrameQueue(held)];
    one.add(frame("a", { bytes: MAX_HELD_BYTES }));
    other.add(frame("b"));
    expect(other.takeAnswers()).toEqual([dropped("b")]);
    const [a] = startAll(one);
    one.finish(a, done(a));
    other.add(frame("c"));
    expect(other.takeAnswers()).toEqual([]);
  });

  test("cannot finish what is not in work", () => {
    const queue = queueOf(1);
    expect(() => queue.finish(frame("stray"), done(frame("stray")))).toThrow(
      new RangeError('frame: expected one in work, got "stray"'),
    );
  });

  test("whatever happens: each frame is answered once, in order, and nothing is held at the end", () => {
    fc.assert(
      fc.property(fc.array(anyStep, { maxLength: 80 }), (steps) => {
        const held = { count: 0 };
        const play = { queue: createFrameQueue(held), working: [] as Frame[], answered: [] as string[], added: 0 };
        steps.forEach((step, nowMs) => {
          STEPS[step.kind](play, step, nowMs);
          expect(play.working.length).toBeLessThanOrEqual(MAX_IN_WORK);
          expect(held.count).toBeLessThanOrEqual(MAX_HELD_BYTES);
        });
        const { queue, working, answered, added } = play;
        while (queue.size > 0) {
          working.push(...startAll(queue, steps.length));
          for (const one of working.splice(0)) queue.finish(one, done(one));
          STEPS.take(play);
        }
        expect(answered).toEqual(Array.from({ length: added }, (_, index) => String(index + 1)));
        expect(held.count).toBe(0);
      }),
    );
  });
});

interface Play {
  queue: FrameQueue;
  working: Frame[];
  answered: string[];
  added: number;
}

const STEPS = {
  add(play: Play, { size }: { size: number }, nowMs: number): void {
    // No bytes are made: only their number counts.
    const image = { byteLength: size * Math.floor(MAX_HELD_BYTES / 300) } as Uint8Array<ArrayBuffer>;
    play.queue.add({ id: String(++play.added), image, arrivedMs: nowMs, deadlineMs: size % 20, top: 1 });
  },
  start({ queue, working }: Play, _step: unknown, nowMs: number): void {
    const next = queue.next(nowMs, 0);
    if (next !== null) working.push(next);
  },
  finish({ queue, working }: Play, { size }: { size: number }): void {
    for (const one of working.splice(size % MAX_IN_WORK, 1)) queue.finish(one, done(one));
  },
  take({ queue, answered }: Play): void {
    answered.push(...queue.takeAnswers().map((answer) => answer.frame));
  },
};

const anyStep = fc.record({ kind: fc.constantFrom("add", "add", "start", "finish", "take"), size: fc.nat(100) });
