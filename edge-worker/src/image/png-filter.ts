// Undoes the filters of a PNG's rows (PNG specification, chapter 9): each byte was stored as its
// difference from a guess made of the bytes to the left, above, and above left.
import type { PngHeader } from "./png-header.ts";
import type { PngPass } from "./png-passes.ts";

/**
 * Works in place: each row, preceded by the number of its filter, is moved over the numbers before
 * it and then unfiltered, so that the rows end up without gaps. False for an unknown filter.
 */
export function unfilter(data: Uint8Array, { rows, rowBytes }: PngPass, header: PngHeader): boolean {
  const pixelBytes = Math.max(1, (header.bitsPerSample * header.samplesPerPixel) / 8);
  for (let row = 0; row < rows; row++) {
    const stored = row * (1 + rowBytes);
    const filter = data[stored];
    const start = row * rowBytes;
    data.copyWithin(start, stored + 1, stored + 1 + rowBytes);
    const line = data.subarray(start, start + rowBytes);
    // Above the first row all bytes are zero.
    const above = row === 0 ? new Uint8Array(rowBytes) : data.subarray(start - rowBytes, start);
    if (filter === 1) addLeft(line, pixelBytes);
    else if (filter === 2) addAbove(line, above);
    else if (filter === 3) addAverage(line, above, pixelBytes);
    else if (filter === 4) addPaeth(line, above, pixelBytes);
    else if (filter !== 0) return false;
  }
  return true;
}

function addLeft(line: Uint8Array, pixelBytes: number): void {
  for (let k = pixelBytes; k < line.length; k++) line[k] += line[k - pixelBytes];
}

function addAbove(line: Uint8Array, above: Uint8Array): void {
  for (let k = 0; k < line.length; k++) line[k] += above[k];
}

function addAverage(line: Uint8Array, above: Uint8Array, pixelBytes: number): void {
  for (let k = 0; k < pixelBytes; k++) line[k] += above[k] >> 1;
  for (let k = pixelBytes; k < line.length; k++) line[k] += (line[k - pixelBytes] + above[k]) >> 1;
}

/** Adds that of left, above and above left which is nearest to left + above - above left; of equals the first. */
function addPaeth(line: Uint8Array, above: Uint8Array, pixelBytes: number): void {
  for (let k = 0; k < pixelBytes; k++) line[k] += above[k];
  for (let k = pixelBytes; k < line.length; k++) {
    const left = line[k - pixelBytes];
    const up = above[k];
    const corner = above[k - pixelBytes];
    const fromLeft = Math.abs(up - corner);
    const fromUp = Math.abs(left - corner);
    const fromCorner = Math.abs(left + up - 2 * corner);
    line[k] += fromLeft <= fromUp && fromLeft <= fromCorner ? left : fromUp <= fromCorner ? up : corner;
  }
}
