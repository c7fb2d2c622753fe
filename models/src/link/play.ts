// Frames that come at a fixed rate, one rule that decides about each, and a link that follows a trace.
import { type BucketOptions, hasToken, refilled } from "@spillway/shared/bucket/token-bucket";
import type { Route } from "@spillway/shared/split/bandwidth";
import type { SendOption } from "@spillway/shared/split/controller";
import { endSend, IDLE_LINK, type LinkState, type LinkView, startSend, viewLink } from "@spillway/shared/split/link";
import type { LinkReplay } from "./replay.ts";

/** What a rule knows of a frame when it comes. */
export interface FrameView {
  nowMs: number;
  metric: number;
  tokens: number;
  /** For how long the oldest send without an answer has been under way; 0 where there is none. */
  oldestMs: number;
  /** What the past sends say of the link; asked for only where it is needed. */
  link(): LinkView;
}

/** Index of an option; null for the edge's own answer. Made anew for each run, as a rule may remember. */
export type Rule = (frame: FrameView) => number | null;

export interface LinkSetting {
  intervalMs: number;
  deadlineMs: number;
  /** null: as many as asked for. */
  bucket: BucketOptions | null;
  /** Round trip and service, whatever the size. */
  latencyMs: Record<Route, number>;
  /** Where in the trace the first frame comes. */
  fromMs: number;
}

export interface LinkRun {
  /** Index of the option that each frame took; -1 for the edge. */
  choices: Int16Array;
  /** Milliseconds from frame to answer; 0 for the edge. */
  answerMs: Float64Array;
  /** Bytes that waited on the link when the frame came, its own not among them. */
  queuedBytes: Float64Array;
}

/** What is known of each answer on its way. */
interface Answer {
  id: string;
  startedMs: number;
  endedMs: number;
}

/**
 * The link is first in, first out, a frame starts to be sent when it comes, and one that is late is sent to its end
 * all the same.
 *
 * @param metrics of the frames in order
 * @param jitterMs added to the latency of each frame, [frames]
 */
export function playLink(
  rule: Rule,
  options: readonly SendOption[],
  metrics: ArrayLike<number>,
  jitterMs: ArrayLike<number>,
  replay: LinkReplay,
  setting: LinkSetting,
): LinkRun {
  const frames = metrics.length;
  const run: LinkRun = {
    choices: new Int16Array(frames).fill(-1),
    answerMs: new Float64Array(frames),
    queuedBytes: new Float64Array(frames),
  };
  const unlimited = { rate: 0, depth: frames + 1 };
  const bucket = setting.bucket ?? unlimited;
  let tokens = bucket.depth;
  const link = createLedger();
  let underway: Answer[] = [];
  /** C at which the link has carried all that was given to it. */
  let busyUntil = 0;
  for (let frame = 0; frame < frames; frame++) {
    const nowMs = setting.fromMs + frame * setting.intervalMs;
    if (underway.some(({ endedMs }) => endedMs <= nowMs)) {
      const over = underway.filter(({ endedMs }) => endedMs <= nowMs).sort((a, b) => a.endedMs - b.endedMs);
      for (const { id, endedMs } of over) link.note((state) => endSend(state, id, endedMs));
      underway = underway.filter(({ endedMs }) => endedMs > nowMs);
    }
    const carried = replay.carriedBy(nowMs);
    run.queuedBytes[frame] = Math.max(0, busyUntil - carried);
    const choice = hasToken(tokens, bucket)
      ? rule({
          nowMs,
          metric: metrics[frame],
          tokens,
          oldestMs: underway.length === 0 ? 0 : nowMs - underway[0].startedMs,
          link: () => viewLink(link.state(), nowMs),
        })
      : null;
    if (choice !== null) {
      const { bytes, route } = options[choice];
      busyUntil = Math.max(busyUntil, carried) + bytes;
      const endedMs = replay.timeOf(busyUntil) + setting.latencyMs[route] + jitterMs[frame];
      const id = String(frame);
      link.note((state) => startSend(state, { id, bytes, startedMs: nowMs, route }));
      underway.push({ id, startedMs: nowMs, endedMs });
      run.choices[frame] = choice;
      run.answerMs[frame] = endedMs - nowMs;
      tokens -= 1;
    }
    tokens = refilled(tokens, bucket, setting.intervalMs / 1000);
  }
  return run;
}

/** What is known of the link, worked out only when a rule asks: learning takes longer than all the rest. */
function createLedger() {
  let state: LinkState = IDLE_LINK;
  let noted: ((state: LinkState) => LinkState)[] = [];
  return {
    note(change: (state: LinkState) => LinkState): void {
      noted.push(change);
    },
    state(): LinkState {
      for (const change of noted) state = change(state);
      noted = [];
      return state;
    },
  };
}
