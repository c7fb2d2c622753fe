import { type JsonData, tensorFromJson, tensorToJson } from "@spillway/shared/protocol/json-data";
import { checkTensor, type Datatype } from "@spillway/shared/protocol/tensor";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { protocolErrorOf } from "./wire.ts";

const SEED = { seed: 12 };

// Values, and the little-endian bytes they are in IEEE 754 or two's complement.
const encodings: [Datatype, JsonData[], number[]][] = [
  ["BOOL", [true, false], [1, 0]],
  ["INT8", [-128, -1, 127], [128, 255, 127]],
  ["UINT8", [0, 255], [0, 255]],
  ["INT16", [-32768, 258], [0, 128, 2, 1]],
  ["UINT16", [65535, 258], [255, 255, 2, 1]],
  ["INT32", [-2147483648, 16909060], [0, 0, 0, 128, 4, 3, 2, 1]],
  ["UINT32", [4294967295, 16909060], [255, 255, 255, 255, 4, 3, 2, 1]],
  ["INT64", [-1, 2 ** 53 - 1], [255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 31, 0]],
  ["INT64", [-(2 ** 53 - 1)], [1, 0, 0, 0, 0, 0, 224, 255]],
  ["UINT64", [2 ** 53 - 1, 1], [255, 255, 255, 255, 255, 255, 31, 0, 1, 0, 0, 0, 0, 0, 0, 0]],
  ["FP16", [1, -2, 65504, 0.5], [0, 60, 0, 192, 255, 123, 0, 56]],
  ["FP32", [1, -2, 0.15625], [0, 0, 128, 63, 0, 0, 0, 192, 0, 0, 32, 62]],
  ["FP64", [1, -2], [0, 0, 0, 0, 0, 0, 240, 63, 0, 0, 0, 0, 0, 0, 0, 192]],
  ["BYTES", ["hi", "", "é"], [2, 0, 0, 0, 104, 105, 0, 0, 0, 0, 2, 0, 0, 0, 195, 169]],
];

describe.each(encodings)("%s %j", (datatype, values, bytes) => {
  it("becomes the bytes of the wire", () => {
    const tensor = tensorFromJson("x", datatype, [values.length], values);
    expect(tensor).toMatchObject({ name: "x", datatype, shape: [values.length] });
    expect([...tensor.bytes]).toEqual(bytes);
    expect(checkTensor(tensor)).toBe(tensor);
  });

  it("returns from the bytes, wherever in a buffer they lie", () => {
    const shifted = Uint8Array.from([9, ...bytes, 9]).subarray(1, bytes.length + 1);
    expect(tensorToJson({ name: "x", datatype, shape: [values.length], bytes: shifted })).toEqual(values);
  });
});

