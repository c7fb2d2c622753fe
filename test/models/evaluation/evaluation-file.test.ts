// What is written is read back; NumPy's own file is read too; anything else is refused in one line.
import path from "node:path";
import { MAX_FRAME_BYTES } from "@spillway/shared/split/frame";
import { describe, expect, it } from "vitest";
import type { NumericArray } from "../../../models/src/arrays/array.ts";
import { readNpz, writeNpz } from "../../../models/src/arrays/npz.ts";
import { evaluationDigest, readEvaluation, writeEvaluation } from "../../../models/src/evaluation/evaluation-file.ts";
import { temporaryFolder } from "../images/picture-folder.ts";

const folder = temporaryFolder();
const file = path.join(folder, "evaluation.npz");
const modelHash = "ab".repeat(32);
const dataset = "zwölf Bilder \u{1f5bc}";
const labels = Int32Array.of(2, 0);
const logits = {
  rows: 2,
  classes: 3,
  exits: [Float32Array.of(1, 2, 3, 4, 5, 6), Float32Array.of(-1, 1e-30, 3e38, 0, -0, 1)],
  // A view: rows were left out behind it, and before it.
  large: Float32Array.of(9, 9, 9, 1, 0, 0, 0, 1, 0, 9).subarray(3, 9),
  tail: [
    { setting: "2x1", logits: Float32Array.of(0, 0, 1, 0, 1, 0), frameBytes: Int32Array.of(70, MAX_FRAME_BYTES) },
    { setting: "4x4", logits: Float32Array.of(0, 0, 2, 0, 2, 0), frameBytes: null },
  ],
};
const write = () => writeEvaluation(file, logits, labels, { modelHash, dataset });

describe("writeEvaluation", () => {
  it("writes what readEvaluation reads", async () => {
    await write();
    expect(await readEvaluation(file)).toEqual({
      ...logits,
      large: Float32Array.of(1, 0, 0, 0, 1, 0),
      labels,
      modelHash,
      dataset,
    });
  });

  it("writes float32 logits, int64 labels and lengths, and the rest as code points", async () => {
    await write();
    const arrays = await readNpz(file);
    const tail = ["tail-2x1", "bytes-2x1", "tail-4x4"];
    expect([...arrays.keys()]).toEqual(["exit1", "exit2", "large", ...tail, "labels", "meta"]);
    expect(arrays.get("bytes-2x1")).toEqual({ shape: [2], data: BigInt64Array.of(70n, BigInt(MAX_FRAME_BYTES)) });
    expect(arrays.get("exit2")).toEqual({ shape: [2, 3], data: logits.exits[1] });
    expect(arrays.get("labels")).toEqual({ shape: [2], data: BigInt64Array.of(2n, 0n) });
    const meta = String.fromCodePoint(...Array.from(arrays.get("meta")?.data ?? [], Number));
    expect(JSON.parse(meta)).toEqual({ evaluationVersion: 1, modelHash, dataset });
  });

  it.each([
    [
      "NaN",
      { ...logits, large: Float32Array.of(0, 0, 0, 0, 0, Number.NaN) },
      labels,
      "large: expected finite logits, got NaN in row 1, class 2",
    ],
    [
      "no exit",
      { ...logits, exits: [] },
      labels,
      "expected at least one row of two classes and one exit, got 2 rows of 3 classes and 0 exits",
    ],
    [
      "infinity in the tail",
      { ...logits, tail: [{ setting: "2x1", logits: new Float32Array(6).fill(Infinity), frameBytes: null }] },
      labels,
      "tail-2x1: expected finite logits, got Infinity in row 0, class 0",
    ],
    ["a label too many", logits, Int32Array.of(2, 0, 1), "labels: expected 2, got 3"],
    ["a label past the last class", logits, Int32Array.of(2, 3), "labels: expected 0 to 2, got 3 in row 1"],
  ])("refuses %s and writes nothing", async (_, wrong, wrongLabels, message) => {
    const target = path.join(folder, "refused.npz");
    const written = writeEvaluation(target, wrong, wrongLabels, { modelHash, dataset });
    await expect(written).rejects.toThrow(new Error(`${target}: ${message}`));
    await expect(readEvaluation(target)).rejects.toThrow(target);
  });
});

