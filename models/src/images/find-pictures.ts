// Walks a folder for pictures: hidden names are passed over, symbolic links are not followed.
import type { Dirent } from "node:fs";
import { readdir } from "node:fs/promises";
import path from "node:path";

export interface FoundPictures {
  /** Names of the folders directly in it. */
  folders: string[];
  /** JPEG, PNG and WebP files by their name's end, as paths from the folder with "/", sorted by code unit. */
  files: string[];
  skipped: { links: number; others: number };
}

const PICTURE = /\.(jpe?g|png|webp)$/i;

/** @throws Error with one clear line that names the folder that cannot be read */
export async function findPictures(folder: string): Promise<FoundPictures> {
  const found: FoundPictures = { folders: [], files: [], skipped: { links: 0, others: 0 } };
  for (const entry of await visibleEntries(folder)) {
    if (entry.isDirectory()) {
      found.folders.push(entry.name);
      await addPictures(found, folder, entry.name);
    } else addEntry(found, entry, entry.name);
  }
  // The same order in every language and on every file system.
  found.files.sort(byCodeUnit);
  found.folders.sort(byCodeUnit);
  return found;
}

async function addPictures(found: FoundPictures, root: string, below: string): Promise<void> {
  for (const entry of await visibleEntries(path.join(root, below))) {
    const name = `${below}/${entry.name}`;
    if (entry.isDirectory()) await addPictures(found, root, name);
    else addEntry(found, entry, name);
  }
}

function addEntry({ files, skipped }: FoundPictures, entry: Dirent, name: string): void {
  if (entry.isSymbolicLink()) skipped.links++;
  else if (entry.isFile() && PICTURE.test(entry.name)) files.push(name);
  else skipped.others++;
}

async function visibleEntries(folder: string): Promise<Dirent[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch((error: Error) => {
    throw new Error(`${folder}: cannot be read (${error.message})`);
  });
  return entries.filter((entry) => !entry.name.startsWith("."));
}

function byCodeUnit(a: string, b: string): number {
  return a < b ? -1 : 1;
}
