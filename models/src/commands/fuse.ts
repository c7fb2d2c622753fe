// `spillway fuse`: whether edge and cloud together answer an offloaded image better than the cloud alone.
import { rowOf } from "@spillway/shared/calibration/row-major";
import { argmax } from "@spillway/shared/calibration/softmax";
import { compareFusions, fitFusion } from "@spillway/shared/offload/fit-fusion";
import { readLabels, readProbabilities } from "../arrays/inputs.ts";
import { expectFoldable, PAIR_FLAGS, PAIR_HELP, pairFiles } from "../evaluation/pair.ts";
import { flagsOnly } from "../flag-values.ts";
import { OUTPUT_FLAGS, reportResult } from "../result-output.ts";
import { percent, textTable } from "../text-table.ts";
import { parseFlags } from "../usage.ts";

const HELP = `spillway fuse --edge E.npy --cloud C.npy --labels Y.npy

${PAIR_HELP}  --json         { method, fusion, accuracy: { edge, cloud, fused }, gain, standardError, contenders }
  --out FILE     also write that there

Every image offloaded, and answered by the cloud alone, a weighted mean, or a weighted product of both. All numbers
are of 5-fold cross-validation; \`fusion\` is fitted on all rows. The best likelihood wins; the gain in accuracy over
the cloud alone is stated with its standard error.
`;

export async function run(args: string[]): Promise<void> {
  const flags = parseFlags(args, { ...PAIR_FLAGS, ...OUTPUT_FLAGS }, HELP);
  if (flags === null) return;
  flagsOnly("fuse", flags.positionals);
  const files = pairFiles("fuse", flags.values);
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
  const contenders = compareFusions(edgeTable, cloudTable, labels, classes);
  const [{ method }] = contenders;
  const correct = (table: Float64Array) =>
    Array.from(labels, (label, row) => (argmax(rowOf(table, row, classes)) === label ? 1 : 0));
  const cloudCorrect = correct(cloudTable);
  const summaries = contenders.map(({ method: name, nll, probabilities }) => {
    const fusedCorrect = correct(probabilities);
    return { method: name, nll, accuracy: mean(fusedCorrect), ...pairedGain(fusedCorrect, cloudCorrect) };
  });
  const { accuracy: fused, gain, standardError } = summaries[0];
  const result = {
    method,
    fusion: fitFusion(method, edgeTable, cloudTable, labels, classes),
    accuracy: { edge: mean(correct(edgeTable)), cloud: mean(cloudCorrect), fused },
    gain,
    standardError,
    contenders: summaries,
  };
  const table = textTable(
    ["answer", "NLL", "accuracy", "over the cloud alone, points"],
    summaries.map((way) => [
      way.method === "none" ? "cloud alone" : way.method,
      way.nll.toFixed(5),
      percent(way.accuracy, 2),
      `${(100 * way.gain).toFixed(2)} ± ${(100 * way.standardError).toFixed(2)}`,
    ]),
  );
  await reportResult(result, flags.values, `${table}${rows} rows, fitted: ${JSON.stringify(result.fusion)}\n`);
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
