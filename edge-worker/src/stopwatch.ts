// Times the steps of one request. In production a Worker's clock stands still while it computes and
// moves only with I/O, so there decoding and inference show as 0; locally all steps show.
import type { Result } from "@spillway/shared/schema/result";

type Step = Exclude<keyof Result["timings"], "totalMs">;

export interface Stopwatch {
  /** Books the time since the last lap under a step. */
  lap(step: Step): void;
  elapsedMs(): number;
  timings(): Result["timings"];
}

/** @param startMs when the request came; the first lap counts from now */
export function startStopwatch(now: () => number, startMs: number): Stopwatch {
  const laps: Omit<Result["timings"], "totalMs"> = { decodeMs: 0, edgeMs: 0, gateMs: null, cloudMs: null };
  let lastMs = now();
  return {
    lap(step) {
      const atMs = now();
      laps[step] = rounded(atMs - lastMs);
      lastMs = atMs;
    },
    elapsedMs: () => now() - startMs,
    timings: () => ({ ...laps, totalMs: rounded(now() - startMs) }),
  };
}

function rounded(ms: number): number {
  return Math.round(ms * 100) / 100;
}
