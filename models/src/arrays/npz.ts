// NumPy's .npz files: a zip archive of .npy files, stored or deflated, each named after its array.
import { randomUUID } from "node:crypto";
import { type FileHandle, open, rename, rm } from "node:fs/promises";
import { Uint8ArrayReader, ZipWriter } from "@zip.js/zip.js";
import type { NumericArray } from "./array.ts";
import { shown } from "./header-dict.ts";
import { encodeNpy } from "./npy.ts";
import { IN_THIS_THREAD, listMembers, readMember, SUFFIX } from "./npz-members.ts";

/** The first moment that a zip archive can name; NumPy writes it too. */
const EPOCH = new Date(1980, 0, 1);
const MAX_LISTED = 20;

/** All arrays by name, without ".npy". @throws Error with one line that names the file */
export async function readNpz(file: string): Promise<Map<string, NumericArray>> {
  const arrays = new Map<string, NumericArray>();
  for (const [name, entry] of await listMembers(file)) arrays.set(name, await readMember(file, name, entry));
  return arrays;
}

/**
 * One array; without a name, the only one there is.
 * @throws Error with one line that names the file, and the arrays that it does hold
 */
export async function readNpzArray(file: string, name?: string): Promise<NumericArray> {
  const members = await listMembers(file);
  const names = [...members.keys()];
  if (name === undefined && names.length > 1) {
    throw new Error(`${file}: expected one array, got ${names.length}; append :NAME for one of ${listed(names)}`);
  }
  const wanted = name ?? names[0];
  const entry = members.get(wanted);
  if (entry === undefined) throw new Error(`${file}: has no array ${shown(wanted)}, only ${listed(names)}`);
  return readMember(file, wanted, entry);
}

/**
 * Writes an archive that numpy.load reads, deflated. The same arrays make the same bytes; the file appears
 * whole or not at all.
 * @throws RangeError for an array or a name that cannot be read back; Error with one line when the file
 *   cannot be written
 */
export async function writeNpz(file: string, arrays: Record<string, NumericArray>): Promise<void> {
  const names = Object.keys(arrays);
  if (names.length === 0) throw new RangeError("arrays: expected at least one, got none");
  const wrong = names.find((name) => !/^[\w .-]*\w$/.test(name));
  if (wrong !== undefined) throw new RangeError(`name: expected letters, digits, "_", "-" or ".", got ${shown(wrong)}`);
  const partial = `${file}.${randomUUID()}.partial`;
  const handle = await open(partial, "wx").catch((error) => failure(error, file));
  try {
    await writeMembers(handle, arrays);
    await handle.close();
    await rename(partial, file);
  } catch (error) {
    await handle.close();
    await rm(partial, { force: true });
    failure(error as Error, file);
  }
}

async function writeMembers(handle: FileHandle, arrays: Record<string, NumericArray>): Promise<void> {
  const sink = new WritableStream<Uint8Array>({ write: (chunk) => handle.writeFile(chunk) });
  const zip = new ZipWriter(sink, { ...IN_THIS_THREAD, lastModDate: EPOCH, extendedTimestamp: false });
  for (const [name, array] of Object.entries(arrays)) {
    await zip.add(`${name}${SUFFIX}`, new Uint8ArrayReader(encodeNpy(array)));
  }
  await zip.close();
}

/** One line for a failure of the file system; any other is the caller's. */
function failure(error: NodeJS.ErrnoException, file: string): never {
  throw error.code === undefined ? error : new Error(`${file}: cannot be written (${error.code})`);
}

function listed(names: readonly string[]): string {
  const more = names.length > MAX_LISTED ? `, and ${names.length - MAX_LISTED} more` : "";
  return names.slice(0, MAX_LISTED).map(shown).join(", ") + more;
}
