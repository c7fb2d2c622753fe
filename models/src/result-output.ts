// What every command does with its result: JSON on stdout when asked for, a text for people otherwise,
// and a file besides.
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { access, constants, rename, rm, stat, writeFile } from "node:fs/promises";
import path from "node:path";

export interface OutputFlags {
  json?: boolean | undefined;
  out?: string | undefined;
}

/** Flags of {@link OutputFlags} for parseFlags. */
export const OUTPUT_FLAGS = {
  json: { type: "boolean", default: false },
  out: { type: "string" },
} as const;

export async function reportResult(result: object, { json, out }: OutputFlags, text: string): Promise<void> {
  if (out !== undefined) await writeWhole(out, `${JSON.stringify(result, null, 2)}\n`);
  await print(json ? `${JSON.stringify(result)}\n` : text);
}

/**
 * Writes beside the file, then renames: nobody reads half of it, and a full disk spares the old one. The name beside
 * it is no other run's.
 * @throws Error with one line that names the file when it cannot be written
 */
export async function writeWhole(file: string, content: string | Uint8Array): Promise<void> {
  const partial = `${file}.${randomUUID()}.partial`;
  try {
    await writeFile(partial, content, { flag: "wx" });
    await rename(partial, file);
  } catch (error) {
    // What kept it from being written may keep it from being removed; the first failure is the one to name.
    await rm(partial, { force: true }).catch(() => {});
    throw notWritable(file, error);
  }
}

/**
 * For a command that takes minutes or changes something before it writes what it did.
 * @throws Error with one line that names the file when {@link writeWhole} could not write it now
 */
export async function expectWritable(file: string | undefined): Promise<void> {
  if (file === undefined) return;
  try {
    // The dot asks for a folder: a file of that name is none.
    await access(`${path.dirname(path.resolve(file))}/.`, constants.W_OK);
  } catch (error) {
    throw notWritable(file, error);
  }
  const status = await stat(file).catch(() => null);
  if (status?.isDirectory()) throw notWritable(file, { code: "EISDIR" });
}

/** One line on stderr, beside the result. */
export function note(line: string): void {
  process.stderr.write(`${line.replaceAll("\n", " ")}\n`);
}

/** Writes to stdout no faster than it is read. */
export async function print(text: string): Promise<void> {
  if (!process.stdout.write(text)) await once(process.stdout, "drain");
}

function notWritable(file: string, error: unknown): Error {
  return new Error(`${file}: cannot be written (${(error as NodeJS.ErrnoException).code})`);
}
