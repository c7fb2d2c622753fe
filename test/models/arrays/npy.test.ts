import { readFileSync } from "node:fs";
import path from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { NumericArray } from "../../../models/src/arrays/array.ts";
import { encodeNpy, parseNpy, readNpy } from "../../../models/src/arrays/npy.ts";
import { golden, goldenNumbers, lineOf, npyBytes, temporaryFolder } from "./folder.ts";

const { folder, write } = temporaryFolder();
const TYPES = { float32: Float32Array, float64: Float64Array, int64: BigInt64Array } as const;

describe("readNpy and parseNpy read what NumPy wrote", () => {
  const cases = [
    ...["float32", "float64", "int64", "int32", "uint8"].flatMap((type) => [
      [`${type}-c.npy`, type, [3, 4]] as const,
      [`${type}-fortran.npy`, type, [2, 3, 4]] as const,
    ]),
    ["vector.npy", "int64", [10]],
    ["scalar.npy", "float64", []],
    ["longest-padding.npy", "float32", [...Array(13).fill(1), 100]],
    ["version-2.npy", "float32", [3, 4]],
    ["version-3.npy", "float32", [3, 4]],
  ] as const;

  it.each(cases)("%s", async (name, type, shape) => {
    const array = await readNpy(golden(name));
    const count = shape.reduce((product, length) => product * length, 1);
    expect(array.shape).toEqual(shape);
    expect(array.data).toBeInstanceOf(type.startsWith("float") ? TYPES[type as "float32"] : BigInt64Array);
    expect(Array.from(array.data as Float64Array, Number)).toEqual(goldenNumbers(type, count));
    expect(parseNpy(readFileSync(golden(name)), name)).toEqual(array);
  });

  it.each(["float32-c", "float64-c", "int64-c", "vector", "scalar", "longest-padding"])(
    "encodeNpy writes the same bytes: %s",
    (name) => {
      const bytes = readFileSync(golden(`${name}.npy`));
      expect(Buffer.from(encodeNpy(parseNpy(bytes, name)))).toEqual(bytes);
    },
  );
});

/** Bit patterns rather than values, so that NaN and -0 are among them. */
const arrays = fc
  .record({
    Type: fc.constantFrom(Float32Array, Float64Array, BigInt64Array),
    shape: fc.array(fc.integer({ min: 1, max: 5 }), { maxLength: 4 }),
    seed: fc.uint8Array({ minLength: 8, maxLength: 40 }),
    isReversed: fc.boolean(),
  })
  .map(({ Type, shape, seed }): NumericArray => {
    const data = new Type(shape.reduce((product, length) => product * length, 1));
    const bytes = new Uint8Array(data.buffer);
    for (let k = 0; k < bytes.length; k++) bytes[k] = seed[k % seed.length] ^ (k >> 4);
    return { shape, data };
  });

const bytesOf = ({ data }: NumericArray) => Buffer.from(data.buffer, data.byteOffset, data.byteLength);

describe("encodeNpy and parseNpy", () => {
  it("return every array bit by bit, wherever the bytes lie", () => {
    fc.assert(
      fc.property(arrays, fc.integer({ min: 0, max: 9 }), (array, offset) => {
        const encoded = encodeNpy(array);
        expect((encoded.length - array.data.byteLength) % 64).toBe(0);
        const shifted = new Uint8Array(offset + encoded.length).subarray(offset);
        shifted.set(encoded);
        const parsed = parseNpy(shifted, "P.npy");
        expect(parsed.shape).toEqual(array.shape);
        expect(parsed.data.constructor).toBe(array.data.constructor);
        expect(bytesOf(parsed).equals(bytesOf(array))).toBe(true);
      }),
    );
  });

  it("take a Fortran array for the C array of the reversed shape, transposed", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 5 }), { maxLength: 4 }), (shape) => {
        const count = shape.reduce((product, length) => product * length, 1);
        const data = Float32Array.from({ length: count }, (_, k) => k);
        const header = `{'descr': '<f4', 'fortran_order': True, 'shape': (${shape.map((length) => `${length},`).join("")})}`;
        const parsed = parseNpy(npyBytes(header, new Uint8Array(data.buffer)), "F.npy");
        // Where index (i, j, ...) lies with the first index fastest is the number stored there.
        const expected = Array.from({ length: count }, (_, at) => {
          let rest = at;
          let position = 0;
          for (let axis = shape.length - 1; axis >= 0; axis--) {
            const step = shape.slice(0, axis).reduce((product, length) => product * length, 1);
            position += (rest % shape[axis]) * step;
            rest = Math.floor(rest / shape[axis]);
          }
          return position;
        });
        expect(Array.from(parsed.data as Float32Array)).toEqual(expected);
      }),
    );
  });

  it("refuse to write what could not be read", () => {
    const data = new Float32Array(6);
    expect(() => encodeNpy({ shape: [2, 4], data })).toThrow(
      new RangeError("shape: expected one of 6 numbers, at least 1, got (2, 4)"),
    );
    for (const shape of [[-2, -3], [6, 1.5, 2 / 3], [NaN], []]) {
      expect(() => encodeNpy({ shape, data })).toThrow(RangeError);
    }
    expect(() => encodeNpy({ shape: [0], data: new Float32Array() })).toThrow(RangeError);
  });
});

