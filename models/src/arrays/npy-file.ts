// A .npy file on disk, opened with its head read and checked; its numbers are read where they are wanted.
import { open } from "node:fs/promises";
import { inputFileBytes, readExactly } from "./input-file.ts";
import { MAX_HEAD_BYTES, type NpyHeader, parseNpyHeader } from "./npy-header.ts";

export interface NpyFile {
  header: NpyHeader;
  /** Fills `into` with the file's bytes from `position` on. */
  read(into: Uint8Array, position: number): Promise<void>;
  close(): Promise<void>;
}

/** @throws Error with one line that names the file when it is missing or not one that can be read */
export async function openNpyFile(file: string): Promise<NpyFile> {
  const fileBytes = await inputFileBytes(file);
  const handle = await open(file).catch((error: NodeJS.ErrnoException) => {
    throw new Error(`${file}: cannot be read (${error.code})`);
  });
  try {
    const head = new Uint8Array(Math.min(fileBytes, MAX_HEAD_BYTES));
    await readExactly(handle, head, 0, file);
    return {
      header: parseNpyHeader(head, fileBytes, file),
      read: (into, position) => readExactly(handle, into, position, file),
      close: () => handle.close(),
    };
  } catch (error) {
    await handle.close();
    throw error;
  }
}
