// What a model must be to be served, and what happens when it is not.

import type { LargeModel } from "@spillway/shared/schema/manifest";
import { describe, expect, it } from "vitest";
import { startLargeModel } from "../../../cloud-backend/src/inference/large-model.ts";
import { floatManifest, modelFolder, shippedManifest } from "../setup/model-folder.ts";

const manifest = await shippedManifest();
const stage = manifest.edge.stages[1];

describe("startLargeModel refuses", () => {
  it.each<[string, Partial<LargeModel>, RegExp]>([
    ["a file that is not there", { file: "nowhere.onnx" }, /nowhere\.onnx: ENOENT/],
    [
      "a file of another hash",
      { sha256: "0".repeat(64) },
      /large\.onnx: the manifest names SHA-256 0{64}, the file has [0-9a-f]{64}$/,
    ],
    [
      "another input's name",
      { input: { ...manifest.cloud.large.input, name: "picture" } },
      /promises input "picture" UINT8/,
    ],
    [
      "another layout",
      { input: { ...manifest.cloud.large.input, layout: "NCHW" } },
      /\[-1, 3, 32, 32\], the graph has "image" UINT8 \[-1, 32, 32, 3\]/,
    ],
    ["another datatype", { input: { ...manifest.cloud.large.input, datatype: "FP32" } }, /promises input "image" FP32/],
    ["another output", { logits: "scores" }, /promises output "scores" FP32 \[-1, 100\]/],
    ["a graph that takes no image", { file: stage.file, sha256: stage.sha256 }, /the graph has "features1" FP32/],
  ])("%s", async (_, change, error) => {
    const large = { ...manifest.cloud.large, ...change };
    const started = await start({ ...manifest, cloud: { ...manifest.cloud, large } });
    expect(started).toEqual({ ok: false, error: expect.stringMatching(error) });
    expect(!started.ok && started.error).not.toContain("\n");
  });

  it("a graph with another number of classes", async () => {
    const started = await start({ ...manifest, labels: manifest.labels.slice(1) });
    expect(started).toEqual({
      ok: false,
      error: expect.stringMatching(/FP32 \[-1, 99\], the graph has "logits" FP32/),
    });
  });
});

describe("startLargeModel accepts", () => {
  it("a graph that gives more than was promised", async () => {
    const started = await start(await floatManifest());
    if (!started.ok) throw new Error(started.error);
    expect(started.value.signature.outputs.map((output) => output.name).sort()).toEqual(["features1", "logits"]);
    await started.value.stop();
    expect(started.value.isReady()).toBe(false);
  });
});

function start(promised: typeof manifest) {
  const onEvent = () => undefined;
  const options = { queueLength: 1, inferenceThreads: 1, restartDelaysMs: [], onEvent };
  return startLargeModel({ folder: modelFolder, manifest: promised, ...options });
}
