import {
  fits,
  type Signature,
  signatureOf,
  signatureProblem,
  type ValueMetadata,
} from "@spillway/shared/protocol/graph-signature";
import { describe, expect, it } from "vitest";

const promised: Signature = {
  inputs: [
    { name: "codes", datatype: "UINT8", shape: [-1, 4, 3, 2] },
    { name: "setting", datatype: "INT64", shape: [-1, 1] },
  ],
  outputs: [{ name: "logits", datatype: "FP32", shape: [-1, 10] }],
};
const [codes, setting] = promised.inputs;
const [logits] = promised.outputs;

describe("signatureProblem", () => {
  it.each<[string, Signature]>([
    ["what was promised", promised],
    ["inputs in another order", { ...promised, inputs: [setting, codes] }],
    ["more outputs", { ...promised, outputs: [{ ...logits, name: "features" }, logits] }],
  ])("has nothing to say of %s", (_, graph) => {
    expect(signatureProblem(graph, promised)).toBeNull();
  });

  it.each<[string, Partial<Signature>, string]>([
    ["an input too few", { inputs: [codes] }, 'the graph has "codes" UINT8 [-1, 4, 3, 2]'],
    ["an input too many", { inputs: [codes, setting, logits] }, '"logits" FP32 [-1, 10]'],
    ["one input twice", { inputs: [codes, codes] }, '"codes" UINT8 [-1, 4, 3, 2], "codes" UINT8 [-1, 4, 3, 2]'],
    ["another name", { inputs: [codes, { ...setting, name: "level" }] }, '"level" INT64 [-1, 1]'],
    ["another datatype", { inputs: [codes, { ...setting, datatype: "INT32" }] }, '"setting" INT32 [-1, 1]'],
    ["another shape", { inputs: [codes, { ...setting, shape: [-1] }] }, '"setting" INT64 [-1]'],
  ])("tells what is promised and what is there: %s", (_, change, found) => {
    const problem = signatureProblem({ ...promised, ...change }, promised) ?? "";
    expect(
      problem.startsWith('the manifest promises input "codes" UINT8 [-1, 4, 3, 2], "setting" INT64 [-1, 1], '),
    ).toBe(true);
    expect(problem.endsWith(found)).toBe(true);
  });

  it("misses an output", () => {
    expect(signatureProblem({ ...promised, outputs: [] }, promised)).toBe(
      'the manifest promises output "logits" FP32 [-1, 10], the graph has ',
    );
  });
});

describe("signatureOf", () => {
  const value = (name: string, type: string, shape: (number | string)[]): ValueMetadata => {
    return { name, isTensor: true, type, shape };
  };

  it("is what ONNX Runtime tells, in the protocol's words", () => {
    const session = {
      inputMetadata: [value("codes", "uint8", ["batch", 4, 3, 2]), value("setting", "int64", ["batch", 1])],
      outputMetadata: [value("logits", "float32", ["batch", 10])],
    };
    expect(signatureOf(session)).toEqual(promised);
  });

  it.each<[string, ValueMetadata, string]>([
    ["strings", value("text", "string", ["batch"]), '"text" is string; expected numbers'],
    ["no tensor", { name: "list", isTensor: false }, '"list" is no tensor; expected numbers'],
  ])("refuses %s", (_, metadata, problem) => {
    expect(signatureOf({ inputMetadata: [], outputMetadata: [metadata] })).toBe(problem);
  });
});

describe("fits", () => {
  it.each([
    [[1, 4, 3, 2], true],
    [[0, 4, 3, 2], true],
    [[9, 4, 2, 3], false],
    [[1, 4, 3], false],
    [[1, 4, 3, 2, 1], false],
    [[], false],
  ])("%j: %j", (shape, expected) => {
    expect(fits({ datatype: "UINT8", shape }, codes)).toBe(expected);
    expect(fits({ datatype: "FP32", shape }, codes)).toBe(false);
  });
});
