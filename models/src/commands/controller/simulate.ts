// `spillway controller simulate`: one rule on one trace, frame by frame.
import { mulberry32 } from "@spillway/shared/random/mulberry32";
import type { SendOption } from "@spillway/shared/split/controller";
import type { LineChart } from "../../charts/lines.ts";
import { chartFlag, flagsOnly, neededFlag, numberFlag } from "../../flag-values.ts";
import { CONTROLLER, drawFrames, rulesFor } from "../../link/compare.ts";
import { linkOptimum } from "../../link/optimum.ts";
import { type LinkRun, type LinkSetting, playLink } from "../../link/play.ts";
import { type LinkReplay, replayOf } from "../../link/replay.ts";
import { shareOf } from "../../link/report.ts";
import { scoreRun } from "../../link/score.ts";
import { optionName } from "../../link/send-options.ts";
import { readTrace } from "../../link/trace.ts";
import { expectWritable, OUTPUT_FLAGS, reportResult } from "../../result-output.ts";
import { percent, textTable } from "../../text-table.ts";
import { parseFlags, UsageError } from "../../usage.ts";
import { LINK_FLAGS, LONGEST_MS, linkHelp, linkNumbers, readLinkSetup } from "./link-flags.ts";

const FRAMES = 1000;

const HELP = `spillway controller simulate --trace FILE --options FILE.json | --model FOLDER [--evaluation E.npz]

  --trace FILE         lines of \`time_s throughput_Mbps\`; after its end it begins anew
  --rule R             mpc (default), rate, buffer, or "fixed 16x4" and so on
  --deadline-ms D      default 100
  --fps F              frames a second; or --multiple M: so many that raw features need M times the trace's mean
                       throughput (default 2)
  --from-s S           where in the trace the first frame comes (default 0)
${linkHelp(FRAMES)}  --chart FILE         throughput, bytes sent, queue and misses over time, .svg or .png; may be repeated
  --json               { rule, intervalMs, score: { gain, missRate, net, bytes, accuracy }, optimum, choices: { <name>:
                       frames }, frames: [{ atMs, metric, choice, answerMs, queuedBytes, throughput }] }
  --out FILE           also write that there
`;

export async function run(args: string[]): Promise<void> {
  const text = { type: "string" } as const;
  const own = { trace: text, rule: { type: "string", default: CONTROLLER }, "deadline-ms": text, fps: text } as const;
  const flags = parseFlags(args, { ...LINK_FLAGS, ...own, multiple: text, "from-s": text, ...OUTPUT_FLAGS }, HELP);
  if (flags === null) return;
  const { values } = flags;
  flagsOnly("controller simulate", flags.positionals);
  const file = neededFlag("controller simulate", "trace", values.trace);
  const deadlineMs = numberFlag("deadline-ms", values["deadline-ms"], 1, LONGEST_MS) ?? 100;
  const fps = numberFlag("fps", values.fps, 0.001, 10_000);
  const multiple = numberFlag("multiple", values.multiple, 0.01, 1000);
  if (fps !== undefined && multiple !== undefined) throw new UsageError("--fps and --multiple: expected one of them");
  const fromMs = (numberFlag("from-s", values["from-s"], 0, 1e6) ?? 0) * 1000;
  const charts = chartFlag(values.chart ?? []);
  linkNumbers("controller simulate", values, FRAMES);
  for (const output of [values.out, ...charts]) await expectWritable(output);
  const trace = await readTrace(file);
  const setup = await readLinkSetup("controller simulate", values, FRAMES);
  const replay = replayOf(trace);
  const intervalMs = fps === undefined ? setup.rawBytes / ((multiple ?? 2) * replay.meanBytesPerMs) : 1000 / fps;
  const setting: LinkSetting = { intervalMs, deadlineMs, bucket: setup.bucket, latencyMs: setup.latencyMs, fromMs };
  const rules = rulesFor({ ...setup, multiples: [], deadlinesMs: [] }, setting);
  const rule = rules.find(({ name }) => name === values.rule);
  if (rule === undefined) {
    throw new UsageError(`--rule: expected ${rules.map(({ name }) => name).join(", ")}; got "${values.rule}"`);
  }
  const { rows, metrics, jitter } = drawFrames(setup.images, setup.frames, setup.jitterMs, mulberry32(setup.seed));
  const played = playLink(rule.make(), rule.options, metrics, jitter, replay, setting);
  const course: Course = { run: played, options: rule.options, replay, setting, metrics };
  const result = {
    rule: rule.name,
    intervalMs,
    score: scoreRun(played, rule.options, setup.images, rows, setting, setup.weights.missPenalty),
    optimum: linkOptimum(setup.options, metrics, replay, setting) / metrics.length,
    choices: choiceCounts(course),
    frames: framesOf(course),
  };
  if (charts.length > 0) await drawCourse(charts, course, `${rule.name} on ${trace.name}`);
  await reportResult(result, values, textOf(result));
}

