// `spillway controller compare`: every fixed setting, a rate-based and a buffer-based rule, the controller and the
// offline optimum, on recorded traces.
import { readdir } from "node:fs/promises";
import path from "node:path";
import type { LineChart } from "../../charts/lines.ts";
import { chartFlag, choiceFlag, flagsOnly, neededFlag, numbersFlag } from "../../flag-values.ts";
import { splitInHalves } from "../../images/split.ts";
import { BUFFER, CONTROLLER, compareOnTraces, type LinkCell, RATE } from "../../link/compare.ts";
import { type LinkReport, reportOnCells, traceScores } from "../../link/report.ts";
import { readTrace, type Trace } from "../../link/trace.ts";
import { startProgress } from "../../progress.ts";
import { expectWritable, OUTPUT_FLAGS, reportResult } from "../../result-output.ts";
import { percent, textTable } from "../../text-table.ts";
import { parseFlags } from "../../usage.ts";
import { LINK_FLAGS, LONGEST_MS, linkHelp, linkNumbers, readLinkSetup } from "./link-flags.ts";

/** As in test/bench/controller.bench.ts, whose results are published. */
const FRAMES = 900;

const HELP = `spillway controller compare --traces FOLDER --options FILE.json | --model FOLDER [--evaluation E.npz]

  --traces FOLDER      all its .txt files: lines of \`time_s throughput_Mbps\`
  --half H             all (default), or one of two halves of the traces by a fixed seed: tuning, to choose parameters
                       on, or report
  --multiples M,...    of the mean throughput that raw features need (default 1,2,4)
  --deadlines D,...    milliseconds (default 50,100,200); each with each multiple is a cell
${linkHelp(FRAMES)}                       of each cell, in three equal parts of the trace; 71 traces of 9 cells take a minute or two
  --chart FILE         share of the optimum by trace, and gain against misses, .svg or .png; may be repeated
  --json               { report, cells: [{ trace, multiple, deadlineMs, intervalMs, optimum, rules: { <name>: { gain,
                       missRate, net, bytes, accuracy } } }] }
  --out FILE           also write that there

A frame gains gainShare x metric where its answer is in time; one that is late costs the miss penalty (net = gain -
penalty x misses). The optimum knows the trace and all metrics; it is an upper bound, which no rule need be able to reach.
`;

export async function run(args: string[]): Promise<void> {
  const own = {
    traces: { type: "string" },
    half: { type: "string", default: "all" },
    multiples: { type: "string", default: "1,2,4" },
    deadlines: { type: "string", default: "50,100,200" },
  } as const;
  const flags = parseFlags(args, { ...LINK_FLAGS, ...own, ...OUTPUT_FLAGS }, HELP);
  if (flags === null) return;
  const { values } = flags;
  flagsOnly("controller compare", flags.positionals);
  const folder = neededFlag("controller compare", "traces", values.traces);
  const half = choiceFlag("half", values.half, ["all", "tuning", "report"]);
  const multiples = numbersFlag("multiples", values.multiples, 0.01, 1000) as number[];
  const deadlinesMs = numbersFlag("deadlines", values.deadlines, 1, LONGEST_MS) as number[];
  const charts = chartFlag(values.chart ?? []);
  linkNumbers("controller compare", values, FRAMES);
  for (const file of [values.out, ...charts]) await expectWritable(file);
  const traces = await readTraces(folder, half);
  const setup = await readLinkSetup("controller compare", values, FRAMES);
  const count = traces.length * multiples.length * deadlinesMs.length;
  const progress = startProgress("cells", count);
  let done = 0;
  const cells = compareOnTraces({ ...setup, multiples, deadlinesMs }, traces, () => progress(++done));
  const report = reportOnCells(cells, setup.images.edgeAccuracy);
  if (charts.length > 0) await drawComparison(charts, cells, report);
  await reportResult({ report, cells }, values, textOf(report));
}

/** @throws Error with one line that names the folder or the file */
async function readTraces(folder: string, half: "all" | "tuning" | "report"): Promise<Trace[]> {
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    throw new Error(`${folder}: cannot be read (${error.code})`);
  });
  const files = names.filter((name) => name.endsWith(".txt")).sort();
  const least = half === "all" ? 1 : 2;
  if (files.length < least) throw new Error(`${folder}: expected at least ${least} .txt files, got ${files.length}`);
  const chosen = half === "all" ? files.map((_, index) => index) : halfOf(files.length, half);
  return Promise.all(chosen.map((index) => readTrace(path.join(folder, files[index]))));
}

