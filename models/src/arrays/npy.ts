// NumPy's .npy files: float32, float64, int64, int32 and uint8 arrays of any shape, little-endian, in C or
// Fortran order, format versions 1.0 to 3.0.
import { type NumericArray, shapeText, toRowMajor } from "./array.ts";
import { openNpyFile } from "./npy-file.ts";
import { MAGIC, NPY_TYPES, type NpyHeader, type NpyType, parseNpyHeader } from "./npy-header.ts";

/** Reads a whole array, straight into the memory it stays in. @throws Error with one line that names the file */
export async function readNpy(file: string): Promise<NumericArray> {
  const npy = await openNpyFile(file);
  try {
    const { header } = npy;
    const numbers = new NPY_TYPES[header.type].Numbers(header.count);
    await npy.read(new Uint8Array(numbers.buffer), header.dataStart);
    return toArray(header, numbers);
  } finally {
    await npy.close();
  }
}

/**
 * The array that the bytes of a .npy file hold; it may lie in `bytes`, which stay as they are from then on.
 * @param name of the file, for messages
 * @throws Error with one line that begins with the name
 */
export function parseNpy(bytes: Uint8Array, name: string): NumericArray {
  const header = parseNpyHeader(bytes, bytes.length, name);
  const { Numbers } = NPY_TYPES[header.type];
  const isAligned = (bytes.byteOffset + header.dataStart) % Numbers.BYTES_PER_ELEMENT === 0;
  // A view where the numbers lie as the platform wants them, which saves the largest arrays a copy.
  const body = isAligned ? bytes.subarray(header.dataStart) : new Uint8Array(bytes.subarray(header.dataStart));
  return toArray(header, new Numbers(body.buffer as ArrayBuffer, body.byteOffset, header.count));
}

/**
 * The bytes of a .npy file, version 1.0, C order: those that numpy.save writes.
 * @throws RangeError for an empty array, or a shape that does not hold as many numbers as there are
 */
export function encodeNpy({ shape, data }: NumericArray): Uint8Array {
  const count = shape.reduce((product, length) => product * length, 1);
  if (!shape.every((length) => Number.isInteger(length) && length > 0) || count !== data.length) {
    throw new RangeError(`shape: expected one of ${data.length} numbers, at least 1, got ${shapeText(shape)}`);
  }
  const dict = `{'descr': '${typeOf(data)}', 'fortran_order': False, 'shape': ${shapeText(shape)}, }`;
  // NumPy leaves room for the first length to grow to 21 digits, then fills up to the next multiple of 64.
  const growth = shape.length === 0 ? 0 : 21 - String(shape[0]).length;
  const dataStart = (Math.floor((10 + dict.length + growth + 1) / 64) + 1) * 64;
  const bytes = new Uint8Array(dataStart + data.byteLength);
  bytes.set([...MAGIC, 1, 0]);
  new DataView(bytes.buffer).setUint16(8, dataStart - 10, true);
  bytes.set(Buffer.from(`${dict.padEnd(dataStart - 11)}\n`, "latin1"), 10);
  bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), dataStart);
  return bytes;
}

function toArray({ shape, isFortranOrder }: NpyHeader, numbers: NumericArray["data"] | Int32Array | Uint8Array) {
  const data = isFortranOrder ? toRowMajor(numbers, shape) : numbers;
  const isNarrow = data instanceof Int32Array || data instanceof Uint8Array;
  return { shape, data: isNarrow ? BigInt64Array.from(data, BigInt) : data };
}

function typeOf(data: NumericArray["data"]): NpyType {
  if (data instanceof Float32Array) return "<f4";
  return data instanceof Float64Array ? "<f8" : "<i8";
}
