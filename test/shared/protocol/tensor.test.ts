import {
  bytesTensorOf,
  checkTensor,
  DATATYPES,
  type Datatype,
  elementCount,
  float32Values,
  MAX_DIMENSIONS,
  MAX_ELEMENTS,
  ProtocolError,
  readByteElements,
  type Tensor,
  tensorOf,
} from "@spillway/shared/protocol/tensor";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { protocolErrorOf, utf8 } from "./wire.ts";

const SEED = { seed: 11 };
const WIDTHS: Record<Exclude<Datatype, "BYTES">, number> = {
  BOOL: 1,
  INT8: 1,
  INT16: 2,
  INT32: 4,
  INT64: 8,
  UINT8: 1,
  UINT16: 2,
  UINT32: 4,
  UINT64: 8,
  FP16: 2,
  FP32: 4,
  FP64: 8,
};

const tensor = (datatype: Datatype, shape: number[], bytes: ArrayLike<number>): Tensor => ({
  name: "x",
  datatype,
  shape,
  bytes: Uint8Array.from(bytes),
});

it("knows the thirteen datatypes of the protocol", () => {
  expect(DATATYPES.toSorted()).toEqual([...Object.keys(WIDTHS), "BYTES"].toSorted());
});

describe("elementCount", () => {
  it.each([
    ["a scalar", [], 1],
    ["a vector", [5], 5],
    ["no elements", [3, 0, 5], 0],
    ["the most elements", [MAX_ELEMENTS], MAX_ELEMENTS],
    ["the most elements in two dimensions", [8192, 8192], MAX_ELEMENTS],
    ["the most dimensions", new Array<number>(MAX_DIMENSIONS).fill(2), 256],
  ])("counts %s", (_, shape, count) => {
    expect(elementCount(shape)).toBe(count);
  });

  it("allows 2^26 elements in 8 dimensions", () => {
    expect([MAX_ELEMENTS, MAX_DIMENSIONS]).toEqual([2 ** 26, 8]);
  });

  it.each([
    ["one dimension too many", new Array<number>(9).fill(1), "shape: expected at most 8 dimensions, got 9"],
    ["a negative dimension", [2, -1], "shape: expected whole numbers of at least 0, got [2, -1]"],
    ["two negative dimensions", [-2, -3], "shape: expected whole numbers of at least 0, got [-2, -3]"],
    ["part of an element", [1.5], "shape: expected whole numbers of at least 0, got [1.5]"],
    ["NaN", [Number.NaN], "shape: expected whole numbers of at least 0, got [NaN]"],
    ["2^53", [2 ** 53], "shape: expected whole numbers of at least 0, got [9007199254740992]"],
    ["2^26 + 1 elements", [2 ** 26 + 1], "shape: expected at most 67108864 elements, got [67108865]"],
    ["2^26 + 8192 elements", [8192, 8193], "shape: expected at most 67108864 elements, got [8192, 8193]"],
    ["a product beyond float64", new Array<number>(8).fill(2 ** 50), /^shape: expected at most 67108864 elements/],
  ])("refuses %s", (_, shape, message) => {
    expect(() => elementCount(shape)).toThrow(ProtocolError);
    expect(() => elementCount(shape)).toThrow(message);
  });
});

describe("checkTensor", () => {
  it.each(Object.entries(WIDTHS) as [Datatype, number][])("wants %s elements of %d bytes", (datatype, width) => {
    const whole = tensor(datatype, [2, 3], new Uint8Array(6 * width));
    expect(checkTensor(whole)).toBe(whole);
    for (const bytes of [6 * width - 1, 6 * width + 1, 0]) {
      const message = protocolErrorOf(() => checkTensor(tensor(datatype, [2, 3], new Uint8Array(bytes))));
      expect(message).toBe(`x: expected ${6 * width} bytes for ${datatype} [2, 3], got ${bytes}`);
    }
  });

  it("wants as many BYTES elements as the shape says", () => {
    const bytes = [1, 0, 0, 0, 65, 0, 0, 0, 0];
    expect(checkTensor(tensor("BYTES", [2], bytes)).shape).toEqual([2]);
    expect(protocolErrorOf(() => checkTensor(tensor("BYTES", [1], bytes)))).toBe("x: expected 1 elements, got 2");
    expect(protocolErrorOf(() => checkTensor(tensor("BYTES", [3], bytes)))).toBe("x: expected 3 elements, got 2");
  });

  it("takes an empty tensor", () => {
    expect(checkTensor(tensor("FP32", [0, 4], [])).bytes).toHaveLength(0);
    expect(checkTensor(tensor("BYTES", [0], [])).bytes).toHaveLength(0);
  });

  it("refuses a wrong shape before it looks at the bytes", () => {
    expect(protocolErrorOf(() => checkTensor(tensor("FP32", [-1], [])))).toMatch(/^shape: /);
  });
});

