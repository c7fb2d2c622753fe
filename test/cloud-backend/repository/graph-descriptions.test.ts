import { describe, expect, it } from "vitest";
import { graphDescriptions } from "../../../cloud-backend/src/repository/graph-descriptions.ts";
import { shippedManifest } from "../setup/model-folder.ts";

describe("graphDescriptions", () => {
  it("tells of the large model all that inference must know", async () => {
    const manifest = await shippedManifest();
    const { large } = manifest.cloud;
    expect(graphDescriptions("/models/cifar100", manifest, "7")).toEqual([
      {
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
          image: { preprocessing: large.preprocessing, input: large.input },
          labels: manifest.labels,
        },
      },
    ]);
  });
});
