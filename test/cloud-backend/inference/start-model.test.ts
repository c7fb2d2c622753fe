// What a graph must be to be served, and what happens when it is not.
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { GraphDescription } from "../../../cloud-backend/src/inference/graph-description.ts";
import type { Provider } from "../../../cloud-backend/src/inference/serving-options.ts";
import { startModel } from "../../../cloud-backend/src/inference/start-model.ts";
import { largeGraph, perRowSettingGraph, SERVING, servedModel } from "../setup/graphs.ts";
import { modelFolder, shippedManifest } from "../setup/model-folder.ts";

const large = await largeGraph();
const perRow = await perRowSettingGraph();
const [, stage] = (await shippedManifest()).edge.stages;
const [codes, setting] = perRow.signature.inputs;

describe("startModel refuses", () => {
  it.each<[string, GraphDescription, RegExp]>([
    ["a file that is not there", { ...perRow, path: "/nowhere.onnx" }, /nowhere\.onnx: ENOENT/],
    [
      "a file of another hash",
      { ...perRow, sha256: "0".repeat(64) },
      /per-row-setting\.onnx: the manifest names SHA-256 0{64}, the file has [0-9a-f]{64}$/,
    ],
    [
      "another input's name",
      promising({ inputs: [{ ...codes, name: "picture" }, setting] }),
      /promises input "picture" UINT8 \[-1, 4\], "setting" INT64 \[-1\], the graph has "codes"/,
    ],
    [
      "another shape",
      promising({ inputs: [{ ...codes, shape: [-1, 5] }, setting] }),
      /"codes" UINT8 \[-1, 5\], .*the graph has "codes" UINT8 \[-1, 4\]/,
    ],
    ["another datatype", promising({ inputs: [codes, { ...setting, datatype: "INT32" }] }), /"setting" INT32/],
    ["fewer inputs than it has", promising({ inputs: [codes] }), /promises input "codes" UINT8 \[-1, 4\], the graph/],
    [
      "another output",
      promising({ outputs: [{ name: "scores", datatype: "FP32", shape: [-1, 3] }] }),
      /promises output "scores" FP32 \[-1, 3\], the graph has "logits"/,
    ],
    [
      "another number of classes",
      promising({ outputs: [{ name: "logits", datatype: "FP32", shape: [-1, 4] }] }),
      /FP32 \[-1, 4\], the graph has "logits" FP32 \[-1, 3\]/,
    ],
  ])("%s", async (_, graph, error) => {
    const started = await startModel(graph, SERVING);
    expect(started).toEqual({ ok: false, error: expect.stringMatching(error) });
    expect(!started.ok && started.error).not.toContain("\n");
  });

  it("a graph that takes no image where one is promised", async () => {
    const graph = { ...large, path: join(modelFolder, stage.file), sha256: stage.sha256 };
    expect(await startModel(graph, SERVING)).toMatchObject({ ok: false, error: expect.stringMatching(/"features1"/) });
  });

  it("all instances when one of them cannot start", async () => {
    const graph = { ...perRow, path: "/nowhere.onnx" };
    expect(await startModel(graph, { ...SERVING, instances: 3 })).toMatchObject({ ok: false });
  });
});

describe("startModel accepts", () => {
  it("a graph that gives more than was promised", async () => {
    const model = await servedModel(promising({ outputs: [] }));
    expect(model.signature.outputs.map((output) => output.name)).toEqual(["logits"]);
    await model.stop();
    expect(model.isReady()).toBe(false);
  });
});

describe("execution providers", () => {
  // This machine may have a GPU: TensorRT's libraries are not part of any test machine.
  const missing: Provider = "tensorrt";

  it("one that cannot be had is an error that names it", async () => {
    const started = await startModel(perRow, { ...SERVING, providers: [missing] });
    expect(started).toEqual({
      ok: false,
      error: expect.stringMatching(/no execution provider can run it \(tensorrt: /),
    });
  });

  it("falls back to the next only where one is named", async () => {
    const model = await servedModel(perRow, { providers: [missing, "cpu"] });
    expect(model.isReady()).toBe(true);
  });
});

function promising(signature: Partial<GraphDescription["signature"]>): GraphDescription {
  return { ...perRow, signature: { ...perRow.signature, ...signature } };
}