describe("tensorFromJson", () => {
  it.each<[string, number[], JsonData]>([
    ["flat", [2, 3], [1, 2, 3, 4, 5, 6]],
    [
      "nested as the shape",
      [2, 3],
      [
        [1, 2, 3],
        [4, 5, 6],
      ],
    ],
    [
      "nested deeper than the shape",
      [6],
      [
        [[1], [2]],
        [[3], [4]],
        [[5], [6]],
      ],
    ],
    ["nested in part", [6], [1, [2, 3], [[4, 5], 6]]],
  ])("takes data that is %s, in row-major order", (_, shape, data) => {
    expect([...tensorFromJson("x", "UINT8", shape, data).bytes]).toEqual([1, 2, 3, 4, 5, 6]);
  });

  it("takes a bare element for a scalar", () => {
    expect([...tensorFromJson("x", "UINT8", [], 7).bytes]).toEqual([7]);
    expect([...tensorFromJson("x", "UINT8", [1, 1], [[7]]).bytes]).toEqual([7]);
  });

  it("takes empty data for a shape of no elements, nested or not", () => {
    expect(tensorFromJson("x", "FP32", [0], []).bytes).toHaveLength(0);
    expect(tensorFromJson("x", "FP32", [2, 0], [[], []]).bytes).toHaveLength(0);
  });

  it("takes data nested beyond any stack", () => {
    let data: JsonData = 7;
    for (let depth = 0; depth < 200_000; depth++) data = [data];
    expect([...tensorFromJson("x", "UINT8", [1], data).bytes]).toEqual([7]);
  });

  it("takes 0 and 1 for BOOL", () => {
    expect([...tensorFromJson("x", "BOOL", [4], [1, 0, true, false]).bytes]).toEqual([1, 0, 1, 0]);
  });

  it("rounds to the nearest that a floating datatype has", () => {
    const [fp16, fp32] = (["FP16", "FP32"] as const).map((datatype) =>
      tensorToJson(tensorFromJson("x", datatype, [2], [0.1, 1e-300])),
    );
    expect(fp16).toEqual([0.0999755859375, 0]);
    expect(fp32).toEqual([Math.fround(0.1), 0]);
  });

  it.each<[string, Datatype, number[], unknown, string]>([
    ["too few elements", "FP32", [3], [1, 2], "x: expected 3 elements, got 2"],
    ["too many elements", "FP32", [2], [1, 2, 3], "x: expected 2 elements, got more"],
    ["an element where none belongs", "FP32", [0], [1], "x: expected 0 elements, got more"],
    ["none where one belongs", "FP32", [], [], "x: expected 1 elements, got 0"],
    ["a negative dimension", "FP32", [-1], [], "shape: expected whole numbers of at least 0, got [-1]"],
    ["2^26 + 1 elements", "UINT8", [2 ** 26 + 1], [], "shape: expected at most 67108864 elements, got [67108865]"],
    ["INT8 above", "INT8", [1], [128], "x: 128 does not fit INT8"],
    ["INT8 below", "INT8", [1], [-129], "x: -129 does not fit INT8"],
    ["UINT8 above", "UINT8", [1], [256], "x: 256 does not fit UINT8"],
    ["UINT8 below", "UINT8", [1], [-1], "x: -1 does not fit UINT8"],
    ["INT16 above", "INT16", [1], [32768], "x: 32768 does not fit INT16"],
    ["INT16 below", "INT16", [1], [-32769], "x: -32769 does not fit INT16"],
    ["UINT16 above", "UINT16", [1], [65536], "x: 65536 does not fit UINT16"],
    ["INT32 above", "INT32", [1], [2 ** 31], "x: 2147483648 does not fit INT32"],
    ["INT32 below", "INT32", [1], [-(2 ** 31) - 1], "x: -2147483649 does not fit INT32"],
    ["UINT32 above", "UINT32", [1], [2 ** 32], "x: 4294967296 does not fit UINT32"],
    ["UINT64 below", "UINT64", [1], [-1], "x: -1 does not fit UINT64"],
    ["INT64 beyond what JSON numbers can say", "INT64", [1], [2 ** 53], "x: 9007199254740992 is not INT64"],
    ["part of an integer", "INT32", [1], [1.5], "x: 1.5 is not INT32"],
    ["part of a 64-bit integer", "INT64", [1], [0.5], "x: 0.5 is not INT64"],
    ["infinity in an integer", "INT32", [1], [JSON.parse("1e999")], "x: Infinity is not INT32"],
    ["a string for a number", "FP32", [1], ["1"], 'x: "1" is not FP32'],
    ["a long string for a number", "FP32", [1], ["a".repeat(1e6)], `x: "${"a".repeat(32)}" is not FP32`],
    ["a boolean for a number", "FP32", [1], [true], "x: true is not FP32"],
    ["null", "FP32", [1], [null], "x: null is not FP32"],
    ["an object", "FP32", [1], [{}], "x: an object is not FP32"],
    ["2 for BOOL", "BOOL", [1], [2], "x: 2 is not BOOL"],
    ["a string for BOOL", "BOOL", [1], ["true"], 'x: "true" is not BOOL'],
    ["a number for BYTES", "BYTES", [1], [1], "x: 1 is not a string for BYTES"],
    ["null for BYTES", "BYTES", [1], [null], "x: null is not a string for BYTES"],
    ["an object that cannot be shown", "BYTES", [1], [{ toString: 1 }], "x: an object is not a string for BYTES"],
  ])("refuses %s", (_, datatype, shape, data, message) => {
    expect(protocolErrorOf(() => tensorFromJson("x", datatype, shape, data as JsonData))).toBe(message);
  });

  it("refuses an object nested beyond any stack", () => {
    let deep: unknown = 1;
    for (let depth = 0; depth < 200_000; depth++) deep = { deep };
    expect(protocolErrorOf(() => tensorFromJson("x", "FP32", [1], [deep] as JsonData))).toBe(
      "x: an object is not FP32",
    );
  });

  it("stops at the first element too many", () => {
    const data = new Array<number>(1_000_000).fill(0);
    expect(protocolErrorOf(() => tensorFromJson("x", "UINT8", [1], data))).toBe("x: expected 1 elements, got more");
  });
});

