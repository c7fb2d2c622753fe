// Answers that a client has not said it has, in order, so that it gets them when it comes back. Those that grew old
// are forgotten; how many there may be is the stream's business.
import { KEEP_ANSWERS_MS } from "./limits.ts";

export interface SavedAnswers {
  /** The frame that the client has read to; null before it said so. */
  readTo: string | null;
  /** Whether answers after that one have been forgotten. */
  hasGap: boolean;
  answers: { frame: string; text: string; atMs: number }[];
}

export interface UnreadAnswers {
  readonly count: number;
  readonly bytes: number;
  has(frame: string): boolean;
  /** @param frame no other of this name is unread */
  add(frame: string, text: string, nowMs: number): void;
  /** The client has all up to this frame's. A frame that is not among them changes nothing. */
  readTo(frame: string): void;
  /** Those after this frame's, or all; null when they cannot be complete. */
  after(frame: string | null, nowMs: number): string[] | null;
  save(): SavedAnswers;
}

export function createUnreadAnswers(saved: SavedAnswers = { readTo: null, hasGap: false, answers: [] }): UnreadAnswers {
  const { answers } = saved;
  let { readTo, hasGap } = saved;
  let bytes = 0;
  for (const { text } of answers) bytes += bytesOf(text);

  function takeFirst(count: number): void {
    for (const { text } of answers.splice(0, count)) bytes -= bytesOf(text);
  }

  function forgetOld(nowMs: number): void {
    let old = 0;
    while (old < answers.length && nowMs - answers[old].atMs > KEEP_ANSWERS_MS) old++;
    if (old > 0) hasGap = true;
    takeFirst(old);
  }

  const indexOf = (frame: string) => answers.findIndex((answer) => answer.frame === frame);

  return {
    get count() {
      return answers.length;
    },

    get bytes() {
      return bytes;
    },

    has: (frame) => indexOf(frame) !== -1,

    add(frame, text, nowMs) {
      forgetOld(nowMs);
      answers.push({ frame, text, atMs: nowMs });
      bytes += bytesOf(text);
    },

    readTo(frame) {
      const index = indexOf(frame);
      if (index === -1) return;
      takeFirst(index + 1);
      readTo = frame;
      hasGap = false;
    },

    after(frame, nowMs) {
      forgetOld(nowMs);
      const index = frame === null ? -1 : indexOf(frame);
      const isRead = frame === null || frame === readTo;
      if (index === -1 && (hasGap || !isRead)) return null;
      return answers.slice(index + 1).map(({ text }) => text);
    },

    save: () => ({ readTo, hasGap, answers }),
  };
}

function bytesOf(text: string): number {
  return new TextEncoder().encode(text).byteLength;
}
