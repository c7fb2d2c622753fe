// Pictures of made-up pixels in a folder of their own.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import sharp from "sharp";
import { afterAll } from "vitest";

/** A temporary folder, removed after the file's tests. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(path.join(tmpdir(), "spillway-images-"));
  afterAll(() => rmSync(folder, { recursive: true }));
  return folder;
}

/** Writes bytes, making the folders on the way. */
export function writeAt(root: string, name: string, bytes: Uint8Array | string): string {
  const file = path.join(root, name);
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, bytes);
  return file;
}

/** Raw pixels as a sharp pipeline, to be encoded. */
export function pictureOf(data: Uint8Array, width: number, height: number, channels: 3 | 4 = 3) {
  return sharp(data, { raw: { width, height, channels } });
}

/** Seeded noise with values in 0 .. 255. */
export function noise(length: number, seed = 1): Uint8Array {
  let state = seed >>> 0;
  return Uint8Array.from({ length }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state >>> 24;
  });
}
