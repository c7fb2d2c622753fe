// One array as a command line names it: "P.npy", "E.npz:exit1", or an "E.npz" that holds exactly one.
import type { NumericArray } from "./array.ts";
import { readNpy } from "./npy.ts";
import { readNpzArray } from "./npz.ts";

const MEMBER = /^(?<file>.*\.npz):(?<name>[^:/\\]+)$/is;

/** @throws Error with one line that names the file */
export async function readArray(reference: string): Promise<NumericArray> {
  const { file, name } = MEMBER.exec(reference)?.groups ?? {};
  if (file !== undefined) return readNpzArray(file, name);
  return isArchive(reference) ? readNpzArray(reference) : readNpy(reference);
}

/** Whether the reference means an array in an archive. */
export function isArchive(reference: string): boolean {
  return MEMBER.test(reference) || /\.npz$/i.test(reference);
}
