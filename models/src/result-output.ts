// What every command does with its result: JSON on stdout when asked for, a text for people otherwise,
// and a file besides.
import { once } from "node:events";
import { rename, rm, writeFile } from "node:fs/promises";

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
 * Writes beside the file, then renames: nobody reads half of it, and a full disk spares the old one.
 * @throws Error with one line that names the file when it cannot be written
 */
export async function writeWhole(file: string, content: string | Uint8Array): Promise<void> {
  const partial = `${file}.partial`;
  try {
    await writeFile(partial, content);
    await rename(partial, file);
  } catch (error) {
    await rm(partial, { force: true });
    throw new Error(`${file}: cannot be written (${(error as NodeJS.ErrnoException).code})`);
  }
}

/** Writes to stdout no faster than it is read. */
export async function print(text: string): Promise<void> {
  if (!process.stdout.write(text)) await once(process.stdout, "drain");
}
