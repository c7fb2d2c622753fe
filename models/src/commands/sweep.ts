// `spillway sweep`: accuracy and offload rate at every threshold, EdgeBoost's evaluation for any pair.
import {
  type AccuracyCurve,
  areaUnderCurve,
  oracleAccuracy,
  pointOf,
  rowAt,
  type SweepRow,
  sweepThresholds,
} from "@spillway/shared/offload/sweep";
import type { ConfidenceRule } from "@spillway/shared/schema/calibration";
import { PAIR_FLAGS, PAIR_HELP, type PairOutcomes, pairFiles, readPair } from "../evaluation/pair.ts";
import { chartFlag, flagsOnly, numbersFlag, rulesFlag } from "../flag-values.ts";
import { OUTPUT_FLAGS, reportResult } from "../result-output.ts";
import { percent, textTable } from "../text-table.ts";
import { parseFlags } from "../usage.ts";

const HELP = `spillway sweep --edge E.npy --cloud C.npy --labels Y.npy [--confidence RULE,...] [--thresholds T,...]

${PAIR_HELP}  --confidence      margin (default), max-probability, entropy; several are compared
  --thresholds      samples of lower confidence are offloaded; default: all thresholds
  --chart FILE      accuracy against offload rate with random and oracle, .svg or .png; may be repeated
  --json            { rows: [{ threshold, accuracy, offloadRate, keptAccuracy }], area }, as fractions;
                    keptAccuracy is null where none is kept
  --out FILE        also write that there

The area is the mean accuracy over all offload rates. Several rules: \`rules\` holds each, rows and area are the first's.
`;

/** Points of the table for people when all thresholds are swept. */
const TABLE_RATES = [0, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1];

interface RuleSweep {
  confidence: ConfidenceRule;
  curve: AccuracyCurve;
  area: number;
}

export async function run(args: string[]): Promise<void> {
  const flags = parseFlags(
    args,
    {
      ...PAIR_FLAGS,
      ...OUTPUT_FLAGS,
      confidence: { type: "string", default: "margin" },
      thresholds: { type: "string" },
      chart: { type: "string", multiple: true, default: [] },
    },
    HELP,
  );
  if (flags === null) return;
  const { values } = flags;
  flagsOnly("sweep", flags.positionals);
  const rules = rulesFlag(values.confidence);
  const thresholds = numbersFlag("thresholds", values.thresholds, 0, 2);
  const charts = chartFlag(values.chart);
  const pair = await readPair(pairFiles("sweep", values), rules);
  const sweeps = rules.map((confidence): RuleSweep => {
    const curve = sweepThresholds(pair.confidence.get(confidence) as Float64Array, pair.edgeCorrect, pair.cloudCorrect);
    return { confidence, curve, area: areaUnderCurve(curve) };
  });
  if (charts.length > 0) await drawSweeps(charts, sweeps, pair);
  const result = resultOf(sweeps, thresholds, pair);
  await reportResult(result, values, textOf(sweeps, thresholds));
}

function resultOf(sweeps: RuleSweep[], thresholds: number[] | undefined, pair: PairOutcomes) {
  const rules = sweeps.map(({ confidence, curve, area }) => ({ confidence, rows: rowsOf(curve, thresholds), area }));
  const { rows, area } = rules[0];
  const randomArea = (rowAt(sweeps[0].curve, 0).accuracy + rowAt(sweeps[0].curve, 2).accuracy) / 2;
  const result = { rows, area, n: pair.rows, randomArea, oracleArea: oracleArea(pair) };
  return rules.length === 1 ? result : { ...result, rules };
}

/** The rows of the wanted thresholds, or of all there are. */
function rowsOf(curve: AccuracyCurve, thresholds: number[] | undefined): SweepRow[] {
  if (thresholds !== undefined) return thresholds.map((threshold) => rowAt(curve, threshold));
  return Array.from(curve.thresholds, (_, point) => pointOf(curve, point));
}

/** The curve of whoever knows which answers are right: its corners, where gains end and losses begin. */
function oracleCorners({ edgeCorrect, cloudCorrect, rows }: PairOutcomes): { x: number; y: number }[] {
  const gains = edgeCorrect.reduce((sum, right, row) => sum + (cloudCorrect[row] > right ? 1 : 0), 0);
  const losses = edgeCorrect.reduce((sum, right, row) => sum + (cloudCorrect[row] < right ? 1 : 0), 0);
  return [0, gains / rows, 1 - losses / rows, 1].map((x) => ({ x, y: oracleAccuracy(edgeCorrect, cloudCorrect, x) }));
}

function oracleArea(pair: PairOutcomes): number {
  const corners = oracleCorners(pair);
  return corners
    .slice(1)
    .reduce((area, { x, y }, index) => area + (x - corners[index].x) * ((y + corners[index].y) / 2), 0);
}

function textOf(sweeps: RuleSweep[], thresholds: number[] | undefined): string {
  return sweeps
    .map(({ confidence, curve, area }) => {
      const rows = thresholds === undefined ? rowsAtRates(curve) : rowsOf(curve, thresholds);
      const table = textTable(
        ["threshold", "accuracy", "offloaded", "accuracy on kept"],
        rows.map((row) => [
          String(Number(row.threshold.toPrecision(6))),
          percent(row.accuracy, 2),
          percent(row.offloadRate, 2),
          percent(row.keptAccuracy, 2),
        ]),
      );
      return `${confidence}, ${curve.rows} rows, area ${area.toFixed(4)}\n${table}`;
    })
    .join("\n");
}

/** For each rate of the table, the first point that offloads as much. */
function rowsAtRates(curve: AccuracyCurve): SweepRow[] {
  return TABLE_RATES.map((rate) => {
    const point = curve.offloaded.findIndex((offloaded) => offloaded >= rate * curve.rows);
    return pointOf(curve, point);
  });
}

async function drawSweeps(files: string[], sweeps: RuleSweep[], pair: PairOutcomes): Promise<void> {
  const { lineChart } = await import("../charts/lines.ts");
  const { writeChart } = await import("../charts/render.ts");
  const ends = [0, 1].map((rate) => rowAt(sweeps[0].curve, rate === 0 ? 0 : 2));
  const chart = lineChart({
    title: "Accuracy against offload rate",
    subtitle: `${pair.rows} rows`,
    x: { title: "share of images offloaded", format: ".0%", domain: [0, 1] },
    y: { title: "accuracy", format: ".0%" },
    lines: [
      ...sweeps.map(({ confidence, curve, area }) => ({
        name: `${confidence}, area ${area.toFixed(4)}`,
        points: Array.from(curve.offloaded, (offloaded, point) => ({
          x: offloaded / curve.rows,
          y: curve.correct[point] / curve.rows,
        })),
      })),
      { name: "oracle", style: "dashed" as const, points: oracleCorners(pair) },
      { name: "random", style: "dashed" as const, points: ends.map((end, x) => ({ x, y: end.accuracy })) },
    ],
  });
  for (const file of files) await writeChart(file, chart);
}
