// The small tail as the backend serves it.
import { dirname } from "node:path";
import type { Manifest } from "@spillway/shared/schema/manifest";
import type { GraphDescription } from "../../../cloud-backend/src/inference/graph-description.ts";
import { graphDescriptions } from "../../../cloud-backend/src/repository/graph-descriptions.ts";
import { SMALL_TAIL_FILE, withSmallTail } from "../../setup/small-tail.ts";
import { shippedManifest } from "./model-folder.ts";

export async function smallTailGraph(): Promise<GraphDescription> {
  const manifest: Manifest = await withSmallTail(await shippedManifest());
  const graphs = graphDescriptions(dirname(SMALL_TAIL_FILE), manifest, "1");
  return graphs[1].graph;
}
