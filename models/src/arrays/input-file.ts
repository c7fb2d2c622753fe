// Files that a command was given, opened with failures of one line.
import { type FileHandle, stat } from "node:fs/promises";

/** The file's size. @throws Error with one line that names it when it is missing or no plain file */
export async function inputFileBytes(file: string): Promise<number> {
  const found = await stat(file).catch((error: NodeJS.ErrnoException) => {
    const isMissing = error.code === "ENOENT" || error.code === "ENOTDIR";
    throw new Error(isMissing ? `${file}: no such file` : `${file}: cannot be read (${error.code})`);
  });
  if (found.isDirectory()) throw new Error(`${file}: expected a file, got a directory`);
  if (!found.isFile()) throw new Error(`${file}: expected a plain file, got a pipe or device`);
  return found.size;
}

/** Fills `into` from `position` on. @throws Error with one line when the file ends before */
export async function readExactly(handle: FileHandle, into: Uint8Array, position: number, file: string): Promise<void> {
  let done = 0;
  while (done < into.length) {
    // One read of Node is at most 2 GiB.
    const length = Math.min(into.length - done, 2 ** 30);
    const { bytesRead } = await handle.read(into, done, length, position + done);
    if (bytesRead === 0) {
      throw new Error(`${file}: is cut short: expected ${into.length} bytes from ${position} on, got ${done}`);
    }
    done += bytesRead;
  }
}
