// What a run is worth.
import type { SendOption } from "@spillway/shared/split/controller";
import type { FrameImages } from "./frame-images.ts";
import type { LinkRun, LinkSetting } from "./play.ts";
import { optionName } from "./send-options.ts";

export interface LinkScore {
  /** Expected gain a frame over the edge's own answers, of answers in time. */
  gain: number;
  /** Share of the frames whose answer was asked for and came too late. */
  missRate: number;
  /** gain - missPenalty x missRate. */
  net: number;
  /** Bytes sent a frame. */
  bytes: number;
  /** Share of the frames that are answered rightly, late ones by the edge; null where labels or answers are missing. */
  accuracy: number | null;
}

/** @param rows image of each frame, [frames] */
export function scoreRun(
  run: LinkRun,
  options: readonly SendOption[],
  images: FrameImages,
  rows: ArrayLike<number>,
  { deadlineMs }: Pick<LinkSetting, "deadlineMs">,
  missPenalty: number,
): LinkScore {
  const frames = run.choices.length;
  let gain = 0;
  let misses = 0;
  let bytes = 0;
  let right: number | null = images.correct === null ? null : 0;
  for (let frame = 0; frame < frames; frame++) {
    const row = rows[frame];
    const option = run.choices[frame] < 0 ? null : options[run.choices[frame]];
    const isLate = run.answerMs[frame] > deadlineMs;
    if (option !== null) {
      bytes += option.bytes;
      if (isLate) misses += 1;
      else gain += option.gainShare * images.metrics[row];
    }
    const answered = option === null || isLate ? images.correct?.edge : images.correct?.options.get(optionName(option));
    right = right === null || answered === undefined ? null : right + answered[row];
  }
  return {
    gain: gain / frames,
    missRate: misses / frames,
    net: (gain - missPenalty * misses) / frames,
    bytes: bytes / frames,
    accuracy: right === null ? null : right / frames,
  };
}

/** Of runs of equally many frames. */
export function meanScore(scores: readonly LinkScore[]): LinkScore {
  const mean = (value: (score: LinkScore) => number) =>
    scores.reduce((sum, score) => sum + value(score), 0) / scores.length;
  const hasAccuracy = scores.every(({ accuracy }) => accuracy !== null);
  return {
    gain: mean(({ gain }) => gain),
    missRate: mean(({ missRate }) => missRate),
    net: mean(({ net }) => net),
    bytes: mean(({ bytes }) => bytes),
    accuracy: hasAccuracy ? mean(({ accuracy }) => accuracy ?? 0) : null,
  };
}
