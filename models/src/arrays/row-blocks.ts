// A [rows, columns] array block by block, so that a file of many gigabytes needs a few megabytes of memory.
import { isDeepStrictEqual } from "node:util";
import { type NumericArray, shapeText } from "./array.ts";
import { isArchive, readArray } from "./array-file.ts";
import { openNpyFile } from "./npy-file.ts";
import { NPY_TYPES, type NpyHeader } from "./npy-header.ts";

export interface RowBlock {
  /** Index of its first row in the whole array. */
  firstRow: number;
  rows: number;
  /** Row-major [rows, columns]; overwritten by the next block. */
  values: Float32Array | Float64Array;
}

export interface Rows {
  rows: number;
  columns: number;
  /** The reference, for messages. */
  name: string;
  /** The blocks in rising order; each call begins anew. */
  blocks(): AsyncIterable<RowBlock>;
}

/** Large enough for the disk, small enough for the processor's cache. */
export const BLOCK_BYTES = 2 ** 22;

/**
 * A .npy file of floats in C order is read as its blocks are asked for; any other kind is read whole and cut.
 * @throws Error with one line that names the file, here or at a block that cannot be read
 */
export async function openRows(reference: string): Promise<Rows> {
  const header = isArchive(reference) ? null : await readHeader(reference);
  if (header === null || header.isFortranOrder) {
    const { rows, columns, values } = floatMatrix(await readArray(reference), reference);
    return { rows, columns, name: reference, blocks: () => cutBlocks(values, rows, columns) };
  }
  const [rows, columns] = header.shape;
  return { rows, columns, name: reference, blocks: () => readBlocks(reference, header) };
}

/** A two-dimensional array of floats. @throws Error with one line that begins with the name for any other */
export function floatMatrix({ shape, data }: NumericArray, name: string) {
  checkMatrix(shape, data instanceof BigInt64Array, name);
  return { rows: shape[0], columns: shape[1], values: data as Float32Array | Float64Array };
}

/** Refuses what is no matrix of floats before any of it is read. */
async function readHeader(file: string): Promise<NpyHeader> {
  const npy = await openNpyFile(file);
  await npy.close();
  const { type, shape } = npy.header;
  checkMatrix(shape, type !== "<f4" && type !== "<f8", file);
  return npy.header;
}

function checkMatrix(shape: readonly number[], isWhole: boolean, name: string): void {
  if (shape.length !== 2) throw new Error(`${name}: expected shape (rows, columns), got ${shapeText(shape)}`);
  if (isWhole) throw new Error(`${name}: expected float32 or float64 numbers, got integers`);
}

async function* readBlocks(file: string, header: NpyHeader): AsyncGenerator<RowBlock> {
  const npy = await openNpyFile(file);
  try {
    if (!isDeepStrictEqual(npy.header, header)) throw new Error(`${file}: was replaced while it was read`);
    const [rows, columns] = header.shape;
    const { Numbers } = NPY_TYPES[header.type as "<f4" | "<f8"];
    const rowBytes = columns * Numbers.BYTES_PER_ELEMENT;
    const buffer = new Numbers(Math.min(rows, rowsOfBlock(rowBytes)) * columns);
    for (const [firstRow, count] of cuts(rows, rowBytes)) {
      const values = buffer.subarray(0, count * columns);
      const bytes = new Uint8Array(values.buffer, 0, values.byteLength);
      await npy.read(bytes, header.dataStart + firstRow * rowBytes);
      yield { firstRow, rows: count, values };
    }
  } finally {
    await npy.close();
  }
}

async function* cutBlocks(
  values: Float32Array | Float64Array,
  rows: number,
  columns: number,
): AsyncGenerator<RowBlock> {
  for (const [firstRow, count] of cuts(rows, columns * values.BYTES_PER_ELEMENT)) {
    const end = firstRow + count;
    yield { firstRow, rows: count, values: values.subarray(firstRow * columns, end * columns) };
  }
}

/** First row and number of rows of every block. */
function* cuts(rows: number, rowBytes: number): Generator<[number, number]> {
  const step = rowsOfBlock(rowBytes);
  for (let firstRow = 0; firstRow < rows; firstRow += step) yield [firstRow, Math.min(step, rows - firstRow)];
}

function rowsOfBlock(rowBytes: number): number {
  return Math.max(1, Math.floor(BLOCK_BYTES / rowBytes));
}
