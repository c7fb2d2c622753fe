import { readFile } from "node:fs/promises";
import path from "node:path";
import type { Signature } from "@spillway/shared/protocol/graph-signature";
import { cloudGraphs } from "@spillway/shared/schema/cloud-graphs";
import { manifestSchema } from "@spillway/shared/schema/manifest";
import { describe, expect, it } from "vitest";
import { checkGraph } from "../../../models/src/export/check-graph.ts";

const ROOT = path.resolve(import.meta.dirname, "../../..");
const SHIPPED = path.join(ROOT, "models/cifar100");
const manifest = manifestSchema.parse(JSON.parse(await readFile(path.join(SHIPPED, "manifest.json"), "utf8")));
const stage = await readFile(path.join(SHIPPED, "stage-1.onnx"));
const perRowSetting = await readFile(path.join(ROOT, "test/vectors/graphs/per-row-setting.onnx"));

/** The first stage of the edge, which has two outputs. */
const signature: Signature = {
  inputs: [{ name: "image", datatype: "FP32", shape: [-1, 3, 32, 32] }],
  outputs: [{ name: "logits", datatype: "FP32", shape: [-1, 100] }],
};
const graph = { file: "stage-1.onnx", signature };

describe("the graphs of the shipped model", () => {
  it.each(cloudGraphs(manifest))("are what its manifest says: $name", async (promised) => {
    await checkGraph(promised, await readFile(path.join(SHIPPED, promised.file)));
  });
});

describe("checkGraph", () => {
  it("takes a graph that gives more than was promised", async () => {
    await checkGraph(graph, stage);
  });

  it.each<[string, Partial<Signature>, string]>([
    [
      "another datatype",
      { inputs: [{ ...signature.inputs[0], datatype: "UINT8" }] },
      'input "image" UINT8 [-1, 3, 32, 32]',
    ],
    [
      "another layout",
      { inputs: [{ ...signature.inputs[0], shape: [-1, 32, 32, 3] }] },
      'input "image" FP32 [-1, 32, 32, 3]',
    ],
    ["another name", { inputs: [{ ...signature.inputs[0], name: "x" }] }, 'input "x" FP32 [-1, 3, 32, 32]'],
    [
      "an input too many",
      { inputs: [...signature.inputs, ...signature.outputs] },
      'input "image" FP32 [-1, 3, 32, 32], "logits"',
    ],
    [
      "a fixed batch",
      { inputs: [{ ...signature.inputs[0], shape: [1, 3, 32, 32] }] },
      'input "image" FP32 [1, 3, 32, 32]',
    ],
    ["more classes", { outputs: [{ ...signature.outputs[0], shape: [-1, 101] }] }, 'output "logits" FP32 [-1, 101]'],
    [
      "a missing output",
      { outputs: [...signature.outputs, { ...signature.outputs[0], name: "y" }] },
      'output "y" FP32',
    ],
  ])("refuses %s", async (_, change, promised) => {
    const checked = checkGraph({ ...graph, signature: { ...signature, ...change } }, stage);
    await expect(checked).rejects.toThrow(`stage-1.onnx: the manifest promises ${promised}`);
    await expect(checked).rejects.toThrow(/, the graph has "/);
  });

  it("takes several inputs in any order, and refuses one that was not promised", async () => {
    const inputs: Signature["inputs"] = [
      { name: "setting", datatype: "INT64", shape: [-1] },
      { name: "codes", datatype: "UINT8", shape: [-1, 4] },
    ];
    const outputs: Signature["outputs"] = [{ name: "logits", datatype: "FP32", shape: [-1, 3] }];
    const check = (promised: Signature["inputs"]) =>
      checkGraph({ ...graph, signature: { inputs: promised, outputs } }, perRowSetting);
    await check(inputs);
    await check(inputs.toReversed());
    await expect(check(inputs.slice(1))).rejects.toThrow(
      'the manifest promises input "codes" UINT8 [-1, 4], the graph has "codes" UINT8 [-1, 4], "setting" INT64 [-1]',
    );
  });

  it.each([
    ["nothing", new Uint8Array()],
    ["half of a file", stage.subarray(0, stage.length / 2)],
  ])("refuses %s", async (_, bytes) => {
    await expect(checkGraph(graph, bytes)).rejects.toThrow(/^stage-1\.onnx: cannot be loaded \(/);
  });
});