describe("files that are refused", () => {
  it.each([
    ["refused-big-endian", 'expected little-endian numbers, got dtype ">f8"'],
    ["refused-float16", 'expected a dtype of float32, float64, int64, int32, uint8, got "<f2"'],
    ["refused-bool", 'got "|b1"'],
    ["refused-text", 'got "<U3"'],
    ["refused-objects", 'expected plain numbers, got pickled Python objects (dtype "|O")'],
    ["refused-records", "expected plain numbers, got records (a structured dtype)"],
    ["refused-records-version-3", "expected plain numbers, got records (a structured dtype)"],
    ["refused-empty", "expected numbers, got an empty array of shape (0, 100)"],
  ])("%s", async (name, message) => {
    const file = golden(`${name}.npy`);
    const line = await lineOf(() => readNpy(file));
    expect(line).toMatch(new RegExp(`^${RegExp.escape(file)}: `));
    expect(line).toContain(message);
    expect(await lineOf(() => parseNpy(readFileSync(file), file))).toBe(line);
  });

  const body = new Uint8Array(16);
  const header = (text: string) => npyBytes(text, body);
  const shaped = (shape: string) => header(`{'descr': '<f4', 'fortran_order': False, 'shape': ${shape}, }\n`);
  const valid = encodeNpy({ shape: [2, 2], data: new Float32Array(4) });
  const withByte = (at: number, byte: number) => valid.with(at, byte);

  it.each([
    ["nothing", new Uint8Array(), "got an empty file"],
    ["a zip archive", Buffer.from("PK\x03\x04\x14\x00"), "got bytes 504b03041400"],
    ["the magic alone", valid.subarray(0, 6), "is cut short: expected 12 bytes, got 6"],
    ["no header length", valid.subarray(0, 9), "is cut short: expected 10 bytes, got 9"],
    ["version 0.0", withByte(6, 0), "expected .npy version 1.0, 2.0 or 3.0, got 0.0"],
    ["version 4.0", withByte(6, 4), "got 4.0"],
    ["version 1.1", withByte(7, 1), "got 1.1"],
    [
      "a header longer than the file",
      withByte(9, 1),
      "header of 374 bytes reaches past the end of the file (144 bytes)",
    ],
    ["a header of gigabytes", npyBytes("", body, [2, 0]).with(11, 0x7f), "reaches past the end of the file (28 bytes)"],
    ["one byte too few", valid.subarray(0, -1), "is cut short: expected 16 bytes for (2, 2) of float32, got 15"],
    ["one byte too many", Buffer.concat([valid, body.subarray(15)]), "has bytes beyond its end: expected 16 bytes"],
    ["an absurd shape", shaped("(9007199254740992, 2)"), "expected a shape that a file can hold"],
    ["a shape beyond numbers", shaped(`(${"9".repeat(400)},)`), "expected a shape that a file can hold"],
    ["a shape beyond the file", shaped("(4000000000, 2)"), "expected 32000000000 bytes for (4000000000, 2)"],
    ["a negative length", shaped("(-2, -2)"), 'expected a shape of whole numbers of at least 0, got "(-2, -2)"'],
    ["half a length", shaped("(2.5, 2)"), 'got "(2.5, 2)"'],
    ["a length of 1e1", shaped("(1e1,)"), 'got "(1e1,)"'],
    ["a shape that is no tuple", shaped("(4)"), 'expected a tuple for its shape, got "(4)"'],
    ["a shape with a gap", shaped("(2,,2)"), 'got "(2,,2)"'],
    ["65 dimensions", shaped(`(${"1, ".repeat(64)}4)`), "expected at most 64 dimensions, got 65"],
    ["code for a shape", shaped("tuple([4])"), "expected the dict of a .npy header"],
    ["no dict", header("[4]"), 'expected the dict of a .npy header, got "[4]"'],
    ["an empty dict", header("{}"), "expected the dict of a .npy header"],
    ["a missing field", header("{'descr': '<f4', 'shape': (4,)}"), "expected the dict of a .npy header"],
    [
      "a field twice",
      header("{'descr': '<f8', 'descr': '<f4', 'fortran_order': False, 'shape': (4,)}"),
      "expected the dict of a .npy header",
    ],
    [
      "a field more",
      header("{'descr': '<f4', 'fortran_order': False, 'shape': (4,), 'x': 1}"),
      "expected the dict of a .npy header",
    ],
    [
      "no comma",
      header("{'descr': '<f4' 'fortran_order': False, 'shape': (4,)}"),
      "expected the dict of a .npy header",
    ],
    [
      "text behind",
      header("{'descr': '<f4', 'fortran_order': False, 'shape': (4,)} or 1"),
      "expected the dict of a .npy header",
    ],
    ["a dtype of two lines", header("{'descr': '<f4\n', 'fortran_order': False, 'shape': (4,)}"), 'got "<f4\\n"'],
  ])("%s", async (name, bytes, message) => {
    const line = await lineOf(() => parseNpy(bytes, "P.npy"));
    expect(line).toMatch(/^P\.npy: /);
    expect(line).toContain(message);
    const file = write(`${name.replaceAll(" ", "-")}.npy`, bytes);
    expect(await lineOf(() => readNpy(file))).toBe(line.replace("P.npy", file));
  });

  it("headers up to 65,535 bytes and 64 dimensions, written any way Python allows, are read", () => {
    const text = `{"shape" : (${"1, ".repeat(63)}4) , 'fortran_order':False,\t'descr':"<f4"}`;
    const { shape } = parseNpy(npyBytes(text.padEnd(65_535), body, [2, 0]), "P.npy");
    expect(shape).toEqual([...Array(63).fill(1), 4]);
    expect(() => parseNpy(npyBytes(text.padEnd(65_536), body, [2, 0]), "P.npy")).toThrow(
      "expected a header of at most 65535 bytes, got 65536",
    );
  });

  it("a missing file, a directory and a path through a file", async () => {
    const missing = path.join(folder, "missing.npy");
    expect(await lineOf(() => readNpy(missing))).toBe(`${missing}: no such file`);
    expect(await lineOf(() => readNpy(folder))).toBe(`${folder}: expected a file, got a directory`);
    const through = path.join(write("plain", ""), "P.npy");
    expect(await lineOf(() => readNpy(through))).toBe(`${through}: no such file`);
    expect(await lineOf(() => readNpy("/dev/null"))).toBe("/dev/null: expected a plain file, got a pipe or device");
  });
});

describe("a damaged head", () => {
  it("is read as some array no larger than the file, or refused in one line", () => {
    const valid = encodeNpy({ shape: [3, 5], data: Float32Array.from({ length: 15 }, (_, k) => k) });
    const flips = fc.array(fc.record({ at: fc.integer({ min: 0, max: 70 }), bit: fc.integer({ min: 0, max: 7 }) }), {
      minLength: 1,
      maxLength: 4,
    });
    let refused = 0;
    fc.assert(
      fc.property(flips, (chosen) => {
        const bytes = valid.slice();
        for (const { at, bit } of chosen) bytes[at] ^= 1 << bit;
        try {
          expect(parseNpy(bytes, "P.npy").data.byteLength).toBeLessThanOrEqual(bytes.length);
        } catch (error) {
          expect((error as Error).constructor).toBe(Error);
          expect((error as Error).message).toMatch(/^P\.npy: [^\r\n]+$/);
          refused++;
        }
      }),
      { numRuns: 2000 },
    );
    expect(refused).toBeGreaterThan(1000);
  });
});
