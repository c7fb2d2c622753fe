// Labelled images as most data sets keep them: a folder with one sub-folder per class.
import path from "node:path";
import { classIndices } from "./class-names.ts";
import { findPictures } from "./find-pictures.ts";
import type { LabelledImages } from "./labelled-images.ts";
import { readPicture } from "./read-picture.ts";

/** Names that a warning lists; the rest are counted. */
const MAX_NAMES = 5;

/**
 * The pictures in and below each class's folder, sorted by path. Only names are read here; a picture
 * is decoded when it is asked for.
 *
 * @param labels of the model, by class index
 * @param warn called with one line about each thing that was left out
 * @throws Error with one clear line for a folder that is no class, or where there is no picture
 */
export async function openClassFolders(
  folder: string,
  labels: readonly string[],
  warn: (line: string) => void = () => {},
): Promise<LabelledImages> {
  const { folders, files, skipped } = await findPictures(folder);
  if (folders.length === 0) throw new Error(`${folder}: expected a folder for each class, got none`);
  const classOf = classIndices(folders, labels, folder);
  const inClasses = files.filter((file) => file.includes("/"));
  if (inClasses.length === 0) throw new Error(`${folder}: expected JPEG, PNG or WebP files in its folders, got none`);
  const imageLabels = Int32Array.from(inClasses, (file) => classOf.get(file.slice(0, file.indexOf("/"))) as number);

  const beside = files.length - inClasses.length;
  if (beside > 0) warn(`${folder}: ${beside} pictures beside the folders have no class and are left out`);
  if (skipped.links > 0) warn(`${folder}: ${skipped.links} symbolic links are not followed`);
  if (skipped.others > 0) warn(`${folder}: ${skipped.others} files that are no JPEG, PNG or WebP are left out`);
  const present = new Set(imageLabels);
  const absent = labels.filter((_, index) => !present.has(index));
  if (absent.length > 0) warn(`${folder}: ${absent.length} of ${labels.length} classes have no image: ${list(absent)}`);

  return {
    count: inClasses.length,
    labels: imageLabels,
    name: path.basename(path.resolve(folder)),
    async read(index) {
      const file = inClasses[index];
      if (file === undefined) throw new RangeError(`index: expected 0 to ${inClasses.length - 1}, got ${index}`);
      return readPicture(path.join(folder, file));
    },
  };
}

function list(names: readonly string[]): string {
  const hidden = names.length - MAX_NAMES;
  return `${names.slice(0, MAX_NAMES).join(", ")}${hidden > 0 ? ` and ${hidden} more` : ""}`;
}
