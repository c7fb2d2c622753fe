// The members of a .npz archive: read from the disk as they are asked for, so that the archive is never held
// beside its arrays.
import { openAsBlob } from "node:fs";
import { BlobReader, type FileEntry, Uint8ArrayWriter, ZipReader } from "@zip.js/zip.js";
import type { NumericArray } from "./array.ts";
import { shown } from "./header-dict.ts";
import { inputFileBytes } from "./input-file.ts";
import { parseNpy } from "./npy.ts";

export const SUFFIX = ".npy";
export const IN_THIS_THREAD = { useWebWorkers: false } as const;

/** Deflate cannot do better than 258 bytes in two bits, plus what surrounds them. */
const MAX_INFLATION = 1032;
const FRAME_BYTES = 1024;

/** By name, without ".npy". @throws Error with one line that names the file */
export async function listMembers(file: string): Promise<Map<string, FileEntry>> {
  await inputFileBytes(file);
  const entries = await openAsBlob(file)
    .then((blob) => new ZipReader(new BlobReader(blob), IN_THIS_THREAD).getEntries())
    .catch((error: Error) => {
      throw new Error(`${file}: is no .npz archive, or a damaged one (${error.message})`);
    });
  const members = new Map<string, FileEntry>();
  for (const entry of entries) {
    if (entry.directory) continue;
    const name = entry.filename.endsWith(SUFFIX) ? entry.filename.slice(0, -SUFFIX.length) : entry.filename;
    if (members.has(name)) throw new Error(`${file}: has two arrays ${shown(name)}`);
    members.set(name, entry);
  }
  if (members.size === 0) throw new Error(`${file}: expected arrays, got an empty archive`);
  return members;
}

/** @throws Error with one line that names file and member */
export async function readMember(file: string, name: string, entry: FileEntry): Promise<NumericArray> {
  const place = `${file}:${/^[ -~]+$/.test(name) ? name : shown(name)}`;
  const { uncompressedSize, compressedSize } = entry;
  // Memory for the declared size is taken at once, so a damaged or hostile size ends here.
  if (uncompressedSize > compressedSize * MAX_INFLATION + FRAME_BYTES) {
    throw new Error(`${place}: is damaged: ${compressedSize} bytes cannot inflate to ${uncompressedSize}`);
  }
  const bytes = await entry
    .getData(new Uint8ArrayWriter(), { ...IN_THIS_THREAD, checkCrc32: true })
    .catch((error: Error) => {
      throw new Error(`${place}: is damaged or not readable (${error.message})`);
    });
  return parseNpy(bytes, place);
}
