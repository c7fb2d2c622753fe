// How long a decision of the controller takes, and what it gains on recorded traces beside rules that plan nothing.
import { readdirSync } from "node:fs";
import path from "node:path";
import { mulberry32 } from "@spillway/shared/random/mulberry32";
import {
  type ControllerInput,
  chooseOption,
  DEFAULT_WEIGHTS,
  type SendOption,
} from "@spillway/shared/split/controller";
import { endSend, IDLE_LINK, startSend, viewLink } from "@spillway/shared/split/link";
import { readCalibration } from "../../models/src/evaluation/calibration-file.ts";
import { loadEvaluation, rowsOfPart } from "../../models/src/evaluation/load-evaluation.ts";
import { splitInHalves } from "../../models/src/images/split.ts";
import { compareOnTraces, type LinkCell, WINDOWS } from "../../models/src/link/compare.ts";
import { evaluatedImages } from "../../models/src/link/frame-images.ts";
import { type LinkReport, reportOnCells } from "../../models/src/link/report.ts";
import { modelOptions, rawBytesOf } from "../../models/src/link/send-options.ts";
import { readTrace } from "../../models/src/link/trace.ts";
import { openModelFolder } from "../../models/src/model-folder.ts";
import { MOSAIC } from "./accuracy.bench.ts";
import { markdownTable, percent, percentile99, summarise } from "./measure.ts";

const ROOT = path.resolve(import.meta.dirname, "../..");
export const TRACES = path.join(ROOT, "../shared/data/traces");
const MODEL = path.join(ROOT, "models/cifar100");
const DECISIONS = 20_000;
const WARM_UP = 2_000;
/** Of each cell, in three parts of a trace that each begin without any knowledge of the link. */
const FRAMES = 900;
/** The same where that counts for more. */
const COLD_FRAMES = 300;

export async function benchController() {
  const decisions = [
    { name: "horizon 5, mean metric", horizon: 5, future: 1, tokens: 20 },
    { name: "horizon 8, mean metric", horizon: 8, future: 1, tokens: 20 },
    { name: "horizon 5, four metrics", horizon: 5, future: 4, tokens: 20 },
    { name: "horizon 5, mean metric, three tokens", horizon: 5, future: 1, tokens: 3.5 },
  ].map((plan) => ({ ...plan, ...timeDecisions(plan) }));
  const learning = timeLearning();
  const { all, report, tuning, cold } = await comparisons();
  return {
    results: { decisions, learning, all, report, tuning, cold },
    tables: {
      "controller-decision": `${decisionTable(decisions)}\n\nBesides, an answer that is learnt from takes ${learning.median.toFixed(0)} µs.`,
      controller: [
        comparisonTable(report),
        ...Object.entries({
          "report half": report,
          "tuning half": tuning,
          all,
          [`report half, parts of ${COLD_FRAMES / WINDOWS} frames instead of ${FRAMES / WINDOWS}`]: cold,
        }).map(([name, one]) => `- ${verdict(name, one)}`),
      ].join("\n\n"),
    },
  };
}

interface Plan {
  horizon: number;
  future: number;
  tokens: number;
}

/** Ten options, a camera of 60 frames a second. */
function timeDecisions({ horizon, future, tokens }: Plan) {
  const random = mulberry32(1);
  const options = Array.from({ length: 10 }, (_, index): SendOption => {
    return {
      route: index < 9 ? "tail" : "large",
      setting: String(index),
      bytes: 60 * 1.55 ** index,
      gainShare: (index + 4) / 13,
    };
  });
  const microseconds: number[] = [];
  for (let turn = 0; turn < WARM_UP + DECISIONS; turn++) {
    const throughput = 60 + 100 * random();
    const input: ControllerInput = {
      options,
      metric: 0.25 * random() ** 3,
      futureMetrics: Array.from({ length: future }, () => 0.25 * random() ** 3),
      queuedBytes: 3000 * random(),
      deadlineLeftMs: 100,
      deadlineMs: 100,
      intervalMs: 1000 / 60,
      tokens,
      bucket: { rate: 20, depth: 20 },
      tokenPrice: 0,
      link: {
        throughput,
        robustThroughput: throughput * (0.5 + random() / 2),
        latencyMs: { tail: 23, large: 25 },
        latencySpreadMs: 1,
      },
    };
    const startedMs = performance.now();
    chooseOption(input, { ...DEFAULT_WEIGHTS, horizon });
    if (turn >= WARM_UP) microseconds.push((performance.now() - startedMs) * 1000);
  }
  return { ...summarise(microseconds), p99: percentile99(microseconds) };
}

