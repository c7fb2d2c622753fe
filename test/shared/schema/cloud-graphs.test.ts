import { cloudGraphs, tailFeatureShape } from "@spillway/shared/schema/cloud-graphs";
import { describe, expect, it } from "vitest";
import { validManifest, validManifestWithTail } from "./documents.ts";

describe("cloudGraphs", () => {
  it("are the large model alone where there is no tail", () => {
    expect(cloudGraphs(validManifest())).toEqual([
      {
        name: "large",
        file: "large.onnx",
        sha256: "e".repeat(64),
        bytes: 2000,
        signature: {
          inputs: [{ name: "image", datatype: "UINT8", shape: [-1, 48, 64, 3] }],
          outputs: [{ name: "logits", datatype: "FP32", shape: [-1, 2] }],
        },
      },
    ]);
  });

  it("are the tail as well where there is one, which reads features of the first stage's shape", () => {
    const manifest = validManifestWithTail();
    expect(cloudGraphs(manifest).map(({ name }) => name)).toEqual(["large", "tail"]);
    expect(cloudGraphs(manifest)[1]).toEqual({
      name: "tail",
      file: "tail.onnx",
      sha256: "d".repeat(64),
      bytes: 1000,
      signature: {
        inputs: [
          { name: "codes", datatype: "UINT8", shape: [-1, 8, 16, 16] },
          { name: "ranges", datatype: "FP32", shape: [-1, 8, 2] },
          { name: "setting", datatype: "INT64", shape: [-1, 1] },
        ],
        outputs: [{ name: "logits", datatype: "FP32", shape: [-1, 2] }],
      },
    });
  });
});

describe("tailFeatureShape", () => {
  it("is that of what the first stage hands on", () => {
    expect(tailFeatureShape(validManifestWithTail())).toEqual([8, 16, 16]);
    expect(() => tailFeatureShape(validManifest(1))).toThrow(TypeError);
  });
});
