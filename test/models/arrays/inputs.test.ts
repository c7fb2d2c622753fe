import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  checkProbabilityRows,
  readLabels,
  readLogits,
  readNumbers,
  readProbabilities,
} from "../../../models/src/arrays/inputs.ts";
import { golden, lineOf, npyBytes, temporaryFolder } from "./folder.ts";

const { write, writeArray } = temporaryFolder();

const matrix = (columns: number, ...numbers: number[]) =>
  writeArray("M.npy", { shape: [numbers.length / columns, columns], data: Float64Array.from(numbers) });
const vector = (...numbers: number[]) =>
  writeArray("V.npy", { shape: [numbers.length], data: Float64Array.from(numbers) });
const integers = (...numbers: bigint[]) =>
  writeArray("I.npy", { shape: [numbers.length], data: BigInt64Array.from(numbers) });

/** What follows the file's name in the line that a call ends in. */
async function complaint(file: string, read: (file: string) => Promise<unknown>): Promise<string> {
  const line = await lineOf(() => read(file));
  expect(line.startsWith(`${file}: `)).toBe(true);
  return line.slice(file.length + 2);
}

describe("readLabels", () => {
  it("reads int64, int32, uint8 and floats that hold whole numbers", async () => {
    const expected = Int32Array.of(0, 99, 7);
    const typed = (descr: string, data: Int32Array | Uint8Array | Float32Array) =>
      write(
        "L.npy",
        npyBytes(`{'descr': '${descr}', 'fortran_order': False, 'shape': (3,), }`, new Uint8Array(data.buffer)),
      );
    expect(await readLabels(integers(0n, 99n, 7n), 100)).toEqual(expected);
    expect(await readLabels(vector(0, 99, 7), 100)).toEqual(expected);
    expect(await readLabels(typed("<i4", expected), 100)).toEqual(expected);
    expect(await readLabels(typed("|u1", Uint8Array.from(expected)), 100)).toEqual(expected);
    expect(await readLabels(typed("<f4", Float32Array.from(expected)), 100)).toEqual(expected);
  });

  it("takes labels up to the last class, and any int32 where the classes are not known", async () => {
    expect(await readLabels(integers(0n, 9n), 10)).toEqual(Int32Array.of(0, 9));
    expect(await complaint(integers(0n, 10n), (file) => readLabels(file, 10))).toBe(
      "row 1: expected a label from 0 to 9, got 10",
    );
    expect(await readLabels(integers(2n ** 31n - 1n))).toEqual(Int32Array.of(2 ** 31 - 1));
    expect(await complaint(integers(2n ** 31n), readLabels)).toBe(
      "row 0: expected a label from 0 to 2147483647, got 2147483648",
    );
    expect(await complaint(integers(5n, 5n, -1n), readLabels)).toMatch("row 2: expected a label from 0 to");
    expect(await complaint(integers(-(2n ** 63n)), readLabels)).toMatch("got -9223372036854775808");
  });

  it.each([0.5, Number.NaN, Number.POSITIVE_INFINITY])("refuses %d, naming its row", async (label) => {
    expect(await complaint(vector(3, 4, label), readLabels)).toBe(`row 2: expected a whole number, got ${label}`);
  });

  it("refuses a matrix", async () => {
    expect(await complaint(matrix(1, 1, 2), readLabels)).toBe("expected shape (rows,), got (2, 1)");
  });
});

describe("readNumbers", () => {
  it("reads floats and integers up to 2^53", async () => {
    expect(await readNumbers(vector(-1.5, 0, 1e300))).toEqual(Float64Array.of(-1.5, 0, 1e300));
    const largest = BigInt(Number.MAX_SAFE_INTEGER);
    expect(await readNumbers(integers(largest, -largest))).toEqual(Float64Array.of(Number(largest), -Number(largest)));
    expect(await complaint(integers(0n, largest + 1n), readNumbers)).toBe(
      "row 1: expected a number within 2^53, got 9007199254740992",
    );
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])("refuses %d", async (number) => {
    expect(await complaint(vector(1, number), readNumbers)).toBe(`row 1: expected a finite number, got ${number}`);
  });

  it("refuses a matrix", async () => {
    expect(await complaint(matrix(2, 1, 2), readNumbers)).toBe("expected shape (rows,), got (1, 2)");
  });
});

describe("readLogits", () => {
  it("reads rows of any finite numbers, and -Infinity beside one", async () => {
    const file = matrix(3, 1000, -1000, 0, -Infinity, -Infinity, 5);
    expect(await readLogits(file)).toEqual({
      rows: 2,
      classes: 3,
      values: Float64Array.of(1000, -1000, 0, -Infinity, -Infinity, 5),
    });
  });

  it.each([
    ["NaN", [0, 1, 2, Number.NaN], "row 1: expected logits, got NaN in column 1"],
    ["Infinity", [0, Number.POSITIVE_INFINITY, 2, 3], "row 0: expected logits, got Infinity in column 1"],
    ["a row of -Infinity", [0, 1, -Infinity, -Infinity], "row 1: expected a finite logit, got only -Infinity"],
  ])("refuses %s", async (_name, numbers, message) => {
    expect(await complaint(matrix(2, ...numbers), readLogits)).toBe(message);
  });

  it("refuses a vector and integers", async () => {
    expect(await complaint(vector(1, 2), readLogits)).toBe("expected shape (rows, columns), got (2,)");
    expect(await complaint(golden("int64-c.npy"), readLogits)).toBe(
      "expected float32 or float64 numbers, got integers",
    );
  });
});