interface Course {
  run: LinkRun;
  options: readonly SendOption[];
  replay: LinkReplay;
  setting: LinkSetting;
  metrics: Float64Array;
}

function nameAt({ run, options }: Course, frame: number): string {
  return run.choices[frame] < 0 ? "edge" : optionName(options[run.choices[frame]]);
}

function choiceCounts(course: Course): Record<string, number> {
  const names = ["edge", ...course.options.map(optionName)];
  const chosen = Array.from(course.metrics, (_, frame) => nameAt(course, frame));
  const counts = names.map((name): [string, number] => [name, chosen.filter((other) => other === name).length]);
  return Object.fromEntries(counts.filter(([, count]) => count > 0));
}

function framesOf(course: Course) {
  const { run, replay, setting, metrics } = course;
  return Array.from(metrics, (metric, frame) => {
    const atMs = setting.fromMs + frame * setting.intervalMs;
    return {
      atMs,
      metric,
      choice: nameAt(course, frame),
      answerMs: run.answerMs[frame],
      queuedBytes: run.queuedBytes[frame],
      throughput: replay.throughputAt(atMs),
    };
  });
}

function textOf(result: {
  rule: string;
  intervalMs: number;
  score: ReturnType<typeof scoreRun>;
  optimum: number;
  choices: Record<string, number>;
  frames: readonly unknown[];
}): string {
  const { score, optimum, choices, frames, intervalMs, rule } = result;
  const counts = Object.entries(choices).map(([name, count]) => [name, String(count), percent(count / frames.length)]);
  const lines = [
    `${rule}: ${frames.length} frames, one every ${intervalMs.toFixed(1)} ms`,
    `net gain ${score.net.toFixed(5)} a frame, ${percent(shareOf(score.net, optimum))} of the optimum's ${optimum.toFixed(5)}`,
    `gain ${score.gain.toFixed(5)}, misses ${percent(score.missRate, 2)}, ${score.bytes.toFixed(0)} bytes a frame${score.accuracy === null ? "" : `, accuracy ${percent(score.accuracy)}`}`,
  ];
  return `${lines.join("\n")}\n\n${textTable(["sent", "frames", ""], counts)}`;
}

async function drawCourse(files: string[], course: Course, title: string): Promise<void> {
  const { panels } = await import("../../charts/panels.ts");
  const { writeChart } = await import("../../charts/render.ts");
  const chart = panels(title, [throughputChart(course), answerChart(course)], 1);
  for (const file of files) await writeChart(file, chart);
}

/** Averages over this many pieces of the course can be told apart. */
const PIECES = 120;

function throughputChart({ run, options, replay, setting, metrics }: Course): LineChart {
  const { fromMs, intervalMs } = setting;
  const spanMs = metrics.length * intervalMs;
  const link = Array.from({ length: PIECES }, (_, piece) => {
    const [from, to] = [piece, piece + 1].map((at) => fromMs + (spanMs * at) / PIECES);
    const kilobytes = (replay.carriedBy(to) - replay.carriedBy(from)) / (to - from);
    return { x: (from + to) / 2000, y: kilobytes };
  });
  const sent = new Float64Array(PIECES);
  run.choices.forEach((choice, frame) => {
    const piece = Math.min(Math.floor((frame * PIECES) / metrics.length), PIECES - 1);
    if (choice >= 0) sent[piece] += options[choice].bytes / (spanMs / PIECES);
  });
  return {
    title: "link and load",
    x: { title: "seconds" },
    y: { title: "kilobytes a second" },
    lines: [
      { name: "throughput", points: link },
      { name: "sent", points: Array.from(sent, (y, piece) => ({ x: link[piece].x, y })) },
    ],
  };
}

function answerChart({ run, setting, metrics, replay }: Course): LineChart {
  const { fromMs, intervalMs, deadlineMs } = setting;
  const secondsAt = (frame: number) => (fromMs + frame * intervalMs) / 1000;
  const frames = Array.from(metrics, (_, frame) => frame);
  const late = frames.filter((frame) => run.answerMs[frame] > deadlineMs);
  const longest = Math.max(deadlineMs * 1.5, 1);
  const waits = frames.map((frame) => {
    const atMs = fromMs + frame * intervalMs;
    const waitMs = replay.timeOf(replay.carriedBy(atMs) + run.queuedBytes[frame]) - atMs;
    return { x: secondsAt(frame), y: Math.min(longest, Math.max(0, waitMs)) };
  });
  return {
    title: "queue and misses",
    x: { title: "seconds" },
    y: { title: "milliseconds", domain: [0, longest] },
    lines: [
      { name: "queue", points: waits },
      {
        name: "deadline",
        points: [0, metrics.length - 1].map((frame) => ({ x: secondsAt(frame), y: deadlineMs })),
        style: "dashed",
      },
      ...(late.length === 0
        ? []
        : [
            {
              name: "answer too late",
              points: late.map((frame) => ({ x: secondsAt(frame), y: Math.min(longest, run.answerMs[frame]) })),
              style: "points" as const,
            },
          ]),
    ],
  };
}
