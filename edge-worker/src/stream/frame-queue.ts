// The frames of a stream that have come and whose answers have not gone out: those that wait, those in work, and
// those whose answer waits for an earlier frame's. A camera's newest frame is worth most: where there is no room, the
// oldest that waits makes some. No clock and no socket; `stream` drives it.
import type { DropReason, FrameAnswer } from "@spillway/shared/schema/stream";
import { MAX_HELD_BYTES, MAX_IN_WORK, WINDOW } from "./limits.ts";

export interface Frame {
  /** The client's name for it, or its number. */
  id: string;
  image: Uint8Array<ArrayBuffer>;
  arrivedMs: number;
  /** Milliseconds from then in which an answer is wanted; null when any time will do. */
  deadlineMs: number | null;
  /** How many labels to list. */
  top: number;
}

/** Bytes of images that all streams of one client hold together. */
export interface HeldBytes {
  count: number;
}

export interface FrameQueue {
  /** Frames whose answers have not been taken. */
  readonly size: number;
  /** Whether a frame waits for which there is room in work. */
  readonly hasNext: boolean;
  /** Whether a frame of this name is among them. */
  has(id: string): boolean;
  add(frame: Frame): void;
  /**
   * Puts the oldest that waits in work, if there is room; null when none does. On the way it drops those whose deadline
   * has passed, or will before the edge network is through with them: worked on all the same, each would make the next
   * one late. Only where the network takes longer than a deadline, so that none can be in time, is the newest worked on.
   *
   * @param expectedMs that the edge network takes
   */
  next(nowMs: number, expectedMs: number): Frame | null;
  /** @throws RangeError for a frame that is not in work */
  finish(frame: Frame, answer: FrameAnswer): void;
  /** The answers whose turn has come, in the order of their frames. */
  takeAnswers(): FrameAnswer[];
}

interface Place {
  id: string;
  answer: FrameAnswer | null;
}

export function createFrameQueue(held: HeldBytes): FrameQueue {
  /** Of all frames, in the order in which they came. */
  const places: Place[] = [];
  const waiting: { frame: Frame; place: Place }[] = [];
  const inWork = new Map<Frame, Place>();

  function drop(reason: DropReason): void {
    const oldest = waiting.shift();
    if (oldest === undefined) return;
    const { frame, place } = oldest;
    held.count -= frame.image.byteLength;
    place.answer = { type: "dropped", frame: frame.id, reason };
  }

  return {
    get size() {
      return places.length;
    },

    get hasNext() {
      return waiting.length > 0 && inWork.size < MAX_IN_WORK;
    },

    has: (id) => places.some((place) => place.id === id),

    add(frame) {
      const place: Place = { id: frame.id, answer: null };
      places.push(place);
      waiting.push({ frame, place });
      held.count += frame.image.byteLength;
      while (waiting.length + inWork.size > WINDOW) drop("overload");
      // What other streams or the frames in work hold is not to be had: then the new one goes too.
      while (held.count > MAX_HELD_BYTES && waiting.length > 0) drop("overload");
    },

    next(nowMs, expectedMs) {
      while (waiting.length > 1 && isOverdue(waiting[0].frame, nowMs + expectedMs)) drop("deadline");
      const newest = waiting.length === 1 ? waiting[0].frame : null;
      if (newest !== null && isOverdue(newest, nowMs + usefulWait(newest, expectedMs))) drop("deadline");
      if (inWork.size >= MAX_IN_WORK) return null;
      const oldest = waiting.shift();
      if (oldest === undefined) return null;
      inWork.set(oldest.frame, oldest.place);
      return oldest.frame;
    },

    finish(frame, answer) {
      const place = inWork.get(frame);
      if (place === undefined) throw new RangeError(`frame: expected one in work, got "${frame.id}"`);
      inWork.delete(frame);
      held.count -= frame.image.byteLength;
      place.answer = answer;
    },

    takeAnswers() {
      const answers: FrameAnswer[] = [];
      for (const { answer } of places) {
        if (answer === null) break;
        answers.push(answer);
      }
      places.splice(0, answers.length);
      return answers;
    },
  };
}

/** 0 where no frame would be in time: one that is late is then worth more than none. */
function usefulWait({ deadlineMs }: Frame, expectedMs: number): number {
  return deadlineMs !== null && expectedMs >= deadlineMs ? 0 : expectedMs;
}

function isOverdue({ arrivedMs, deadlineMs }: Frame, nowMs: number): boolean {
  return deadlineMs !== null && nowMs - arrivedMs >= deadlineMs;
}
