// `spillway metric`: the expected gain of asking the cloud, fitted in several ways and compared on rows that
// the fits have not seen.
import { rowOf } from "@spillway/shared/calibration/row-major";
import {
  type Contender,
  chosenInEachFold,
  compareGainModels,
  compareTables,
  type Predictions,
  predictsBetter,
} from "@spillway/shared/offload/fit-metric";
import { areaUnderCurve, sweepThresholds } from "@spillway/shared/offload/sweep";
import { foldsOf } from "@spillway/shared/random/folds";
import type { GainModel, MetricTable } from "@spillway/shared/schema/calibration";
import { readProbabilities } from "../arrays/inputs.ts";
import {
  expectFoldable,
  gainOf,
  PAIR_FLAGS,
  PAIR_HELP,
  type PairOutcomes,
  pairFiles,
  readPair,
} from "../evaluation/pair.ts";
import { chartFlag, flagsOnly, ruleFlag } from "../flag-values.ts";
import { OUTPUT_FLAGS, reportResult } from "../result-output.ts";
import { textTable } from "../text-table.ts";
import { parseFlags } from "../usage.ts";

const HELP = `spillway metric --edge E.npy --cloud C.npy --labels Y.npy [--confidence RULE]

${PAIR_HELP}  --confidence RULE  what the table is a function of: margin (default), max-probability, entropy
  --chart FILE       the expected gain at every confidence, .svg or .png; may be repeated
  --json             { method, table, gainModel, contenders: [{ name, error, area }], chosen: [likewise] }
  --out FILE         also write that there

Isotonic regression, kernel regression (EMSOFT'22) and a class-aware linear model are compared by 5-fold cross-
validation: \`error\` is the mean squared error of the predicted gain, \`area\` the mean accuracy over all offload rates
when the images of a fold are offloaded in the order of the prediction, averaged over the folds. \`chosen\` says what
choosing the best table, and the best class-aware model, is worth: each fold is judged by the one that did best on the
other folds. \`gainModel\` is null unless the chosen one predicts better than the chosen table by more than two
standard errors.
`;

export async function run(args: string[]): Promise<void> {
  const flags = parseFlags(
    args,
    {
      ...PAIR_FLAGS,
      ...OUTPUT_FLAGS,
      confidence: { type: "string", default: "margin" },
      chart: { type: "string", multiple: true, default: [] },
    },
    HELP,
  );
  if (flags === null) return;
  const { values } = flags;
  flagsOnly("metric", flags.positionals);
  const rule = ruleFlag(values.confidence);
  const charts = chartFlag(values.chart);
  const files = pairFiles("metric", values);
  const pair = await readPair(files, [rule]);
  expectFoldable(files.edge, pair.rows);
  const edge = await readProbabilities(files.edge);
  const rows = Array.from({ length: pair.rows }, (_, row) => rowOf(edge.values, row, pair.classes));
  const confidence = pair.confidence.get(rule) as Float64Array;
  const gain = gainOf(pair);
  const tables = compareTables(confidence, gain);
  const models = compareGainModels(rows, gain);
  const all = Array.from(gain.keys());
  const [chosenTable, chosenModel] = [tables, models].map((ways) => chosenInEachFold(ways, gain));
  const isClassAware = predictsBetter(chosenModel, chosenTable, gain);
  const contenders = [...tables, ...models]
    .sort((a, b) => a.error - b.error)
    .map((way) => summaryOf(way.name, way, pair));
  const chosen = [summaryOf("table, chosen", chosenTable, pair), summaryOf("class-aware, chosen", chosenModel, pair)];
  const table: MetricTable = tables[0].fit(all);
  const gainModel: GainModel | null = isClassAware ? models[0].fit(all) : null;
  const method = isClassAware ? models[0].name : tables[0].name;
  if (charts.length > 0) await drawTables(charts, rule, tables, all);
  const text = textTable(
    ["fitted by", "squared error", "area"],
    [...contenders, ...chosen].map(({ name, error, area }) => [name, error.toFixed(5), area.toFixed(5)]),
  );
  await reportResult(
    { method, confidence: rule, table, gainModel, contenders, chosen },
    values,
    `${text}best: ${method}\n`,
  );
}

/** The area is that of each fold for itself: predictions of different fits are not in one order. */
function summaryOf(name: string, { error, predictions }: Predictions, pair: PairOutcomes) {
  const folds = foldsOf(pair.rows);
  const area = folds.reduce((sum, { judged }) => sum + areaOf(judged, predictions, pair), 0) / folds.length;
  return { name, error, area };
}

function areaOf(rows: readonly number[], predictions: Float64Array, pair: PairOutcomes): number {
  const reluctance = Float64Array.from(rows, (row) => -predictions[row]);
  const [edgeCorrect, cloudCorrect] = [pair.edgeCorrect, pair.cloudCorrect].map((correct) =>
    Uint8Array.from(rows, (row) => correct[row]),
  );
  return areaUnderCurve(sweepThresholds(reluctance, edgeCorrect, cloudCorrect));
}

async function drawTables(
  files: string[],
  rule: string,
  tables: readonly Contender<MetricTable>[],
  rows: readonly number[],
): Promise<void> {
  const { lineChart } = await import("../charts/lines.ts");
  const { writeChart } = await import("../charts/render.ts");
  const ways = tables.filter(
    (way) => way.name === "isotonic" || way === tables.find(({ name }) => name !== "isotonic"),
  );
  const chart = lineChart({
    title: "Expected gain of asking the cloud",
    subtitle: `${rows.length} rows; edge loss minus cloud loss`,
    x: { title: `${rule} of the edge`, domain: [0, 1] },
    y: { title: "expected gain" },
    lines: ways.map((way) => {
      const { confidence, gain } = way.fit(rows);
      return { name: way.name, points: confidence.map((x, knot) => ({ x, y: gain[knot] })) };
    }),
  });
  for (const file of files) await writeChart(file, chart);
}
