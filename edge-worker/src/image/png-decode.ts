// Decodes PNG with the runtime's own zlib. The jSquash decoder (Rust in WebAssembly) panics on bad
// data, leaks its picture then and cannot be instantiated afresh; it ignores checksums, and took
// three times the memory and twice the time for RGB.
/// <reference path="./zlib.d.ts" />
import { crc32, inflateSync } from "node:zlib";
import type { Pixels } from "@spillway/shared/preprocess/resize-area";
import { corrupt, type ImageFailure } from "./failure.ts";
import { pngChunks } from "./png-chunks.ts";
import { unfilter } from "./png-filter.ts";
import { COLOUR, type PngHeader } from "./png-header.ts";
import { type PngColours, paintPass } from "./png-paint.ts";
import { pngPasses } from "./png-passes.ts";

export function decodePng(bytes: Uint8Array, header: PngHeader): Pixels | ImageFailure {
  const { width, height, channels, isPlain } = header;
  const parts = readParts(bytes);
  if ("reason" in parts) return parts;
  if (!hasWholeTransparency(header, parts)) return corrupt("the transparent colour of the PNG is damaged");
  const passes = pngPasses(header);
  const storedBytes = passes.reduce((sum, { rows, rowBytes }) => sum + rows * (1 + rowBytes), 0);
  const samples = inflate(parts.data, storedBytes);
  if (samples === null) return corrupt("the data of the PNG is damaged or incomplete");
  const pixelBytes = width * height * channels;
  const data = isPlain ? samples.subarray(0, pixelBytes) : new Uint8Array(pixelBytes);
  let at = 0;
  for (const pass of passes) {
    const end = at + pass.rows * (1 + pass.rowBytes);
    const rows = samples.subarray(at, end);
    at = end;
    if (!unfilter(rows, pass, header)) return corrupt("a row of the PNG has an unknown filter");
    if (isPlain) continue;
    if (!paintPass(rows, pass, header, parts, data)) return corrupt("the PNG uses a colour that its palette lacks");
  }
  return { data, width, height, channels };
}

/** The compressed samples and the colours. Checksums are verified where damage would change the picture. */
function readParts(bytes: Uint8Array): (PngColours & { data: Uint8Array }) | ImageFailure {
  let palette: Uint8Array = new Uint8Array();
  let transparency: Uint8Array | null = null;
  const data = new Uint8Array(bytes.length);
  let dataBytes = 0;
  for (const { type, data: content, checked, checksum } of pngChunks(bytes)) {
    // Types that begin with a capital are those without which there is no picture.
    const isUsed = type === "tRNS" || /^[A-Z]/.test(type);
    if (isUsed && crc32(checked) !== checksum) return corrupt(`a ${type} chunk of the PNG does not match its checksum`);
    if (type === "PLTE") palette = content;
    if (type === "tRNS") transparency = content;
    if (type === "IDAT") {
      data.set(content, dataBytes);
      dataBytes += content.length;
    }
  }
  return { palette, transparency, data: data.subarray(0, dataBytes) };
}

/** A grey or coloured picture names one transparent colour, 16 bits a sample. */
function hasWholeTransparency({ colourType }: PngHeader, { transparency }: PngColours): boolean {
  const neededBytes = colourType === COLOUR.grey ? 2 : colourType === COLOUR.rgb ? 6 : 0;
  return transparency === null || transparency.length >= neededBytes;
}

/** Exactly `length` bytes, or null when the data is damaged or holds fewer or more. */
function inflate(data: Uint8Array, length: number): Uint8Array | null {
  try {
    // One chunk with room for one byte more: the output is never copied.
    const inflated = inflateSync(data, { chunkSize: Math.max(64, length + 1), maxOutputLength: length });
    return inflated.length === length ? inflated : null;
  } catch {
    return null;
  }
}
