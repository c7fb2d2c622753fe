// A pair of classifiers known only by their probabilities: what the edge thought and what the cloud would
// have answered. Read block by block, so that a million rows need no more memory than their summaries.
import { confidenceOf } from "@spillway/shared/calibration/confidence";
import { argmax } from "@spillway/shared/calibration/softmax";
import { DEFAULT_FOLDS } from "@spillway/shared/random/folds";
import type { ConfidenceRule } from "@spillway/shared/schema/calibration";
import { checkProbabilityRows, readLabels } from "../arrays/inputs.ts";
import { openRows } from "../arrays/row-blocks.ts";
import { neededFlag } from "../flag-values.ts";
import { startProgress } from "../progress.ts";

const PROGRESS_STEP = 65_536;

/** Where the arrays are: .npy, or .npz:name. */
export interface PairFiles {
  edge: string;
  cloud: string;
  labels: string;
}

/** Flags of a command about a pair, for parseFlags. */
export const PAIR_FLAGS = {
  edge: { type: "string" },
  cloud: { type: "string" },
  labels: { type: "string" },
} as const;

export const PAIR_HELP = `  --edge E.npy      probabilities of the edge, [rows, classes]; .npz:name names one array of several
  --cloud C.npy     probabilities of the cloud, likewise
  --labels Y.npy    true classes, [rows]
`;

/** Per-row summaries, each [rows]. */
export interface PairOutcomes {
  rows: number;
  classes: number;
  confidence: Map<ConfidenceRule, Float64Array>;
  edgeCorrect: Uint8Array;
  cloudCorrect: Uint8Array;
}

export function pairFiles(command: string, values: Partial<PairFiles>): PairFiles {
  return {
    edge: neededFlag(command, "edge", values.edge),
    cloud: neededFlag(command, "cloud", values.cloud),
    labels: neededFlag(command, "labels", values.labels),
  };
}

/**
 * Reads both tables, with a progress line.
 * @throws Error with one line naming file and row for whatever is wrong with the arrays
 */
export async function readPair(files: PairFiles, rules: readonly ConfidenceRule[]): Promise<PairOutcomes> {
  const edgeRows = await openRows(files.edge);
  const cloudRows = await openRows(files.cloud);
  const { rows, columns: classes } = edgeRows;
  if (cloudRows.rows !== rows || cloudRows.columns !== classes) {
    const got = `${cloudRows.rows} x ${cloudRows.columns}`;
    throw new Error(`${files.cloud}: expected ${rows} x ${classes} like ${files.edge}, got ${got}`);
  }
  const labels = await readLabels(files.labels, classes);
  if (labels.length !== rows) {
    throw new Error(
      `${files.labels}: expected ${rows} labels, one for each row of ${files.edge}, got ${labels.length}`,
    );
  }
  const outcomes: PairOutcomes = {
    rows,
    classes,
    confidence: new Map(rules.map((rule) => [rule, new Float64Array(rows)])),
    edgeCorrect: new Uint8Array(rows),
    cloudCorrect: new Uint8Array(rows),
  };
  const progress = startProgress("rows of edge and cloud", 2 * rows);
  await eachRow(edgeRows, (row, values) => {
    outcomes.edgeCorrect[row] = argmax(values) === labels[row] ? 1 : 0;
    for (const [rule, confidence] of outcomes.confidence) confidence[row] = confidenceOf(values, rule);
    if (row % PROGRESS_STEP === 0) progress(row);
  });
  await eachRow(cloudRows, (row, values) => {
    outcomes.cloudCorrect[row] = argmax(values) === labels[row] ? 1 : 0;
    if (row % PROGRESS_STEP === 0) progress(rows + row);
  });
  progress(2 * rows);
  noteOddities(files, outcomes);
  return outcomes;
}

/** @throws Error with one line that names the file when there are too few rows to leave some out of a fit */
export function expectFoldable(file: string, rows: number): void {
  if (rows < DEFAULT_FOLDS) throw new Error(`${file}: expected at least ${DEFAULT_FOLDS} rows to fit, got ${rows}`);
}

/** Expected gain of asking the cloud, known afterwards: 1, 0 or -1. */
export function gainOf({ edgeCorrect, cloudCorrect }: PairOutcomes): Float64Array {
  return Float64Array.from(edgeCorrect, (right, row) => cloudCorrect[row] - right);
}

/** What is allowed and hardly meant. */
function noteOddities(
  { edge, cloud, labels }: PairFiles,
  { rows, classes, edgeCorrect, cloudCorrect }: PairOutcomes,
): void {
  const [edgeAccuracy, cloudAccuracy] = [edgeCorrect, cloudCorrect].map(
    (correct) => correct.reduce((sum, right) => sum + right, 0) / rows,
  );
  if (cloudAccuracy <= edgeAccuracy) {
    process.stderr.write(`note: the cloud (${cloud}) is no more accurate than the edge (${edge}); are they swapped?\n`);
  }
  // Three standard errors above guessing, on rows enough to tell.
  const chance = 1 / classes + 3 * Math.sqrt(((1 / classes) * (1 - 1 / classes)) / rows);
  if (rows >= 100 && cloudAccuracy < chance) {
    process.stderr.write(`note: the cloud is right no more often than by chance; are ${labels} in the same order?\n`);
  }
}

async function eachRow(
  source: Awaited<ReturnType<typeof openRows>>,
  visit: (row: number, values: Float32Array | Float64Array) => void,
): Promise<void> {
  const { columns } = source;
  for await (const { firstRow, rows, values } of source.blocks()) {
    checkProbabilityRows(values, columns, source.name, firstRow);
    for (let row = 0; row < rows; row++) visit(firstRow + row, values.subarray(row * columns, (row + 1) * columns));
  }
}
