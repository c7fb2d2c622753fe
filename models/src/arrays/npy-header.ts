// The head of a .npy file: magic, version, and a dict that names type, order and shape; all of it checked
// against the file's size before anything is allocated.
// https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
import { shapeText } from "./array.ts";
import { parseHeaderDict, shown } from "./header-dict.ts";

/** The types that are read, and how their numbers lie in memory: every platform we run on is little-endian. */
export const NPY_TYPES = {
  "<f4": { name: "float32", Numbers: Float32Array },
  "<f8": { name: "float64", Numbers: Float64Array },
  "<i8": { name: "int64", Numbers: BigInt64Array },
  "<i4": { name: "int32", Numbers: Int32Array },
  "|u1": { name: "uint8", Numbers: Uint8Array },
} as const;

export type NpyType = keyof typeof NPY_TYPES;

export interface NpyHeader {
  type: NpyType;
  isFortranOrder: boolean;
  shape: number[];
  /** Numbers in the array, at least 1. */
  count: number;
  /** Where the numbers begin; they reach to the end of the file. */
  dataStart: number;
}

export const MAGIC = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59];
const MAX_HEADER_BYTES = 65_535;
/** So much of a file holds every head that is read: NumPy's own are 128 bytes, or a few hundred. */
export const MAX_HEAD_BYTES = 12 + MAX_HEADER_BYTES;

/**
 * @param head the first bytes of the file: {@link MAX_HEAD_BYTES}, or all there are
 * @param fileBytes size of the whole file
 * @param name of the file, for messages
 * @throws Error with one line that begins with the name
 */
export function parseNpyHeader(head: Uint8Array, fileBytes: number, name: string): NpyHeader {
  const textStart = checkPrefix(head, name);
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  const length = textStart === 10 ? view.getUint16(8, true) : view.getUint32(8, true);
  const dataStart = textStart + length;
  if (dataStart > fileBytes) {
    throw new Error(`${name}: header of ${length} bytes reaches past the end of the file (${fileBytes} bytes)`);
  }
  if (length > MAX_HEADER_BYTES) {
    throw new Error(`${name}: expected a header of at most ${MAX_HEADER_BYTES} bytes, got ${length}`);
  }
  // Only structured types, which are refused, have names beyond ASCII: Latin-1 reads version 3.0 as well.
  const text = Buffer.from(head.buffer, head.byteOffset + textStart, length).toString("latin1");
  const { descr, isFortranOrder, shape } = parseHeaderDict(text, name);
  const type = checkType(descr, name);
  return { type, isFortranOrder, shape, count: checkCount(shape, type, fileBytes - dataStart, name), dataStart };
}

/** Checks magic and version. @returns where the dict begins */
function checkPrefix(head: Uint8Array, name: string): number {
  if (!MAGIC.every((byte, index) => head[index] === byte)) {
    const got = head.length === 0 ? "an empty file" : `bytes ${Buffer.from(head.subarray(0, 6)).toString("hex")}`;
    throw new Error(`${name}: expected a .npy array, which begins with bytes 934e554d5059, got ${got}`);
  }
  const [major, minor] = head.subarray(6, 8);
  const textStart = major === 1 ? 10 : 12;
  if (head.length < textStart)
    throw new Error(`${name}: is cut short: expected ${textStart} bytes, got ${head.length}`);
  if (![1, 2, 3].includes(major) || minor !== 0) {
    throw new Error(`${name}: expected .npy version 1.0, 2.0 or 3.0, got ${major}.${minor}`);
  }
  return textStart;
}

function checkType(descr: string, name: string): NpyType {
  if (Object.hasOwn(NPY_TYPES, descr)) return descr as NpyType;
  if (/^\|?O/.test(descr)) throw new Error(`${name}: expected plain numbers, got pickled Python objects (dtype "|O")`);
  if (descr.startsWith(">")) throw new Error(`${name}: expected little-endian numbers, got dtype ${shown(descr)}`);
  const known = Object.values(NPY_TYPES).map((type) => type.name);
  throw new Error(`${name}: expected a dtype of ${known.join(", ")}, got ${shown(descr)}`);
}

function checkCount(shape: readonly number[], type: NpyType, bodyBytes: number, name: string): number {
  const count = shape.reduce((product, length) => product * length, 1);
  const { name: typeName, Numbers } = NPY_TYPES[type];
  const expected = count * Numbers.BYTES_PER_ELEMENT;
  if (shape.includes(0)) throw new Error(`${name}: expected numbers, got an empty array of shape ${shapeText(shape)}`);
  if (!Number.isSafeInteger(expected)) {
    throw new Error(`${name}: expected a shape that a file can hold, got ${shown(shapeText(shape))}`);
  }
  if (expected !== bodyBytes) {
    const problem = bodyBytes < expected ? "is cut short" : "has bytes beyond its end";
    const wanted = `${expected} bytes for ${shapeText(shape)} of ${typeName}`;
    throw new Error(`${name}: ${problem}: expected ${wanted}, got ${bodyBytes}`);
  }
  return count;
}