function timeLearning() {
  const random = mulberry32(2);
  const microseconds: number[] = [];
  let state = IDLE_LINK;
  for (let turn = 0; turn < WARM_UP + DECISIONS / 4; turn++) {
    const nowMs = turn * 20;
    const bytes = 40 + 1500 * random();
    const startedMs = performance.now();
    viewLink(state, nowMs);
    state = startSend(state, { id: "x", bytes, startedMs: nowMs, route: "tail" });
    state = endSend(state, "x", nowMs + 23 + bytes / 125 + random());
    if (turn >= WARM_UP) microseconds.push((performance.now() - startedMs) * 1000);
  }
  return { ...summarise(microseconds), p99: percentile99(microseconds) };
}

async function comparisons() {
  const files = readdirSync(TRACES)
    .filter((name) => name.endsWith(".txt"))
    .sort();
  const traces = await Promise.all(files.map((file) => readTrace(path.join(TRACES, file))));
  const { options, images, rawBytes } = await shippedModel();
  const comparison = {
    options,
    images,
    rawBytes,
    multiples: [1, 2, 4],
    deadlinesMs: [50, 100, 200],
    latencyMs: { tail: 23, large: 25 },
    jitterMs: 1,
    bucket: null,
    weights: DEFAULT_WEIGHTS,
    buffer: { low: 0.3, high: 0.9 },
    seed: 1,
  };
  const halves = splitInHalves(traces.length);
  const cellsOf = (indices: readonly number[], frames = FRAMES) =>
    compareOnTraces(
      { ...comparison, frames },
      indices.map((index) => traces[index]),
    );
  const [tuning, report] = [cellsOf(halves.calibration), cellsOf(halves.report)];
  const reportOf = (cells: readonly LinkCell[]) => reportOnCells(cells, images.edgeAccuracy);
  return {
    all: reportOf([...tuning, ...report]),
    report: reportOf(report),
    tuning: reportOf(tuning),
    cold: reportOf(cellsOf(halves.report, COLD_FRAMES)),
  };
}

/** What it may send, and what its answers to the report half are. */
async function shippedModel() {
  const folder = await openModelFolder(MODEL);
  const { large, tail } = folder.manifest.cloud;
  const calibration = await readCalibration(path.join(MODEL, "calibration.json"), folder);
  const options = modelOptions(calibration, large);
  if (options === null) throw new Error(`${MODEL}: its calibration knows no tail`);
  const evaluation = rowsOfPart(await loadEvaluation(folder, { images: MOSAIC, withTail: true }), "report");
  return { options, images: evaluatedImages(evaluation, calibration, "max-probability"), rawBytes: rawBytesOf(tail) };
}

function decisionTable(decisions: readonly { name: string; median: number; p99: number }[]): string {
  return markdownTable(
    ["ten options", "median", "99th percentile"],
    decisions.map(({ name, median, p99 }) => [name, `${median.toFixed(1)} µs`, `${p99.toFixed(1)} µs`]),
  );
}

function comparisonTable({ rules, optimum }: LinkReport): string {
  const rows = Object.entries(rules).map(([name, rule]) => [
    name,
    rule.net.toFixed(4),
    percent(rule.shareOfOptimum ?? 0),
    rule.gain.toFixed(4),
    percent(rule.accuracy ?? 0),
    percent(rule.missRate, 2),
    rule.bytes.toFixed(0),
  ]);
  const header = ["rule", "net gain a frame", "of the optimum's", "gain", "accuracy", "misses", "bytes a frame"];
  return markdownTable(header, [...rows, ["optimum (upper bound)", optimum.toFixed(4), "100.0 %", "", "", "", ""]]);
}

function verdict(
  name: string,
  { traces, rules, ahead, missesAgainstRate, controllerScoreWithEdge }: LinkReport,
): string {
  const { shareOfOptimum } = rules.mpc;
  const misses = missesAgainstRate === null ? "" : `, ${percent(missesAgainstRate)} of the rate-based rule's misses`;
  return `${name} (${traces} traces): ${percent(shareOfOptimum ?? 0)} of the optimum's net gain, ${percent(controllerScoreWithEdge)} with what the edge gets right alone; ahead of every fixed setting and both rules on ${percent(ahead.ofAll, 0)} of traces${misses}.`;
}
