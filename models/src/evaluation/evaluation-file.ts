// What all networks of a model said about labelled images, kept in one .npz: running them takes
// minutes, and every tool after it needs nothing else. NumPy reads the file as it is:
//
//   e = numpy.load("evaluation.npz")   # exit1 .. exitN, large: float32 [rows, classes]; labels: int64 [rows]
//   e["tail-16x4"], e["bytes-16x4"]    # of each setting: float32 [rows, classes], and int64 [rows], frame lengths
//   json.loads("".join(map(chr, e["meta"])))
import { createHash } from "node:crypto";
import { parseDocument } from "@spillway/shared/schema/document";
import { sha256Schema } from "@spillway/shared/schema/manifest";
import { MAX_FRAME_BYTES } from "@spillway/shared/split/frame";
import { z } from "zod";
import type { NumericArray } from "../arrays/array.ts";
import { readNpz, writeNpz } from "../arrays/npz.ts";
import type { ModelLogits, TailLogits } from "./run-models.ts";

export interface Evaluation extends ModelLogits {
  /** Class index of each row. */
  labels: Int32Array;
  /** SHA-256 of the model's manifest.json. */
  modelHash: string;
  /** What the images are, for people. */
  dataset: string;
}

const metaSchema = z.strictObject({
  evaluationVersion: z.literal(1),
  modelHash: sha256Schema,
  dataset: z.string().min(1),
});

/** The text's code points: far more than two short fields need. */
const MAX_META_LENGTH = 65_536;

/** @throws Error with one clear line when a number is no evaluation's, or the file cannot be written */
export async function writeEvaluation(
  file: string,
  logits: ModelLogits,
  labels: Int32Array,
  { modelHash, dataset }: Pick<Evaluation, "modelHash" | "dataset">,
): Promise<void> {
  checkNumbers({ ...logits, labels, modelHash, dataset }, file);
  const shape = [logits.rows, logits.classes];
  const meta = Array.from(JSON.stringify({ evaluationVersion: 1, modelHash, dataset }), codePoint);
  await writeNpz(file, {
    ...Object.fromEntries(logits.exits.map((data, index) => [`exit${index + 1}`, { shape, data }])),
    large: { shape, data: logits.large },
    ...Object.fromEntries(logits.tail.flatMap((setting) => tailArrays(setting, shape))),
    labels: { shape: [labels.length], data: BigInt64Array.from(labels, BigInt) },
    meta: { shape: [meta.length], data: BigInt64Array.from(meta) },
  });
}

function tailArrays({ setting, logits, frameBytes }: TailLogits, shape: number[]): [string, NumericArray][] {
  const tail: [string, NumericArray] = [`tail-${setting}`, { shape, data: logits }];
  if (frameBytes === null) return [tail];
  return [tail, [`bytes-${setting}`, { shape: [frameBytes.length], data: BigInt64Array.from(frameBytes, BigInt) }]];
}

/**
 * Settings of the tail are in the order of the file. Files of other tools, and older ones, may have no tail, or no
 * frame lengths.
 * @throws Error with one clear line that names the file, the array and the row
 */
export async function readEvaluation(file: string): Promise<Evaluation> {
  const arrays = await readNpz(file);
  const { modelHash, dataset } = readMeta(arrays.get("meta"), file);
  const large = arrays.get("large");
  if (large?.shape.length !== 2) throw new Error(`${file}: expected an array "large" of logits [rows, classes]`);
  const [rows, classes] = large.shape;
  const exits: Float32Array[] = [];
  for (let array = arrays.get("exit1"); array !== undefined; array = arrays.get(`exit${exits.length + 1}`)) {
    exits.push(matrix(array, rows, classes, `${file}: exit${exits.length + 1}`));
  }
  const exitNames = [...arrays.keys()].filter((name) => /^exit\d+$/.test(name));
  if (exits.length === 0 || exits.length !== exitNames.length) {
    throw new Error(`${file}: expected exits numbered from "exit1" on, got ${exitNames.join(", ") || "none"}`);
  }
  const labels = readLabels(arrays.get("labels"), rows, classes, file);
  const tail = readTail(arrays, rows, classes, file);
  const evaluation = { rows, classes, exits, large: matrix(large, rows, classes, `${file}: large`), tail, labels };
  checkNumbers({ ...evaluation, modelHash, dataset }, file);
  return { ...evaluation, modelHash, dataset };
}

function readMeta(array: NumericArray | undefined, file: string): z.infer<typeof metaSchema> {
  if (!(array?.data instanceof BigInt64Array)) {
    throw new Error(`${file}: expected an evaluation with an int64 array "meta", as spillway evaluate writes it`);
  }
  if (array.data.length > MAX_META_LENGTH) {
    throw new Error(`${file}: meta: expected at most ${MAX_META_LENGTH} characters, got ${array.data.length}`);
  }
  const codes = Array.from(array.data, Number);
  const wrong = codes.findIndex((code) => !(code >= 0 && code <= 0x10ffff));
  if (wrong !== -1) throw new Error(`${file}: meta: expected code points, got ${codes[wrong]} at ${wrong}`);
  return parseDocument(metaSchema, String.fromCodePoint(...codes), `${file}: meta`);
}

