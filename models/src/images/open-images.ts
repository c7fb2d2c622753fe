// Finds out in which of the two forms labelled images come.
import { stat } from "node:fs/promises";
import type { Manifest } from "@spillway/shared/schema/manifest";
import { openClassFolders } from "./class-folders.ts";
import type { LabelledImages } from "./labelled-images.ts";
import { readMosaic } from "./mosaic.ts";

/**
 * A folder is taken for one sub-folder per class, a file for a mosaic of tiles of the edge's size.
 *
 * @param warn called with one line about each thing that was left out
 * @throws Error with one clear line when there is nothing, or nothing usable
 */
export async function openImages(
  source: string,
  { labels, edge }: Pick<Manifest, "labels" | "edge">,
  warn: (line: string) => void = () => {},
): Promise<LabelledImages> {
  const status = await stat(source).catch((error: Error) => {
    throw new Error(`${source}: cannot be read (${error.message})`);
  });
  if (status.isDirectory()) return openClassFolders(source, labels, warn);
  return readMosaic(source, edge.preprocessing, labels.length);
}
