// The reduced pictures that a PNG holds one after the other: seven when it is interlaced (Adam7), else one.
import type { PngHeader } from "./png-header.ts";

export interface PngPass {
  /** Pixel (column, row) of the pass is pixel (x + column * xStep, y + row * yStep) of the picture. */
  x: number;
  y: number;
  xStep: number;
  yStep: number;
  columns: number;
  rows: number;
  /** Bytes of the samples of one row, without its filter. */
  rowBytes: number;
}

const WHOLE = [[0, 0, 1, 1]] as const;
const ADAM7 = [
  [0, 0, 8, 8],
  [4, 0, 8, 8],
  [0, 4, 4, 8],
  [2, 0, 4, 4],
  [0, 2, 2, 4],
  [1, 0, 2, 2],
  [0, 1, 1, 2],
] as const;

/** In the order of the file; passes without pixels are left out, as in the file. */
export function pngPasses(header: PngHeader): PngPass[] {
  const { width, height, bitsPerSample, samplesPerPixel } = header;
  return (header.isInterlaced ? ADAM7 : WHOLE)
    .map(([x, y, xStep, yStep]) => {
      const columns = Math.ceil((width - x) / xStep);
      const rows = Math.ceil((height - y) / yStep);
      const rowBytes = Math.ceil((columns * samplesPerPixel * bitsPerSample) / 8);
      return { x, y, xStep, yStep, columns, rows, rowBytes };
    })
    .filter(({ columns, rows }) => columns > 0 && rows > 0);
}
