// `spillway fuse`: whether edge and cloud together answer an offloaded image better than the cloud alone.
import { rowOf } from "@spillway/shared/calibration/row-major";
import { argmax } from "@spillway/shared/calibration/softmax";
import {
  compareFusions,
  crossValidateChosenFusion,
  type FusionComparison,
  fitFusion,
} from "@spillway/shared/offload/fit-fusion";
import { readLabels, readProbabilities } from "../arrays/inputs.ts";
import { expectFoldable, PAIR_FLAGS, PAIR_HELP, type PairFiles, pairFiles } from "../evaluation/pair.ts";
import { flagsOnly } from "../flag-values.ts";
import { OUTPUT_FLAGS, reportResult } from "../result-output.ts";
import { percent, textTable } from "../text-table.ts";
import { parseFlags } from "../usage.ts";

const HELP = `spillway fuse --edge E.npy --cloud C.npy --labels Y.npy

${PAIR_HELP}  --json         { method, fusion, accuracy: { edge, cloud, fused }, nll, gain, standardError, contenders }
  --out FILE     also write that there

Every image offloaded, and answered by the cloud alone, a weighted mean, or a weighted product of both. \`method\` has
the best likelihood in 5-fold cross-validation, as \`contenders\` shows; \`accuracy.fused\`, \`nll\` and the gain over
the cloud alone, with its standard error, are of choosing again in each fold. \`fusion\` is fitted on all rows, also on
those that a threshold would leave with the edge; for the images a system will offload, give their rows alone.
`;

export async function run(args: string[]): Promise<void> {
  const flags = parseFlags(args, { ...PAIR_FLAGS, ...OUTPUT_FLAGS }, HELP);
  if (flags === null) return;
  flagsOnly("fuse", flags.positionals);
  const pair = await readTables(pairFiles("fuse", flags.values));
  const result = fuseTables(pair);
  await reportResult(result, flags.values, textOf(result, pair.rows));
}

interface PairTables {
  rows: number;
  classes: number;
  /** Row-major [rows, classes], as is `cloud`. */
  edge: Float64Array;
  cloud: Float64Array;
  labels: Int32Array;
}

async function readTables(files: PairFiles): Promise<PairTables> {
  const [edge, cloud] = [await readProbabilities(files.edge), await readProbabilities(files.cloud)];
  const { rows, classes } = edge;
  if (cloud.rows !== rows || cloud.classes !== classes) {
    throw new Error(
      `${files.cloud}: expected ${rows} x ${classes} like ${files.edge}, got ${cloud.rows} x ${cloud.classes}`,
    );
  }
  expectFoldable(files.edge, rows);
  const labels = await readLabels(files.labels, classes);
  if (labels.length !== rows) throw new Error(`${files.labels}: expected ${rows} labels, got ${labels.length}`);
  const [edgeTable, cloudTable] = [edge.values, cloud.values].map((values) => Float64Array.from(values));
  return { rows, classes, edge: edgeTable, cloud: cloudTable, labels };
}

function fuseTables({ edge, cloud, labels, classes }: PairTables) {
  const correct = (table: Float64Array) =>
    Array.from(labels, (label, row) => (argmax(rowOf(table, row, classes)) === label ? 1 : 0));
  const cloudCorrect = correct(cloud);
  const summaryOf = ({ nll, probabilities }: Pick<FusionComparison, "nll" | "probabilities">) => {
    const fusedCorrect = correct(probabilities);
    return { nll, accuracy: mean(fusedCorrect), ...pairedGain(fusedCorrect, cloudCorrect) };
  };
  const contenders = compareFusions(edge, cloud, labels, classes).map((way) => ({
    method: way.method,
    ...summaryOf(way),
  }));
  const [{ method }] = contenders;
  const { nll, accuracy: fused, ...gain } = summaryOf(crossValidateChosenFusion(edge, cloud, labels, classes));
  return {
    method,
    fusion: fitFusion(method, edge, cloud, labels, classes),
    accuracy: { edge: mean(correct(edge)), cloud: mean(cloudCorrect), fused },
    nll,
    ...gain,
    contenders,
  };
}

function textOf({ contenders, accuracy, fusion, ...chosen }: ReturnType<typeof fuseTables>, rows: number): string {
  const ways = [
    ...contenders.map(({ method, ...way }) => ({ name: method === "none" ? "cloud alone" : method, ...way })),
    { name: "chosen in each fold", accuracy: accuracy.fused, ...chosen },
  ];
  const table = textTable(
    ["answer", "NLL", "accuracy", "over the cloud alone, points"],
    ways.map((way) => [
      way.name,
      way.nll.toFixed(5),
      percent(way.accuracy, 2),
      `${(100 * way.gain).toFixed(2)} ± ${(100 * way.standardError).toFixed(2)}`,
    ]),
  );
  return `${table}${rows} rows, fitted: ${JSON.stringify(fusion)}\n`;
}

/** Mean difference of paired outcomes with its standard error. */
function pairedGain(a: readonly number[], b: readonly number[]): { gain: number; standardError: number } {
  const differences = a.map((value, row) => value - b[row]);
  const gain = mean(differences);
  const variance = mean(differences.map((difference) => (difference - gain) ** 2));
  return { gain, standardError: Math.sqrt(variance / a.length) };
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
