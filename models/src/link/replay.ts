// A link that follows a trace: how much it carries by when, and when a send is through. After its end a trace begins
// anew. What the link could carry since the trace began, C(t), is all that is needed: bytes that start at t are
// through when C has grown by them.
import type { Trace } from "./trace.ts";

export interface LinkReplay {
  durationMs: number;
  meanBytesPerMs: number;
  /** C(t): bytes that the link can carry from the beginning of the trace until then. */
  carriedBy(timeMs: number): number;
  /** The earliest time at which it can have carried so many. */
  timeOf(bytes: number): number;
  /** Bytes a millisecond at a time. */
  throughputAt(timeMs: number): number;
}

export function replayOf({ endsMs, bytesPerMs }: Trace): LinkReplay {
  const pieces = endsMs.length;
  const durationMs = endsMs[pieces - 1];
  const startMs = (piece: number) => (piece === 0 ? 0 : endsMs[piece - 1]);
  /** Bytes carried by the end of each piece. */
  const carried = new Float64Array(pieces);
  for (let piece = 0; piece < pieces; piece++) {
    const before = piece === 0 ? 0 : carried[piece - 1];
    carried[piece] = before + bytesPerMs[piece] * (endsMs[piece] - startMs(piece));
  }
  const total = carried[pieces - 1];

  const pieceAt = (ms: number) => Math.min(firstAbove(endsMs, ms), pieces - 1);
  return {
    durationMs,
    meanBytesPerMs: total / durationMs,
    carriedBy(timeMs) {
      const rounds = Math.floor(timeMs / durationMs);
      const ms = timeMs - rounds * durationMs;
      const piece = pieceAt(ms);
      const before = piece === 0 ? 0 : carried[piece - 1];
      return rounds * total + before + bytesPerMs[piece] * (ms - startMs(piece));
    },
    timeOf(bytes) {
      const rounds = Math.max(0, Math.ceil(bytes / total) - 1);
      const left = bytes - rounds * total;
      const piece = Math.min(firstAtLeast(carried, left), pieces - 1);
      const before = piece === 0 ? 0 : carried[piece - 1];
      const ms = bytesPerMs[piece] === 0 ? 0 : Math.max(0, left - before) / bytesPerMs[piece];
      return rounds * durationMs + startMs(piece) + ms;
    },
    throughputAt(timeMs) {
      return bytesPerMs[pieceAt(timeMs - Math.floor(timeMs / durationMs) * durationMs)];
    },
  };
}

/** Index of the first value above `wanted` in rising values; their number where there is none. */
function firstAbove(values: Float64Array, wanted: number): number {
  return firstWhere(values, (value) => value > wanted);
}

function firstAtLeast(values: Float64Array, wanted: number): number {
  return firstWhere(values, (value) => value >= wanted);
}

function firstWhere(values: Float64Array, isFound: (value: number) => boolean): number {
  let low = 0;
  let high = values.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (isFound(values[middle])) high = middle;
    else low = middle + 1;
  }
  return low;
}