function matrix({ shape, data }: NumericArray, rows: number, classes: number, name: string): Float32Array {
  if (shape.length !== 2 || shape[0] !== rows || shape[1] !== classes) {
    throw new Error(`${name}: expected logits [${rows}, ${classes}] like the large model's, got [${shape.join(", ")}]`);
  }
  if (data instanceof BigInt64Array) throw new Error(`${name}: expected floating-point logits, got integers`);
  return data instanceof Float32Array ? data : Float32Array.from(data);
}

function readTail(arrays: Map<string, NumericArray>, rows: number, classes: number, file: string): TailLogits[] {
  const settingsOf = (kind: string) =>
    [...arrays.keys()].filter((name) => name.startsWith(kind)).map((name) => name.slice(kind.length));
  const settings = settingsOf("tail-");
  const stray = settingsOf("bytes-").find((setting) => !settings.includes(setting));
  if (stray !== undefined) throw new Error(`${file}: bytes-${stray}: expected beside an array "tail-${stray}"`);
  return settings.map((setting) => {
    const logits = matrix(arrays.get(`tail-${setting}`) as NumericArray, rows, classes, `${file}: tail-${setting}`);
    const lengths = arrays.get(`bytes-${setting}`);
    return { setting, logits, frameBytes: lengths ? readLengths(lengths, rows, `${file}: bytes-${setting}`) : null };
  });
}

function readLengths({ shape, data }: NumericArray, rows: number, name: string): Int32Array {
  if (shape.length !== 1 || shape[0] !== rows) {
    throw new Error(`${name}: expected one for each of ${rows} rows, got [${shape.join(", ")}]`);
  }
  const lengths = Array.from(data, Number);
  const wrong = lengths.findIndex((length) => !(Number.isInteger(length) && length >= 1 && length <= MAX_FRAME_BYTES));
  if (wrong === -1) return Int32Array.from(lengths);
  throw new Error(`${name}: expected 1 to ${MAX_FRAME_BYTES} bytes, got ${lengths[wrong]} in row ${wrong}`);
}

function readLabels(array: NumericArray | undefined, rows: number, classes: number, file: string): Int32Array {
  if (array?.shape.length !== 1 || array.shape[0] !== rows) {
    throw new Error(`${file}: labels: expected one for each of ${rows} rows, got [${array?.shape.join(", ") ?? ""}]`);
  }
  const labels = Array.from(array.data, Number);
  // Checked before they become 32 bits, which would wrap.
  checkLabels(labels, classes, file);
  return Int32Array.from(labels);
}

function checkNumbers({ rows, classes, exits, large, tail, labels }: Evaluation, file: string): void {
  if (rows < 1 || classes < 2 || exits.length < 1) {
    const got = `${rows} rows of ${classes} classes and ${exits.length} exits`;
    throw new Error(`${file}: expected at least one row of two classes and one exit, got ${got}`);
  }
  const members: [name: string, member: Float32Array][] = [
    ...exits.map((member, index): (typeof members)[number] => [`exit${index + 1}`, member]),
    ["large", large],
    ...tail.map(({ setting, logits }): (typeof members)[number] => [`tail-${setting}`, logits]),
  ];
  for (const [name, member] of members) {
    const wrong = member.findIndex((value) => !Number.isFinite(value));
    if (wrong === -1) continue;
    const where = `row ${Math.floor(wrong / classes)}, class ${wrong % classes}`;
    throw new Error(`${file}: ${name}: expected finite logits, got ${member[wrong]} in ${where}`);
  }
  if (labels.length !== rows) throw new Error(`${file}: labels: expected ${rows}, got ${labels.length}`);
  checkLabels(labels, classes, file);
}

function checkLabels(labels: ArrayLike<number>, classes: number, file: string): void {
  for (let row = 0; row < labels.length; row++) {
    if (Number.isInteger(labels[row]) && labels[row] >= 0 && labels[row] < classes) continue;
    throw new Error(`${file}: labels: expected 0 to ${classes - 1}, got ${labels[row]} in row ${row}`);
  }
}

function codePoint(character: string): bigint {
  return BigInt(character.codePointAt(0) as number);
}

/** SHA-256 of labels and logits, but for the tail's: whether two evaluations are of the same rows, with it or without. */
export function evaluationDigest({ exits, large, labels }: Evaluation): string {
  const hash = createHash("sha256");
  for (const { buffer, byteOffset, byteLength } of [...exits, large, labels]) {
    hash.update(new Uint8Array(buffer, byteOffset, byteLength));
  }
  return hash.digest("hex");
}
