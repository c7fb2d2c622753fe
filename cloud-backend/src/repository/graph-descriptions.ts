// The graphs that a model folder gives to serve, as its manifest describes them.
import { join } from "node:path";
import type { Manifest } from "@spillway/shared/schema/manifest";
import type { GraphDescription } from "../inference/graph-description.ts";
import { promisedSignature } from "../inference/signature.ts";

export interface NamedGraph {
  graph: GraphDescription;
  /** Length of its file. */
  bytes: number;
}

/** The large model; the tail joins it here once the manifest can describe one. */
export function graphDescriptions(folder: string, manifest: Manifest, version: string): NamedGraph[] {
  return [describeLarge(folder, manifest, version)];
}

function describeLarge(folder: string, { cloud, labels }: Manifest, version: string): NamedGraph {
  const { file, sha256, bytes, preprocessing, input } = cloud.large;
  const graph: GraphDescription = {
    name: "large",
    version,
    path: join(folder, file),
    sha256,
    signature: promisedSignature(cloud.large, labels.length),
    image: { preprocessing, input },
    labels,
  };
  return { graph, bytes };
}
