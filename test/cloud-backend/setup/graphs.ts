// Graphs that the tests serve, and models started from them.
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Tensor } from "@spillway/shared/protocol/tensor";
import type { Manifest } from "@spillway/shared/schema/manifest";
import { onTestFinished } from "vitest";
import { limitConcurrency } from "../../../cloud-backend/src/image/concurrency.ts";
import type { GraphDescription } from "../../../cloud-backend/src/inference/graph-description.ts";
import type { Model } from "../../../cloud-backend/src/inference/model.ts";
import { type StartModelOptions, startModel } from "../../../cloud-backend/src/inference/start-model.ts";
import { DECODING_SLICE_MS } from "../../../cloud-backend/src/limits.ts";
import { graphDescriptions } from "../../../cloud-backend/src/repository/graph-descriptions.ts";
import { shareThread } from "../../../cloud-backend/src/slices.ts";
import { modelFolder, shippedManifest } from "./model-folder.ts";

const GRAPHS = fileURLToPath(new URL("../../vectors/graphs", import.meta.url));

/** The large model that the repository ships, or another manifest's. */
export async function largeGraph(manifest?: Manifest): Promise<GraphDescription> {
  const [{ graph }] = graphDescriptions(modelFolder, manifest ?? (await shippedManifest()), "1");
  return graph;
}

/** Each row times the matrix of its own setting: two inputs, and nothing that could stand in for them. */
export async function perRowSettingGraph(): Promise<GraphDescription> {
  const path = join(GRAPHS, "per-row-setting.onnx");
  return {
    name: "per-row-setting",
    version: "1",
    path,
    sha256: createHash("sha256")
      .update(await readFile(path))
      .digest("hex"),
    signature: {
      inputs: [
        { name: "codes", datatype: "UINT8", shape: [-1, 4] },
        { name: "setting", datatype: "INT64", shape: [-1] },
      ],
      outputs: [{ name: "logits", datatype: "FP32", shape: [-1, 3] }],
    },
    encoded: null,
    labels: ["a", "b", "c"],
  };
}

export const SERVING: StartModelOptions = {
  providers: ["cpu"],
  instances: 1,
  inferenceThreads: 1,
  batching: { maxBatch: 64, delayMs: 0, preferredSizes: [64], isPadded: false },
  admission: { maxRequests: 64, maxBytes: 2 ** 28 },
  restartDelaysMs: [],
  onEvent: () => undefined,
  signal: new AbortController().signal,
  decoding: { limitImages: limitConcurrency(4), inSlices: shareThread(DECODING_SLICE_MS) },
};

/** Starts a model that the end of the test stops. */
export async function servedModel(graph: GraphDescription, options: Partial<StartModelOptions> = {}): Promise<Model> {
  const started = await startModel(graph, { ...SERVING, ...options });
  if (!started.ok) throw new Error(started.error);
  onTestFinished(() => started.value.stop());
  return started.value;
}

/** The values of a model's one FP32 output. @throws Error when the model failed */
export async function logitsOf(model: Model, inputs: Tensor[], parameters = {}): Promise<Float32Array> {
  const outcome = await model.infer({ inputs, parameters }, { client: new AbortController().signal, timeoutMs: null });
  if (!outcome.ok) throw new Error(outcome.message);
  return new Float32Array(outcome.value.outputs[0].bytes.slice().buffer);
}
