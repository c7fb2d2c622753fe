// The small tail as the backend serves it.
import { copyFile, mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { GraphDescription } from "../../../cloud-backend/src/inference/graph-description.ts";
import { graphDescriptions } from "../../../cloud-backend/src/repository/graph-descriptions.ts";
import { SMALL_TAIL_FILE, withSmallTail } from "../../setup/small-tail.ts";
import { shippedManifest } from "./model-folder.ts";
import { graphBytes, type SmallGraph, smallManifest, writeModel } from "./model-folders.ts";

export async function smallTailGraph(): Promise<GraphDescription> {
  const graphs = graphDescriptions(dirname(SMALL_TAIL_FILE), await withSmallTail(await shippedManifest()), "1");
  return graphs[1].graph;
}

/** Writes a whole model folder: a large model and the small tail. */
export async function writeModelWithTail(folder: string, large: SmallGraph = "mean-colour"): Promise<string> {
  await mkdir(folder, { recursive: true });
  await copyFile(SMALL_TAIL_FILE, join(folder, "tail.onnx"));
  return writeModel(folder, large, await withSmallTail(await smallManifest(await graphBytes(large))));
}
