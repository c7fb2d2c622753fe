// Area-average resizing: every output pixel is the exact mean of the source rectangle it covers.
// It uses every source pixel once, so it neither aliases when shrinking nor depends on a library's
// filter; the Worker and the backend share it and agree to the bit on equal pixels.
import { finish, type Steps } from "./steps.ts";

/** Decoded pixels, rows from the top, interleaved. */
export interface Pixels {
  data: Uint8Array | Uint8ClampedArray;
  width: number;
  height: number;
  channels: 3 | 4;
}

/** Columns or rows of the source that one output column or row covers, with the weights of its two ends. */
interface Span {
  first: number;
  last: number;
  firstWeight: number;
  lastWeight: number;
}

/** The sums of one source row over the output columns, [columns, 3]. */
interface RowSums {
  row: number;
  values: Float64Array;
}

/**
 * Resizes to width x height RGB. With `cover` the largest centred rectangle of the target's aspect
 * is taken first; with `fill` the whole picture. A fourth channel is opacity: the picture is laid
 * over white. Enlarging works and gives blocks. Cost: source pixels x channels.
 *
 * @returns float64 [height, width, 3], values in [0, 255]
 * @throws RangeError when the data's length is not width x height x channels
 */
export function resizeArea(source: Pixels, width: number, height: number, fit: "fill" | "cover"): Float64Array {
  return finish(resizeAreaInSteps(source, width, height, fit));
}

/** {@link resizeArea} in steps of one output row each. */
export function* resizeAreaInSteps(
  source: Pixels,
  width: number,
  height: number,
  fit: "fill" | "cover",
): Steps<Float64Array> {
  const expected = source.width * source.height * source.channels;
  if (source.data.length !== expected || expected === 0) {
    throw new RangeError(`pixels: expected ${expected} bytes and at least one pixel, got ${source.data.length}`);
  }
  const crop = cropFor(source, width / height, fit);
  const columns = spans(crop.left, crop.width, width, source.width);
  const rows = spans(crop.top, crop.height, height, source.height);
  const output = new Float64Array(width * height * 3);
  const sums: RowSums = { row: -1, values: new Float64Array(width * 3) };
  for (const [y, row] of rows.entries()) {
    addRows(source, row, columns, sums, output.subarray(y * width * 3, (y + 1) * width * 3));
    yield;
  }
  const area = (crop.width / width) * (crop.height / height);
  for (let k = 0; k < output.length; k++) output[k] /= area;
  return output;
}

function cropFor(source: Pixels, aspect: number, fit: "fill" | "cover") {
  if (fit === "fill") return { left: 0, top: 0, width: source.width, height: source.height };
  const width = Math.min(source.width, source.height * aspect);
  const height = Math.min(source.height, source.width / aspect);
  return { left: (source.width - width) / 2, top: (source.height - height) / 2, width, height };
}

/** Cuts [start, start + length) into `count` equal parts and says which source cells each covers. */
function spans(start: number, length: number, count: number, limit: number): Span[] {
  return Array.from({ length: count }, (_, index) => {
    const from = start + (length * index) / count;
    const to = start + (length * (index + 1)) / count;
    const first = Math.min(Math.floor(from), limit - 1);
    const last = Math.max(first, Math.min(Math.ceil(to), limit) - 1);
    const firstWeight = first === last ? to - from : first + 1 - from;
    return { first, last, firstWeight, lastWeight: to - last };
  });
}

/** Adds up the source rows that one output row covers; `sums` is kept from row to row. */
function addRows(source: Pixels, rows: Span, columns: readonly Span[], sums: RowSums, target: Float64Array): void {
  for (let row = rows.first; row <= rows.last; row++) {
    // Neighbouring output rows share at most one source row.
    if (row !== sums.row) sumRow(source, row, columns, sums.values);
    sums.row = row;
    const weight = weightOf(rows, row);
    for (let k = 0; k < target.length; k++) target[k] += weight * sums.values[k];
  }
}

function weightOf(span: Span, position: number): number {
  if (position === span.first) return span.firstWeight;
  return position === span.last ? span.lastWeight : 1;
}

/** Weighted sums of one source row over each output column, [columns, 3]. */
function sumRow(source: Pixels, row: number, columns: readonly Span[], sums: Float64Array): void {
  const rowStart = row * source.width * source.channels;
  for (let x = 0; x < columns.length; x++) {
    if (!sumOpaque(source, rowStart, columns[x], sums, x * 3)) sumOverWhite(source, rowStart, columns[x], sums, x * 3);
  }
}

/** Sums one span as if nothing shone through, and says whether nothing did. This loop is the hot one. */
function sumOpaque(source: Pixels, rowStart: number, span: Span, sums: Float64Array, to: number): boolean {
  const { data, channels } = source;
  let at = rowStart + span.first * channels;
  const end = rowStart + span.last * channels;
  let red = span.firstWeight * data[at];
  let green = span.firstWeight * data[at + 1];
  let blue = span.firstWeight * data[at + 2];
  let opacity = channels === 4 ? data[at + 3] & data[end + 3] : 255;
  for (at += channels; at < end; at += channels) {
    red += data[at];
    green += data[at + 1];
    blue += data[at + 2];
    if (channels === 4) opacity &= data[at + 3];
  }
  if (span.last > span.first) {
    red += span.lastWeight * data[end];
    green += span.lastWeight * data[end + 1];
    blue += span.lastWeight * data[end + 2];
  }
  sums[to] = red;
  sums[to + 1] = green;
  sums[to + 2] = blue;
  return opacity === 255;
}

function sumOverWhite({ data, channels }: Pixels, rowStart: number, span: Span, sums: Float64Array, to: number): void {
  sums.fill(0, to, to + 3);
  for (let column = span.first; column <= span.last; column++) {
    const at = rowStart + column * channels;
    const weight = weightOf(span, column);
    for (let channel = 0; channel < 3; channel++) {
      sums[to + channel] += weight * (255 + ((data[at + channel] - 255) * data[at + 3]) / 255);
    }
  }
}
