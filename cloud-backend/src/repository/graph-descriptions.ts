// The graphs that a model folder gives to serve, as its manifest describes them.
import { join } from "node:path";
import { type CloudGraph, cloudGraphs, FRAME_INPUT, tailFeatureShape } from "@spillway/shared/schema/cloud-graphs";
import type { Manifest } from "@spillway/shared/schema/manifest";
import type { EncodedInput } from "../inference/encoded-input.ts";
import type { GraphDescription } from "../inference/graph-description.ts";

export interface NamedGraph {
  graph: GraphDescription;
  /** Length of its file. */
  bytes: number;
}

/** The large model, and the tail where there is one. */
export function graphDescriptions(folder: string, manifest: Manifest, version: string): NamedGraph[] {
  return cloudGraphs(manifest).map(({ name, file, sha256, bytes, signature }) => {
    const encoded = encodedInput(name, manifest);
    const { labels } = manifest;
    return { graph: { name, version, path: join(folder, file), sha256, signature, encoded, labels }, bytes };
  });
}

function encodedInput(name: CloudGraph["name"], manifest: Manifest): EncodedInput | null {
  const { large, tail } = manifest.cloud;
  if (name === "large") {
    const { preprocessing, input } = large;
    return { kind: "image", name: input.name, recipe: { preprocessing, input } };
  }
  if (tail === null) return null;
  return { kind: "frame", name: FRAME_INPUT, recipe: { tail, shape: tailFeatureShape(manifest) } };
}
