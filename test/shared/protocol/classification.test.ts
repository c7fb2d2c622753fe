import {
  bestClasses,
  classifyOutputs,
  requestedClasses,
  withoutClassification,
} from "@spillway/shared/protocol/classification";
import type { InferenceRequest } from "@spillway/shared/protocol/message";
import {
  bytesTensorOf,
  checkTensor,
  type Datatype,
  readByteElements,
  type Tensor,
} from "@spillway/shared/protocol/tensor";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { protocolErrorOf, utf8 } from "./wire.ts";

const fp32 = (shape: number[], ...values: number[]) => tensorOver("FP32", shape, Float32Array.from(values));
const texts = (tensor: Tensor) => readByteElements(tensor).map((element) => new TextDecoder().decode(element));

function tensorOver(datatype: Datatype, shape: number[], values: { buffer: ArrayBuffer }): Tensor {
  return checkTensor({ name: "logits", datatype, shape, bytes: new Uint8Array(values.buffer) });
}

describe("bestClasses", () => {
  it("is the documents' example, with the digits that Triton's code prints", () => {
    const output = fp32([1, 4], 1.1, 3.3, 0.5, 2.4);
    expect(texts(bestClasses(output, 2, []))).toEqual(["3.300000:1", "2.400000:3"]);
    const labels = ["index_0_label", "index_1_label", "index_2_label", "index_3_label"];
    expect(texts(bestClasses(output, 2, labels))).toEqual(["3.300000:1:index_1_label", "2.400000:3:index_3_label"]);
  });

  it("is BYTES [batch, count]: each element its length, then its text", () => {
    const best = bestClasses(fp32([2, 2], 1, 2, 8, 4), 1, ["é", "b"]);
    expect(best).toMatchObject({ name: "logits", datatype: "BYTES", shape: [2, 1] });
    expect([...best.bytes]).toEqual([12, 0, 0, 0, ...utf8("2.000000:1:b"), 13, 0, 0, 0, ...utf8("8.000000:0:é")]);
    expect(checkTensor(best)).toBe(best);
  });

  it.each([
    [1, 1],
    [3, 3],
    [4, 3],
    [2 ** 32 - 1, 3],
  ])("of %d classes wanted of three: %d", (count, expected) => {
    const best = bestClasses(fp32([2, 3], 1, 2, 3, 6, 5, 4), count, []);
    expect(best.shape).toEqual([2, expected]);
    expect(readByteElements(best)).toHaveLength(2 * expected);
  });

  it("takes all that follows the first dimension for one row", () => {
    const best = bestClasses(fp32([1, 2, 2], 1, 9, 3, 4), 2, ["a", "b", "c", "d"]);
    expect(best.shape).toEqual([1, 2]);
    expect(texts(best)).toEqual(["9.000000:1:b", "4.000000:3:d"]);
    expect(texts(bestClasses(fp32([3], 1, 9, 3), 2, []))).toEqual(["1.000000:0", "9.000000:0", "3.000000:0"]);
  });

  it("gives no labels where there is not one for each value", () => {
    expect(texts(bestClasses(fp32([1, 3], 1, 2, 3), 1, ["a", "b"]))).toEqual(["3.000000:2"]);
    expect(texts(bestClasses(fp32([1, 1], 1), 1, ["a", "b"]))).toEqual(["1.000000:0"]);
  });

  it("keeps equal values in the order of their index", () => {
    const values = new Array<number>(40).fill(0).map((_, index) => index % 2);
    const expected = [...values.keys()].sort((a, b) => values[b] - values[a] || a - b);
    const indices = texts(bestClasses(fp32([1, 40], ...values), 40, [])).map((text) => Number(text.split(":")[1]));
    expect(indices).toEqual(expected);
    expect(texts(bestClasses(fp32([1, 2], -0, 0), 2, []))).toEqual(["-0.000000:0", "0.000000:1"]);
  });

  it("ranks infinities, and refuses NaN", () => {
    expect(texts(bestClasses(fp32([1, 3], -Infinity, 0, Infinity), 3, []))).toEqual(["inf:2", "0.000000:1", "-inf:0"]);
    expect(protocolErrorOf(() => bestClasses(fp32([2, 1], 0, Number.NaN), 1, []))).toBe(
      "logits: holds NaN, which is no class's value",
    );
  });

  // Made by C's printf: python -c "print('%f' % value)" of the FP32 value.
  it.each([
    [0.1234565, "0.123457"],
    [1 / 128, "0.007812"],
    [3 / 128, "0.023438"],
    [-1 / 128, "-0.007812"],
    [-3 / 128, "-0.023438"],
    [16777217 / 128, "131072.000000"],
    [5 / 256, "0.019531"],
    [-1e-9, "-0.000000"],
    [123456.789, "123456.789062"],
    [1e21, "1000000020040877342720.000000"],
    [-1e30, "-1000000015047466219876688855040.000000"],
    [3.4028234663852886e38, "340282346638528859811704183484516925440.000000"],
  ])("prints %d as C does: %s", (value, expected) => {
    expect(texts(bestClasses(fp32([1, 1], value), 1, []))).toEqual([`${expected}:0`]);
  });

  it("rounds any FP64 to the nearest sixth digit, as far as it can be checked without C", () => {
    fc.assert(
      fc.property(fc.double({ min: -1e9, max: 1e9, noNaN: true }), (value) => {
        const [text] = texts(bestClasses(tensorOver("FP64", [1, 1], Float64Array.of(value)), 1, []));
        const [printed] = text.split(":");
        expect(printed).toMatch(/^-?\d+\.\d{6}$/);
        expect(Math.abs(Number(printed) - value)).toBeLessThanOrEqual(0.5e-6 + Math.abs(value) * 2 ** -52);
      }),
      { seed: 17 },
    );
  });

  it.each<[Datatype, { buffer: ArrayBuffer }, string[]]>([
    ["INT8", Int8Array.of(-1, 5), ["5:1", "-1:0"]],
    ["UINT8", Uint8Array.of(255, 5), ["255:0", "5:1"]],
    ["INT16", Int16Array.of(-300, -1), ["-1:1", "-300:0"]],
    ["UINT16", Uint16Array.of(65535, 1), ["65535:0", "1:1"]],
    ["INT32", Int32Array.of(-2147483648, 7), ["7:1", "-2147483648:0"]],
    ["UINT32", Uint32Array.of(4294967295, 7), ["4294967295:0", "7:1"]],
    ["INT64", BigInt64Array.of(2n ** 53n, 2n ** 53n + 1n), ["9007199254740993:1", "9007199254740992:0"]],
    ["UINT64", BigUint64Array.of(2n ** 64n - 1n, 2n), ["18446744073709551615:0", "2:1"]],
    ["FP64", Float64Array.of(0.1, 1e300), [`${BigInt(1e300)}.000000:1`, "0.100000:0"]],
  ])("ranks %s", (datatype, values, expected) => {
    expect(texts(bestClasses(tensorOver(datatype, [1, 2], values), 2, []))).toEqual(expected);
  });

  it.each<[Datatype, Uint8Array]>([
    ["BOOL", Uint8Array.of(1)],
    ["FP16", Uint8Array.of(0, 60)],
    ["BYTES", bytesTensorOf("x", [utf8("a")]).bytes],
  ])("refuses %s, as Triton does", (datatype, bytes) => {
    const output: Tensor = { name: "logits", datatype, shape: [1, 1], bytes: Uint8Array.from(bytes) };
    expect(protocolErrorOf(() => bestClasses(output, 1, []))).toMatch(`logits: ${datatype} has no classes`);
  });
});

