import { readFile } from "node:fs/promises";
import path from "node:path";
import { manifestSchema } from "@spillway/shared/schema/manifest";
import { describe, expect, it } from "vitest";
import { checkGraph } from "../../../models/src/export/check-graph.ts";
import { type CloudGraph, cloudGraphs } from "../../../models/src/export/cloud-graphs.ts";

const ROOT = path.resolve(import.meta.dirname, "../../..");
const SHIPPED = path.join(ROOT, "models/cifar100");
const manifest = manifestSchema.parse(JSON.parse(await readFile(path.join(SHIPPED, "manifest.json"), "utf8")));
const stage = await readFile(path.join(SHIPPED, "stage-1.onnx"));
const perRowSetting = await readFile(path.join(ROOT, "test/vectors/graphs/per-row-setting.onnx"));

/** The first stage of the edge, which has two outputs. */
const graph: CloudGraph = {
  name: "large",
  file: "stage-1.onnx",
  sha256: "",
  inputs: [{ name: "image", datatype: "FP32", shape: [-1, 3, 32, 32] }],
  outputs: [{ name: "logits", datatype: "FP32", shape: [-1, 100] }],
};

describe("cloudGraphs", () => {
  it("are the manifest's large model, which is what its file says", async () => {
    const [large, ...others] = cloudGraphs(manifest);
    expect(others).toEqual([]);
    expect(large).toMatchObject({ name: "large", file: manifest.cloud.large.file });
    await checkGraph(large, await readFile(path.join(SHIPPED, large.file)));
  });
});

describe("checkGraph", () => {
  it("takes a graph that gives more than was promised", async () => {
    await checkGraph(graph, stage);
  });

  it.each<[string, Partial<CloudGraph>, string]>([
    [
      "another datatype",
      { inputs: [{ ...graph.inputs[0], datatype: "UINT8" }] },
      'input "image" UINT8 [-1, 3, 32, 32]',
    ],
    [
      "another layout",
      { inputs: [{ ...graph.inputs[0], shape: [-1, 32, 32, 3] }] },
      'input "image" FP32 [-1, 32, 32, 3]',
    ],
    ["another name", { inputs: [{ ...graph.inputs[0], name: "x" }] }, 'input "x" FP32 [-1, 3, 32, 32]'],
    [
      "an input too many",
      { inputs: [...graph.inputs, ...graph.outputs] },
      'input "image" FP32 [-1, 3, 32, 32], "logits"',
    ],
    ["a fixed batch", { inputs: [{ ...graph.inputs[0], shape: [1, 3, 32, 32] }] }, 'input "image" FP32 [1, 3, 32, 32]'],
    ["more classes", { outputs: [{ ...graph.outputs[0], shape: [-1, 101] }] }, 'output "logits" FP32 [-1, 101]'],
    ["a missing output", { outputs: [...graph.outputs, { ...graph.outputs[0], name: "y" }] }, 'output "y" FP32'],
  ])("refuses %s", async (_, change, promised) => {
    const checked = checkGraph({ ...graph, ...change }, stage);
    await expect(checked).rejects.toThrow(`stage-1.onnx: the manifest promises ${promised}`);
    await expect(checked).rejects.toThrow(/, the graph has "/);
  });

  it("takes several inputs in any order, and refuses one that was not promised", async () => {
    const inputs: CloudGraph["inputs"] = [
      { name: "setting", datatype: "INT64", shape: [-1] },
      { name: "codes", datatype: "UINT8", shape: [-1, 4] },
    ];
    const tail = { ...graph, inputs, outputs: [{ name: "logits", datatype: "FP32" as const, shape: [-1, 3] }] };
    await checkGraph(tail, perRowSetting);
    await checkGraph({ ...tail, inputs: inputs.toReversed() }, perRowSetting);
    await expect(checkGraph({ ...tail, inputs: inputs.slice(1) }, perRowSetting)).rejects.toThrow(
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
