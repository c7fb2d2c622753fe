// One classifier known by its logits or probabilities, with the true classes: what `calibrate` and
// `reliability` read.
import { rowOf, type Values } from "@spillway/shared/calibration/row-major";
import { softmaxRows } from "@spillway/shared/calibration/softmax";
import { readLabels, readLogits, readProbabilities } from "../arrays/inputs.ts";
import { neededFlag } from "../flag-values.ts";
import { UsageError } from "../usage.ts";
import { expectFoldable } from "./pair.ts";

/** The logit of a probability of 0, with the row's largest at 0: no softmax of float32 logits is smaller but 0. */
const SMALLEST_LOGIT = Math.log(1e-45);

export const SINGLE_FLAGS = {
  probabilities: { type: "string" },
  logits: { type: "string" },
  labels: { type: "string" },
} as const;

export const SINGLE_HELP = `  --probabilities P.npy  [rows, classes]; their logarithms serve as logits
  --logits L.npy         [rows, classes], instead; .npz:name names one array of several
  --labels Y.npy         true classes, [rows]
`;

export interface Single {
  /** Row-major [rows, classes]. */
  logits: Values;
  /** Uncalibrated, as given or softmax(logits). */
  probabilities: Values;
  labels: Int32Array;
  classes: number;
}

/** @throws UsageError unless one of both kinds is named. @throws Error with one line for bad arrays */
export async function readSingle(
  command: string,
  values: { probabilities?: string; logits?: string; labels?: string },
): Promise<Single> {
  const { probabilities, logits } = values;
  if ((probabilities === undefined) === (logits === undefined)) {
    const both = probabilities === undefined ? "" : ", not both";
    throw new UsageError(`expected --probabilities or --logits${both}; see spillway ${command} --help`);
  }
  const labelFile = neededFlag(command, "labels", values.labels);
  const table =
    probabilities === undefined ? await readLogits(logits as string) : await readProbabilities(probabilities);
  const labels = await readLabels(labelFile, table.classes);
  if (labels.length !== table.rows) {
    throw new Error(`${labelFile}: expected ${table.rows} labels, one for each row of the table, got ${labels.length}`);
  }
  expectFoldable(labelFile, table.rows);
  const { classes, values: numbers } = table;
  return probabilities === undefined
    ? { logits: withoutInfinities(numbers, classes), probabilities: softmaxRows(numbers, classes), labels, classes }
    : {
        logits: numbers.map((p) => Math.max(Math.log(p), SMALLEST_LOGIT)) as Values,
        probabilities: numbers,
        labels,
        classes,
      };
}

/** Logits of -Infinity, which class-by-class scaling could not bear, as far below the row's largest as matters. */
function withoutInfinities(logits: Values, classes: number): Values {
  if (!logits.includes(Number.NEGATIVE_INFINITY)) return logits;
  return logits.map((value, index) =>
    value === Number.NEGATIVE_INFINITY
      ? Math.max(...rowOf(logits, Math.floor(index / classes), classes)) + SMALLEST_LOGIT
      : value,
  ) as Values;
}