function halfOf(count: number, half: "tuning" | "report"): number[] {
  const { calibration, report } = splitInHalves(count);
  return half === "tuning" ? calibration : report;
}

function textOf(report: LinkReport): string {
  const { rules, optimum, ahead, missesAgainstRate, bestFixed } = report;
  const rows = Object.entries(rules).map(([name, rule]) => [
    name,
    rule.net.toFixed(5),
    percent(rule.shareOfOptimum),
    percent(rule.meanShare),
    rule.gain.toFixed(5),
    percent(rule.accuracy),
    percent(rule.missRate, 2),
    rule.bytes.toFixed(0),
  ]);
  const header = ["", "net gain", "of optimum", "mean of traces", "gain", "accuracy", "misses", "bytes a frame"];
  const table = textTable(header, [...rows, ["optimum", optimum.toFixed(5), "100.0 %", "", "", "", "", ""]]);
  const lines = [
    `${report.traces} traces, ${report.cells} cells; edge alone right: ${percent(report.edgeAccuracy)}`,
    `score with the edge's own right answers: ${percent(report.controllerScoreWithEdge, 2)} of the optimum's`,
    `${CONTROLLER} ahead on traces: of all ${percent(ahead.ofAll)}, of ${bestFixed} ${percent(ahead.ofBestFixed)}, of any fixed ${percent(ahead.ofAnyFixed)}, of ${RATE} ${percent(ahead.ofRate)}, of ${BUFFER} ${percent(ahead.ofBuffer)}`,
    `misses against ${RATE}: ${missesAgainstRate === null ? "-" : missesAgainstRate.toFixed(3)}`,
  ];
  return `${table}\n${lines.join("\n")}\n`;
}

async function drawComparison(files: string[], cells: readonly LinkCell[], report: LinkReport): Promise<void> {
  const { panels } = await import("../../charts/panels.ts");
  const { writeChart } = await import("../../charts/render.ts");
  const shown = [CONTROLLER, report.bestFixed, RATE, BUFFER];
  const chart = panels(
    `Over a varying link (${report.traces} traces, ${report.cells} cells)`,
    [shareChart(cells, shown), missChart(report, shown)],
    2,
  );
  for (const file of files) await writeChart(file, chart);
}

/** What share of the traces stays below a share of the optimum. */
function shareChart(cells: readonly LinkCell[], shown: readonly string[]): LineChart {
  const traces = [...Map.groupBy(cells, ({ trace }) => trace).values()]
    .map(traceScores)
    .filter(({ optimum }) => optimum > 0);
  return {
    title: "net gain by trace",
    x: { title: "share of the optimum's (below 0 cut off)", format: ".0%", domain: [0, 1] },
    y: { title: "share of traces at or below", format: ".0%", domain: [0, 1] },
    lines: shown.map((name) => {
      const shares = traces.map(({ rules, optimum }) => rules[name].net / optimum).sort((a, b) => a - b);
      const points = shares.map((share, index) => ({ x: Math.max(0, share), y: (index + 1) / shares.length }));
      return { name, points: [...points.slice(0, 1).map(({ x }) => ({ x, y: 0 })), ...points] };
    }),
  };
}

function missChart({ rules, optimum }: LinkReport, shown: readonly string[]): LineChart {
  const others = Object.keys(rules).filter((name) => !shown.includes(name));
  const pointOf = (name: string) => ({ x: rules[name].missRate, y: rules[name].gain });
  const named = shown.map((name) => ({ name, points: [pointOf(name)], style: "solid" as const }));
  const rest = { name: "other fixed settings", points: others.map(pointOf), style: "points" as const };
  const limit = { name: "optimum", points: [0, 1].map((x) => ({ x, y: optimum })), style: "dashed" as const };
  return {
    title: "gain against deadline misses",
    x: { title: "answers too late", format: ".0%" },
    y: { title: "accuracy gained over the edge alone", format: ".1%" },
    lines: [...named, ...(others.length > 0 ? [rest] : []), limit],
  };
}