describe("readByteElements", () => {
  it("reads little-endian lengths, each before its bytes", () => {
    const bytes = [2, 0, 0, 0, 72, 105, 0, 0, 0, 0, 1, 0, 0, 0, 255];
    expect(readByteElements(tensor("BYTES", [3], bytes)).map((element) => [...element])).toEqual([
      [72, 105],
      [],
      [255],
    ]);
  });

  it("reads lengths of more than one byte", () => {
    const element = new Uint8Array(258).fill(7);
    expect(readByteElements(tensor("BYTES", [1], [2, 1, 0, 0, ...element]))).toEqual([element]);
  });

  it.each([
    ["an element one byte short", [2, 0, 0, 0, 65]],
    ["a length cut off", [1, 0, 0]],
    ["a length cut off after an element", [1, 0, 0, 0, 65, 0]],
    ["the greatest length", [255, 255, 255, 255, 65]],
  ])("refuses %s", (_, bytes) => {
    const message = protocolErrorOf(() => readByteElements(tensor("BYTES", [1], bytes)));
    expect(message).toBe("x: an element runs past the end of the tensor");
  });

  it("reads from the middle of a buffer", () => {
    const bytes = Uint8Array.of(9, 9, 1, 0, 0, 0, 65, 9).subarray(2, 7);
    expect(readByteElements({ name: "x", datatype: "BYTES", shape: [1], bytes })).toEqual([Uint8Array.of(65)]);
  });

  it("undoes bytesTensorOf", () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 20 }), (elements) => {
        const packed = bytesTensorOf("x", elements);
        expect(packed).toMatchObject({ name: "x", datatype: "BYTES", shape: [elements.length] });
        expect(checkTensor(packed)).toBe(packed);
        expect(readByteElements(packed).map((element) => [...element])).toEqual(
          elements.map((element) => [...element]),
        );
      }),
      SEED,
    );
  });
});

it("packs BYTES elements as a uint32 length and the bytes", () => {
  expect([...bytesTensorOf("x", [utf8("ab"), utf8("")]).bytes]).toEqual([2, 0, 0, 0, 97, 98, 0, 0, 0, 0]);
});

describe("tensorOf", () => {
  it("is FP32 over a Float32Array, little-endian", () => {
    const made = tensorOf("x", [1, 2], Float32Array.of(1, -2));
    expect(made).toMatchObject({ name: "x", datatype: "FP32", shape: [1, 2] });
    expect([...made.bytes]).toEqual([0, 0, 128, 63, 0, 0, 0, 192]);
  });

  it("is UINT8 over a Uint8Array", () => {
    expect(tensorOf("x", [3], Uint8Array.of(1, 2, 255))).toMatchObject({ datatype: "UINT8" });
  });

  it("takes the part of the buffer that the array sees", () => {
    const part = Float32Array.of(9, 1, 9).subarray(1, 2);
    expect([...tensorOf("x", [1], part).bytes]).toEqual([0, 0, 128, 63]);
  });

  it("refuses a shape of another size", () => {
    expect(protocolErrorOf(() => tensorOf("x", [3], Float32Array.of(1, 2)))).toContain("expected 12 bytes");
  });
});

describe("float32Values", () => {
  it("reads from any place in a buffer, aligned or not", () => {
    const bytes = Uint8Array.of(9, 0, 0, 128, 63, 0, 0, 0, 192).subarray(1);
    expect([...float32Values({ name: "x", datatype: "FP32", shape: [2], bytes })]).toEqual([1, -2]);
  });

  it("copies", () => {
    const original = tensorOf("x", [1], Float32Array.of(1));
    float32Values(original)[0] = 5;
    expect([...float32Values(original)]).toEqual([1]);
  });

  it.each(["FP64", "UINT8", "INT32", "BYTES"] as const)("refuses %s", (datatype) => {
    expect(protocolErrorOf(() => float32Values(tensor(datatype, [0], [])))).toBe(`x: expected FP32, got ${datatype}`);
  });
});
