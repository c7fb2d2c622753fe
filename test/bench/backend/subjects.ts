// The graphs that the backend's benchmarks serve, each as the `large` of a model folder of its own.
import { createHash } from "node:crypto";
import { copyFile, mkdtemp, readFile, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { encodeRequest } from "@spillway/shared/protocol/message";
import { tensorOf } from "@spillway/shared/protocol/tensor";
import { manifestSchema } from "@spillway/shared/schema/manifest";
import { ROOT } from "../../e2e/stack.ts";

const SHIPPED = path.join(ROOT, "models/cifar100");

export interface Subject {
  title: string;
  graph: string;
}

/**
 * The shipped network is bound by arithmetic on a CPU: a batch does little for it. The other one is
 * bound by reading its weights, as large models on GPUs are, which is what batching is for.
 */
export const SUBJECTS: Subject[] = [
  { title: "weight-bound", graph: path.join(ROOT, "test/vectors/graphs/weight-bound.onnx") },
  { title: "shipped large", graph: path.join(SHIPPED, "large.onnx") },
];

/** A temporary model folder whose manifest names the graph as the large model. */
export async function folderOf({ graph }: Subject): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), "spillway-bench-"));
  const manifest = manifestSchema.parse(JSON.parse(await readFile(path.join(SHIPPED, "manifest.json"), "utf8")));
  const file = path.basename(graph);
  await copyFile(graph, path.join(folder, file));
  const sha256 = createHash("sha256")
    .update(await readFile(graph))
    .digest("hex");
  const large = { ...manifest.cloud.large, file, sha256, bytes: (await stat(graph)).size };
  const text = JSON.stringify({ ...manifest, cloud: { ...manifest.cloud, large } });
  await writeFile(path.join(folder, "manifest.json"), text);
  return folder;
}

/** One image as the Worker sends it. */
export function imageMessage() {
  const pixels = Uint8Array.from({ length: 3072 }, (_, index) => (index * 37) % 256);
  const { body, headerBytes } = encodeRequest({ inputs: [tensorOf("image", [1, 32, 32, 3], pixels)] });
  const headers = {
    "content-type": "application/octet-stream",
    "inference-header-content-length": String(headerBytes),
  };
  return { body: Buffer.from(body), headers };
}
