// Every rule on every trace, at several frame rates and deadlines, beside what no rule can beat.
import type { BucketOptions } from "@spillway/shared/bucket/token-bucket";
import { mulberry32 } from "@spillway/shared/random/mulberry32";
import type { Route } from "@spillway/shared/split/bandwidth";
import { type ControllerWeights, paretoOptions, type SendOption } from "@spillway/shared/split/controller";
import type { FrameImages } from "./frame-images.ts";
import { linkOptimum } from "./optimum.ts";
import { type LinkSetting, playLink, type Rule } from "./play.ts";
import { type LinkReplay, replayOf } from "./replay.ts";
import { type BufferRuleOptions, bufferRule, controllerRule, fixedRule, rateRule } from "./rules.ts";
import { type LinkScore, meanScore, scoreRun } from "./score.ts";
import { optionName } from "./send-options.ts";
import type { Trace } from "./trace.ts";

export interface LinkComparison {
  options: readonly SendOption[];
  images: FrameImages;
  /** Bytes of the features as they are; frames come so fast that these need a multiple of the mean throughput. */
  rawBytes: number;
  multiples: readonly number[];
  deadlinesMs: readonly number[];
  latencyMs: Record<Route, number>;
  /** Standard deviation of the normal whose absolute value is added to each latency. */
  jitterMs: number;
  bucket: BucketOptions | null;
  weights: ControllerWeights;
  buffer: BufferRuleOptions;
  /** Frames of each cell, played in {@link WINDOWS} equal parts of the trace. */
  frames: number;
  seed: number;
}

export interface LinkCell {
  trace: string;
  multiple: number;
  deadlineMs: number;
  intervalMs: number;
  rules: Record<string, LinkScore>;
  /** Upper bound of the net gain a frame. */
  optimum: number;
}

/** Beginnings in a trace from which frames are played, at even distances: a trace lasts longer than its frames. */
export const WINDOWS = 3;
export const CONTROLLER = "mpc";
export const RATE = "rate";
export const BUFFER = "buffer";
export const fixedName = (option: SendOption) => `fixed ${optionName(option)}`;

/** @param onCell called after each cell */
export function compareOnTraces(
  comparison: LinkComparison,
  traces: readonly Trace[],
  onCell: () => void = () => {},
): LinkCell[] {
  return traces.flatMap((trace, index) => {
    const replay = replayOf(trace);
    const cells = comparison.multiples.flatMap((multiple) => comparison.deadlinesMs.map((ms) => [multiple, ms]));
    return cells.map(([multiple, deadlineMs]) => {
      const cell = playCell(comparison, replay, multiple, deadlineMs, comparison.seed + index);
      onCell();
      return { trace: trace.name, multiple, deadlineMs, ...cell };
    });
  });
}

/** The rules by name; `options` of each in the order of its choices. */
export function rulesFor(comparison: LinkComparison, setting: LinkSetting) {
  const { options, weights, bucket, buffer, latencyMs } = comparison;
  const useful = paretoOptions(options, latencyMs);
  const rules: { name: string; options: readonly SendOption[]; make: () => Rule }[] = options.map((option, index) => {
    return { name: fixedName(option), options, make: () => fixedRule(index) };
  });
  const controller = { weights, bucket, tokenPrice: 0 };
  return [
    ...rules,
    { name: RATE, options: useful, make: () => rateRule(useful, setting) },
    { name: BUFFER, options: useful, make: () => bufferRule(useful, setting, buffer) },
    { name: CONTROLLER, options: useful, make: () => controllerRule(useful, setting, controller) },
  ];
}

function playCell(
  comparison: LinkComparison,
  replay: LinkReplay,
  multiple: number,
  deadlineMs: number,
  seed: number,
): Pick<LinkCell, "intervalMs" | "rules" | "optimum"> {
  const { images, options, latencyMs, bucket, weights, rawBytes, frames, jitterMs } = comparison;
  const intervalMs = rawBytes / (multiple * replay.meanBytesPerMs);
  const scores = new Map<string, LinkScore[]>();
  let optimum = 0;
  const framesEach = Math.ceil(frames / WINDOWS);
  // The same frames for every cell of a trace and every rule.
  const random = mulberry32(seed);
  for (let window = 0; window < WINDOWS; window++) {
    const fromMs = (replay.durationMs * window) / WINDOWS;
    const setting: LinkSetting = { intervalMs, deadlineMs, bucket, latencyMs, fromMs };
    const { rows, metrics, jitter } = drawFrames(images, framesEach, jitterMs, random);
    for (const { name, options: own, make } of rulesFor(comparison, setting)) {
      const run = playLink(make(), own, metrics, jitter, replay, setting);
      const score = scoreRun(run, own, images, rows, setting, weights.missPenalty);
      scores.set(name, [...(scores.get(name) ?? []), score]);
    }
    optimum += linkOptimum(options, metrics, replay, setting) / (framesEach * WINDOWS);
  }
  const rules = Object.fromEntries([...scores].map(([name, parts]) => [name, meanScore(parts)]));
  return { intervalMs, rules, optimum };
}

/** Images in random order, and what each frame's latency is longer by. */
export function drawFrames(images: FrameImages, frames: number, jitterMs: number, random: () => number) {
  const rows = Uint32Array.from({ length: frames }, () => Math.floor(random() * images.metrics.length));
  return {
    rows,
    metrics: Float64Array.from(rows, (row) => images.metrics[row]),
    jitter: Float64Array.from({ length: frames }, () => Math.abs(normal(random)) * jitterMs),
  };
}

/** Box and Muller's. */
function normal(random: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}