describe("readProbabilities", () => {
  it("reads rows that sum to one, as they are", async () => {
    const file = matrix(2, 0.25, 0.75, 1, 0);
    expect(await readProbabilities(file)).toEqual({ rows: 2, classes: 2, values: Float64Array.of(0.25, 0.75, 1, 0) });
  });

  it("names file and row of a row that does not", async () => {
    expect(await complaint(matrix(2, 0.5, 0.5, 0.5, 0.75), readProbabilities)).toBe(
      "row 1: expected probabilities that sum to 1 within 0.001, got a sum of 1.25",
    );
    expect(await complaint(golden("float32-c.npy"), readProbabilities)).toMatch(
      "row 0: expected probabilities, got -1",
    );
  });

  it("refuses a vector", async () => {
    expect(await complaint(vector(0.5, 0.5), readProbabilities)).toBe("expected shape (rows, columns), got (2,)");
  });
});

describe("checkProbabilityRows", () => {
  const check = (numbers: number[], classes: number, firstRow = 0) =>
    checkProbabilityRows(Float64Array.from(numbers), classes, "P.npy", firstRow);

  it("lets sums within 0.001 of one pass, and none beyond", () => {
    expect(() => check([0.5, 0.5 + 0.999e-3], 2)).not.toThrow();
    expect(() => check([0.5, 0.5 - 0.999e-3], 2)).not.toThrow();
    expect(() => check([0.5, 0.5 + 1.001e-3], 2)).toThrow("P.npy: row 0: expected probabilities that sum to 1");
    expect(() => check([0.5, 0.5 - 1.001e-3], 2)).toThrow("P.npy: row 0: expected probabilities that sum to 1");
  });

  it.each([
    ["a negative number in a row that sums to one", [1.5, -0.5], "got -0.5 in column 1"],
    ["NaN", [Number.NaN, 1], "got NaN in column 0"],
    ["Infinity", [0, Number.POSITIVE_INFINITY], "got Infinity in column 1"],
    ["Infinities that cancel", [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY], "got Infinity in column 0"],
    ["percentages", [40, 60], "got a sum of 100"],
    ["zeros", [0, 0], "got a sum of 0"],
  ])("refuses %s in any row, counting from the block's first", (_name, row, message) => {
    for (const before of [0, 1, 5]) {
      const numbers = [...Array(before).fill([0, 1]).flat(), ...row, 0, 1];
      const line = () => check(numbers, 2, 1000);
      expect(line).toThrow(`P.npy: row ${1000 + before}: `);
      expect(line).toThrow(message);
    }
  });

  it("lets every float32 softmax of 100 classes pass", () => {
    const logits = fc.array(fc.double({ min: -30, max: 30, noNaN: true }), { minLength: 100, maxLength: 100 });
    fc.assert(
      fc.property(logits, (z) => {
        const largest = Math.max(...z);
        const powers = Float32Array.from(z, (value) => Math.exp(value - largest));
        const sum = powers.reduce((total, value) => Math.fround(total + value), 0);
        const row = powers.map((value) => value / sum);
        expect(() => checkProbabilityRows(row, 100, "P.npy", 0)).not.toThrow();
      }),
      { numRuns: 200 },
    );
  });

  it.each([
    [3, 2],
    [2, 0],
    [2, 0.5],
    [2, -1],
  ])("takes %d numbers in rows of %d for a mistake in the program", (count, classes) => {
    expect(() => checkProbabilityRows(new Float32Array(count), classes, "P.npy", 0)).toThrow(RangeError);
  });
});

const FOLDER = new URL("../../../../shared/data/edgeboost/", import.meta.url);
const isThere = existsSync(new URL("labels.npy", FOLDER));
const note = isThere ? "" : " (skipped: ../shared/data/edgeboost, which holds its probabilities, is missing)";

describe.skipIf(!isThere)(`EdgeBoost's published outputs${note}`, () => {
  const file = (name: string) => fileURLToPath(new URL(name, FOLDER));

  it.each(["edge-uncalibrated", "edge-calibrated", "cloud"])("are probabilities: %s", async (name) => {
    expect(await readProbabilities(file(`${name}.npy`))).toMatchObject({ rows: 4000, classes: 100 });
  });

  it("have labels of 100 classes", async () => {
    const labels = await readLabels(file("labels.npy"), 100);
    expect(labels.length).toBe(4000);
    expect(new Set(labels).size).toBe(100);
    await expect(readLabels(file("labels.npy"), 99)).rejects.toThrow("expected a label from 0 to 98, got 99");
  });
});
