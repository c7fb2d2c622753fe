// The arrays that commands read, checked once and for all: what comes out is what the mathematics expects.
//
// Each failure is one line that names the file and, counted from 0 as NumPy does, the row.
import { type NumericArray, shapeText } from "./array.ts";
import { readArray } from "./array-file.ts";
import { checkProbabilityRows } from "./probability-rows.ts";
import { floatMatrix } from "./row-blocks.ts";

export { checkProbabilityRows } from "./probability-rows.ts";

export interface ClassScores {
  rows: number;
  classes: number;
  /** Row-major [rows, classes]. */
  values: Float32Array | Float64Array;
}

const LARGEST_LABEL = 2 ** 31 - 1;

/**
 * Labels [N] of any type that holds whole numbers, also as floats.
 * @param classes labels are below it; without it, any int32 from 0 up is one
 * @throws Error with one line that names the file and the row
 */
export async function readLabels(reference: string, classes?: number): Promise<Int32Array> {
  const data = vector(await readArray(reference), reference);
  const largest = classes === undefined ? LARGEST_LABEL : classes - 1;
  const labels = new Int32Array(data.length);
  for (let row = 0; row < data.length; row++) {
    const label = Number(data[row]);
    if (!Number.isInteger(label)) throw new Error(`${reference}: row ${row}: expected a whole number, got ${label}`);
    if (label < 0 || label > largest) {
      throw new Error(`${reference}: row ${row}: expected a label from 0 to ${largest}, got ${data[row]}`);
    }
    labels[row] = label;
  }
  return labels;
}

/**
 * Finite numbers [N] of any type; an int64 beyond 2^53 is refused rather than rounded.
 * @throws Error with one line that names the file and the row
 */
export async function readNumbers(reference: string): Promise<Float64Array> {
  const data = vector(await readArray(reference), reference);
  const numbers = Float64Array.from(data as ArrayLike<number | bigint>, Number);
  const isWhole = data instanceof BigInt64Array;
  const row = numbers.findIndex((value) => !(isWhole ? Number.isSafeInteger(value) : Number.isFinite(value)));
  if (row >= 0) {
    const expected = isWhole ? "a number within 2^53" : "a finite number";
    throw new Error(`${reference}: row ${row}: expected ${expected}, got ${data[row]}`);
  }
  return numbers;
}

/**
 * Logits, or logarithms of probabilities: -Infinity is one, as long as the row has something larger.
 * @throws Error with one line that names the file and the row
 */
export async function readLogits(reference: string): Promise<ClassScores> {
  const { rows, columns: classes, values } = floatMatrix(await readArray(reference), reference);
  for (let row = 0, at = 0; row < rows; row++) {
    let hasFinite = false;
    for (const end = at + classes; at < end; at++) {
      const value = values[at];
      if (value > -Infinity && value < Infinity) hasFinite = true;
      else if (value !== -Infinity) {
        const column = at - row * classes;
        throw new Error(`${reference}: row ${row}: expected logits, got ${value} in column ${column}`);
      }
    }
    if (!hasFinite) throw new Error(`${reference}: row ${row}: expected a finite logit, got only -Infinity`);
  }
  return { rows, classes, values };
}

/** Rows that {@link checkProbabilityRows} lets pass. @throws Error with one line that names the file and the row */
export async function readProbabilities(reference: string): Promise<ClassScores> {
  const { rows, columns: classes, values } = floatMatrix(await readArray(reference), reference);
  checkProbabilityRows(values, classes, reference, 0);
  return { rows, classes, values };
}

function vector({ shape, data }: NumericArray, name: string): NumericArray["data"] {
  if (shape.length !== 1) throw new Error(`${name}: expected shape (rows,), got ${shapeText(shape)}`);
  return data;
}