describe("readEvaluation", () => {
  const golden = {
    rows: 2,
    classes: 3,
    exits: [Float32Array.of(0, 1, 2, 3, 4, 5), Float32Array.of(-0, -1, -2, -3, -4, -5)],
    large: Float32Array.of(0, 0.5, 1, 1.5, 2, 2.5),
    tail: [],
    labels,
    modelHash,
    dataset: "zwölf Bilder",
  };
  const vectors = path.join(import.meta.dirname, "../../vectors");

  it("reads what NumPy wrote, also as float64 and in Fortran order", async () => {
    expect(await readEvaluation(path.join(vectors, "evaluation.npz"))).toEqual(golden);
  });

  it("reads a tail of NumPy's, with lengths of any integers and without", async () => {
    expect(await readEvaluation(path.join(vectors, "evaluation.tail.npz"))).toEqual({
      ...golden,
      tail: [
        { setting: "2x1", logits: Float32Array.of(1, 2, 3, 4, 5, 6), frameBytes: Int32Array.of(70, 65_000) },
        { setting: "4x4", logits: Float32Array.of(2, 3, 4, 5, 6, 7), frameBytes: null },
      ],
    });
  });

  const matrix = (shape: number[], fill = 0): NumericArray => ({
    shape,
    data: new Float32Array(shape.reduce((product, length) => product * length, 1)).fill(fill),
  });
  const integers = (...values: (number | bigint)[]): NumericArray => ({
    shape: [values.length],
    data: BigInt64Array.from(values, BigInt),
  });
  const text = (meta: string) => integers(...Array.from(meta, (character) => character.codePointAt(0) ?? 0));
  const metaOf = (meta: object) => text(JSON.stringify(meta));

  const withoutTail = { "tail-2x1": null, "bytes-2x1": null, "tail-4x4": null };

  it.each<[string, Record<string, NumericArray | null>, string]>([
    ["no meta", { meta: null }, 'expected an evaluation with an int64 array "meta", as spillway evaluate writes it'],
    ["meta in floats", { meta: matrix([3], 65) }, 'expected an evaluation with an int64 array "meta"'],
    ["meta beyond Unicode", { meta: integers(65, 0x110000) }, "meta: expected code points, got 1114112 at 1"],
    ["meta below zero", { meta: integers(-1) }, "meta: expected code points, got -1 at 0"],
    ["meta of no JSON", { meta: text("{") }, "meta: expected JSON"],
    ["another version", { meta: metaOf({ evaluationVersion: 2, modelHash, dataset }) }, "meta: evaluationVersion:"],
    ["no hash", { meta: metaOf({ evaluationVersion: 1, modelHash: "ab", dataset }) }, "meta: modelHash:"],
    ["no large model", { large: null }, 'expected an array "large" of logits [rows, classes]'],
    ["a flat large model", { large: matrix([6]) }, 'expected an array "large" of logits [rows, classes]'],
    ["no exit", { exit1: null, exit2: null }, 'expected exits numbered from "exit1" on, got none'],
    ["no first exit", { exit1: null }, 'expected exits numbered from "exit1" on, got exit2'],
    ["a gap among exits", { exit4: matrix([2, 3]) }, 'expected exits numbered from "exit1" on, got '],
    ["other rows", { exit2: matrix([1, 3]) }, "exit2: expected logits [2, 3] like the large model's, got [1, 3]"],
    ["other classes", { exit1: matrix([2, 4]) }, "exit1: expected logits [2, 3] like the large model's, got [2, 4]"],
    ["a cube", { exit1: matrix([2, 3, 1]) }, "exit1: expected logits [2, 3] like the large model's, got [2, 3, 1]"],
    ["integers", { large: { ...integers(1, 2, 3, 4, 5, 6), shape: [2, 3] } }, "large: expected floating-point logits"],
    ["infinity", { exit2: matrix([2, 3], Infinity) }, "exit2: expected finite logits, got Infinity in row 0, class 0"],
    [
      "one class",
      { exit1: matrix([2, 1]), exit2: matrix([2, 1]), large: matrix([2, 1]), labels: integers(0, 0), ...withoutTail },
      "expected at least one row of two classes",
    ],
    ["no labels", { labels: null }, "labels: expected one for each of 2 rows, got []"],
    ["a label too few", { labels: integers(1) }, "labels: expected one for each of 2 rows, got [1]"],
    ["a label past the last class", { labels: integers(0, 3) }, "labels: expected 0 to 2, got 3 in row 1"],
    ["a label that would wrap", { labels: integers(2 ** 32, 0) }, "labels: expected 0 to 2, got 4294967296 in row 0"],
    ["other rows of the tail", { "tail-2x1": matrix([1, 3]) }, "tail-2x1: expected logits [2, 3] like the large"],
    ["infinity in the tail", { "tail-4x4": matrix([2, 3], -Infinity) }, "tail-4x4: expected finite logits, got -Inf"],
    ["lengths without logits", { "tail-2x1": null }, 'bytes-2x1: expected beside an array "tail-2x1"'],
    ["a length too few", { "bytes-2x1": integers(70) }, "bytes-2x1: expected one for each of 2 rows, got [1]"],
    [
      "a table of lengths",
      { "bytes-2x1": matrix([2, 3], 70) },
      "bytes-2x1: expected one for each of 2 rows, got [2, 3]",
    ],
    [
      "no length",
      { "bytes-2x1": integers(70, 0) },
      `bytes-2x1: expected 1 to ${MAX_FRAME_BYTES} bytes, got 0 in row 1`,
    ],
    [
      "a length that no frame has",
      { "bytes-2x1": integers(MAX_FRAME_BYTES + 1, 70) },
      `bytes-2x1: expected 1 to ${MAX_FRAME_BYTES} bytes, got ${MAX_FRAME_BYTES + 1} in row 0`,
    ],
    ["half a byte", { "bytes-2x1": matrix([2], 0.5) }, `bytes-2x1: expected 1 to ${MAX_FRAME_BYTES} bytes, got 0.5`],
    ["half a label", { labels: matrix([2], 0.5) }, "labels: expected 0 to 2, got 0.5 in row 0"],
  ])("refuses %s", async (_, changes, message) => {
    await write();
    const arrays = { ...Object.fromEntries(await readNpz(file)), ...changes };
    const wrong = path.join(folder, "wrong.npz");
    const present = Object.entries(arrays).filter((entry): entry is [string, NumericArray] => entry[1] !== null);
    await writeNpz(wrong, Object.fromEntries(present));
    const error: Error = await readEvaluation(wrong).then(
      () => new Error("was read"),
      (thrown: Error) => thrown,
    );
    expect(error.message).toContain(`${wrong}: ${message}`);
    expect(error.message).not.toContain("\n");
  });

  it("takes as much meta as is allowed, and no character more", async () => {
    await write();
    const arrays = Object.fromEntries(await readNpz(file));
    const padded = path.join(folder, "padded.npz");
    const meta = JSON.stringify({ evaluationVersion: 1, modelHash, dataset });
    // Counted in characters: the dataset's last one is two units of UTF-16.
    const spaces = 65_536 - [...meta].length;
    await writeNpz(padded, { ...arrays, meta: text(meta + " ".repeat(spaces)) });
    expect(await readEvaluation(padded)).toMatchObject({ dataset });
    await writeNpz(padded, { ...arrays, meta: text(meta + " ".repeat(spaces + 1)) });
    await expect(readEvaluation(padded)).rejects.toThrow("meta: expected at most 65536 characters, got 65537");
  });
});

describe("evaluationDigest", () => {
  const evaluation = { ...logits, labels, modelHash, dataset };

  it("is the same with and without a tail, which is of the same rows", () => {
    expect(evaluationDigest({ ...evaluation, tail: [] })).toBe(evaluationDigest(evaluation));
  });

  it("is another for other logits or labels", () => {
    const digests = [
      evaluation,
      { ...evaluation, labels: Int32Array.of(2, 1) },
      { ...evaluation, large: new Float32Array(6) },
    ].map(evaluationDigest);
    expect(new Set(digests)).toHaveLength(3);
  });
});
