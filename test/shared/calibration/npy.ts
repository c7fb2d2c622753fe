// A reader for the few kinds of .npy file that the reference data comes in.
import { readFileSync } from "node:fs";

export interface NpyArray {
  data: Float64Array;
  shape: number[];
}

/** Reads a C-ordered little-endian float32, float64 or int64 array, format 1.0. */
export function readNpy(path: URL): NpyArray {
  const file = readFileSync(path);
  if (file.toString("latin1", 0, 8) !== "\x93NUMPY\x01\x00") throw new Error(`${path.pathname}: expected .npy 1.0`);
  const dataStart = 10 + file.readUInt16LE(8);
  const header = file.toString("latin1", 10, dataStart);
  const shape = /'shape': \(([\d, ]*)\)/
    .exec(header)?.[1]
    .split(",")
    .filter((text) => text.trim() !== "")
    .map(Number);
  const kind = /'descr': '(<f4|<f8|<i8)', 'fortran_order': False/.exec(header)?.[1];
  if (shape === undefined || kind === undefined) throw new Error(`${path.pathname}: cannot read ${header.trim()}`);
  const bytes = new Uint8Array(file.subarray(dataStart)).buffer;
  if (kind === "<f4") return { data: Float64Array.from(new Float32Array(bytes)), shape };
  if (kind === "<f8") return { data: new Float64Array(bytes), shape };
  return { data: Float64Array.from(new BigInt64Array(bytes), Number), shape };
}