describe("tensorToJson", () => {
  it("takes every byte but 0 for true", () => {
    const bytes = Uint8Array.of(0, 1, 2, 255);
    expect(tensorToJson({ name: "x", datatype: "BOOL", shape: [4], bytes })).toEqual([false, true, true, true]);
  });

  it("gives one flat list whatever the shape", () => {
    const bytes = Uint8Array.of(1, 2, 3, 4);
    expect(tensorToJson({ name: "x", datatype: "UINT8", shape: [2, 2], bytes })).toEqual([1, 2, 3, 4]);
  });

  it("rounds 64-bit integers beyond 2^53 to the nearest number", () => {
    const bytes = Uint8Array.of(1, 0, 0, 0, 0, 0, 32, 0);
    expect(tensorToJson({ name: "x", datatype: "INT64", shape: [1], bytes })).toEqual([2 ** 53]);
  });

  it("keeps a byte order mark, which is text here", () => {
    const bytes = Uint8Array.of(4, 0, 0, 0, 239, 187, 191, 65);
    expect(tensorToJson({ name: "x", datatype: "BYTES", shape: [1], bytes })).toEqual(["\ufeffA"]);
  });

  it("refuses BYTES that are not UTF-8", () => {
    const bytes = Uint8Array.of(1, 0, 0, 0, 255);
    expect(protocolErrorOf(() => tensorToJson({ name: "x", datatype: "BYTES", shape: [1], bytes }))).toBe(
      "x: holds bytes that are not UTF-8; ask for binary data",
    );
  });

  it.each([
    ["FP16", [0, 126], "NaN"],
    ["FP32", [0, 0, 192, 127], "NaN"],
    ["FP32", [0, 0, 128, 127], "Infinity"],
    ["FP64", [0, 0, 0, 0, 0, 0, 240, 255], "-Infinity"],
  ] as const)("refuses numbers that JSON has no word for: %s %j", (datatype, bytes, shown) => {
    const run = () => tensorToJson({ name: "x", datatype, shape: [1], bytes: Uint8Array.from(bytes) });
    expect(protocolErrorOf(run)).toBe(`x: holds ${shown}; ask for binary data`);
  });
});

describe("JSON and back", () => {
  const integer = (low: number, high: number) => fc.integer({ min: low, max: high });
  const safe = fc.maxSafeInteger();
  const values: [Datatype, fc.Arbitrary<JsonData>][] = [
    ["BOOL", fc.boolean()],
    ["INT8", integer(-128, 127)],
    ["UINT8", integer(0, 255)],
    ["INT16", integer(-32768, 32767)],
    ["UINT16", integer(0, 65535)],
    ["INT32", integer(-(2 ** 31), 2 ** 31 - 1)],
    ["UINT32", integer(0, 2 ** 32 - 1)],
    ["INT64", safe],
    ["UINT64", safe.map(Math.abs)],
    ["FP16", integer(0, 0x7bff).map((bits) => new Float16Array(Uint16Array.of(bits).buffer)[0])],
    ["FP32", fc.float({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0)],
    ["FP64", fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0)],
    ["BYTES", fc.string({ unit: "grapheme" })],
  ];

  it.each(values)("keeps every %s", (datatype, value) => {
    fc.assert(
      fc.property(fc.array(value, { maxLength: 24 }), (data) => {
        const tensor = tensorFromJson("x", datatype, [data.length], data);
        const json: JsonData = JSON.parse(JSON.stringify(tensorToJson(tensor)));
        expect(json).toEqual(data);
        expect(tensorFromJson("x", datatype, [data.length], json)).toEqual(tensor);
      }),
      SEED,
    );
  });
});
