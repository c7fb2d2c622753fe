// The pictures that stand for a camera's frames: of files, folders and glob patterns, in the order in which they are
// named, those of one folder or pattern by name.
import { glob, stat } from "node:fs/promises";
import path from "node:path";
import { findPictures } from "../images/find-pictures.ts";
import { UsageError } from "../usage.ts";

/** @throws UsageError with one line that names what is no picture and has none */
export async function frameFiles(places: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  for (const place of places) {
    const files = await filesAt(place);
    if (files.length === 0) throw new UsageError(`${place}: no picture there (.jpg, .jpeg, .png, .webp)`);
    found.push(...files);
  }
  return found;
}

async function filesAt(place: string): Promise<string[]> {
  const status = await stat(place).catch(() => null);
  if (status?.isFile()) return [place];
  if (status?.isDirectory()) {
    const { files } = await findPictures(place);
    return files.map((file) => path.join(place, file));
  }
  const matches = await Array.fromAsync(glob(place));
  return matches.filter((file) => /\.(jpe?g|png|webp)$/i.test(file)).sort((a, b) => (a < b ? -1 : 1));
}
