// The model that the tests serve: the one the repository ships.
import { fileURLToPath } from "node:url";
import type { Manifest } from "@spillway/shared/schema/manifest";
import { readManifest } from "../../../cloud-backend/src/repository/model-folder.ts";

export const modelFolder =
  process.env.SPILLWAY_TEST_MODEL ?? fileURLToPath(new URL("../../../models/cifar100", import.meta.url));

export async function shippedManifest(): Promise<Manifest> {
  const manifest = await readManifest(modelFolder);
  if (!manifest.ok) throw new Error(manifest.error);
  return manifest.value;
}

/** The first edge stage served as if it were the large model: FP32 NCHW in, two outputs. */
export async function floatManifest(): Promise<Manifest> {
  const manifest = await shippedManifest();
  const { preprocessing, input, stages } = manifest.edge;
  const { file, sha256, bytes, logits, multiplyAdds, parameters } = stages[0];
  const large = { file, sha256, bytes, logits, multiplyAdds, parameters, preprocessing, input };
  return { ...manifest, cloud: { ...manifest.cloud, large } };
}
