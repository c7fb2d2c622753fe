import { describe, expect, it } from "vitest";
import { graphDescriptions } from "../../../cloud-backend/src/repository/graph-descriptions.ts";
import { smallTail, withSmallTail } from "../../setup/small-tail.ts";
import { shippedManifest } from "../setup/model-folder.ts";

describe("graphDescriptions", () => {
  it("tells of the large model all that inference must know", async () => {
    const manifest = await shippedManifest();
    const { large } = manifest.cloud;
    expect(graphDescriptions("/models/cifar100", manifest, "7")[0]).toEqual({
      bytes: large.bytes,
      graph: {
        name: "large",
        version: "7",
        path: `/models/cifar100/${large.file}`,
        sha256: large.sha256,
        signature: {
          inputs: [{ name: "image", datatype: "UINT8", shape: [-1, 32, 32, 3] }],
          outputs: [{ name: "logits", datatype: "FP32", shape: [-1, 100] }],
        },
        encoded: {
          kind: "image",
          name: "image",
          recipe: { preprocessing: large.preprocessing, input: large.input },
        },
        labels: manifest.labels,
      },
    });
  });

  it("tells of the tail, which takes frames and no images", async () => {
    const tail = await smallTail();
    const described = graphDescriptions("/models/small", await withSmallTail(await shippedManifest()), "7");
    expect(described.map(({ graph }) => graph.name)).toEqual(["large", "tail"]);
    expect(described[1]).toEqual({
      bytes: tail.bytes,
      graph: {
        name: "tail",
        version: "7",
        path: "/models/small/tail.onnx",
        sha256: tail.sha256,
        signature: {
          inputs: [
            { name: "codes", datatype: "UINT8", shape: [-1, 4, 3, 2] },
            { name: "ranges", datatype: "FP32", shape: [-1, 4, 2] },
            { name: "setting", datatype: "INT64", shape: [-1, 1] },
          ],
          outputs: [{ name: "logits", datatype: "FP32", shape: [-1, 3] }],
        },
        encoded: { kind: "frame", name: "frame", recipe: { tail, shape: [4, 3, 2] } },
        labels: ["red", "green", "blue"],
      },
    });
  });

  it("has no tail of a model without one", async () => {
    const shipped = await shippedManifest();
    const manifest = { ...shipped, cloud: { ...shipped.cloud, tail: null } };
    expect(graphDescriptions("/models/cifar100", manifest, "7")).toHaveLength(1);
  });
});
