// A folder of its own for the files that a test writes, and the golden ones of NumPy beside the tests.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll } from "vitest";
import type { NumericArray } from "../../../models/src/arrays/array.ts";
import { encodeNpy } from "../../../models/src/arrays/npy.ts";

/** Path of a file that NumPy wrote. */
export function golden(name: string): string {
  return path.join(import.meta.dirname, "../../vectors/arrays", name);
}

/** The numbers of test/vectors/arrays.py as plain ones: k / 8 - 1, k - 2 or k. */
export function goldenNumbers(type: string, count: number): number[] {
  const counted = Array.from({ length: count }, (_, k) => k);
  if (type.startsWith("float")) return counted.map((k) => k / 8 - 1);
  return type.startsWith("int") ? counted.map((k) => k - 2) : counted;
}

/** A temporary folder, removed after the file's tests. */
export function temporaryFolder() {
  const folder = mkdtempSync(path.join(tmpdir(), "spillway-arrays-"));
  afterAll(() => rmSync(folder, { recursive: true }));
  const write = (name: string, bytes: Uint8Array | string) => {
    const file = path.join(folder, name);
    writeFileSync(file, bytes);
    return file;
  };
  return { folder, write, writeArray: (name: string, array: NumericArray) => write(name, encodeNpy(array)) };
}

/** The bytes of a .npy file with any header text, true or not. */
export function npyBytes(header: string, body: Uint8Array, version: readonly [number, number] = [1, 0]): Uint8Array {
  const text = Buffer.from(header, "latin1");
  const length = Buffer.alloc(version[0] === 1 ? 2 : 4);
  if (version[0] === 1) length.writeUInt16LE(text.length);
  else length.writeUInt32LE(text.length);
  return Buffer.concat([Buffer.from("\x93NUMPY", "latin1"), Buffer.from(version), length, text, body]);
}

/** The message of the one-line Error that a call ends in; fails where it ends otherwise. */
export async function lineOf(call: () => unknown): Promise<string> {
  try {
    await call();
  } catch (error) {
    const { name, message } = error as Error;
    if (name !== "Error" || /[\r\n]/.test(message)) throw new Error(`expected an Error of one line, got ${error}`);
    return message;
  }
  throw new Error("expected an Error, got none");
}