describe("a request's wish for classes", () => {
  it("is read from its outputs' parameters", () => {
    const outputs = [
      { name: "a", parameters: { classification: 3, binary_data: true } },
      { name: "b" },
      { name: "c", parameters: { classification: 0 } },
      { name: "d", parameters: { classification: 2 ** 32 - 1 } },
    ];
    expect([...requestedClasses(outputs)]).toEqual([
      ["a", 3],
      ["d", 2 ** 32 - 1],
    ]);
    expect(requestedClasses(undefined).size).toBe(0);
  });

  it.each([-1, 1.5, 2 ** 32, Number.POSITIVE_INFINITY, "3", true])("is refused for %j", (classification) => {
    expect(protocolErrorOf(() => requestedClasses([{ name: "a", parameters: { classification } }]))).toBe(
      "a: classification: expected a whole number from 0 to 4294967295",
    );
  });

  it("is taken out, and nothing else", () => {
    const request: InferenceRequest = {
      id: "7",
      parameters: { priority: 1 },
      inputs: [],
      outputs: [{ name: "a", parameters: { classification: 3, binary_data: true } }, { name: "b" }],
    };
    expect(withoutClassification(request)).toEqual({
      ...request,
      outputs: [
        { name: "a", parameters: { binary_data: true } },
        { name: "b", parameters: {} },
      ],
    });
    expect(request.outputs?.[0].parameters).toHaveProperty("classification");
    expect(withoutClassification({ inputs: [] }).outputs).toBeUndefined();
  });

  it("changes the outputs it names, in their places", () => {
    const outputs = [fp32([1, 2], 1, 2), { ...fp32([1, 2], 3, 4), name: "other" }];
    const response = classifyOutputs({ modelName: "m", id: "7", outputs }, new Map([["other", 1]]), []);
    expect(response).toEqual({ modelName: "m", id: "7", outputs: [outputs[0], expect.anything()] });
    expect(texts(response.outputs[1])).toEqual(["4.000000:1"]);
  });
});
