// A PNG encoder for test pictures of any depth, colour type and interlacing: it varies the filter
// from row to row, which encoders for real pictures do not promise. Written apart from the decoder.
import { crc32, deflateSync } from "node:zlib";

export interface PngPicture {
  width: number;
  height: number;
  colourType: 0 | 2 | 3 | 4 | 6;
  bits: 1 | 2 | 4 | 8 | 16;
  interlaced: boolean;
  /** Samples of a pixel, each below 2 ** bits. */
  pixel(x: number, y: number): number[];
  palette?: Uint8Array;
  transparency?: Uint8Array;
}

export const PNG_SIGNATURE = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a);

export function encodePng(picture: PngPicture): Uint8Array {
  const { width, height, colourType, bits, interlaced, palette, transparency } = picture;
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([bits, colourType, 0, 0, interlaced ? 1 : 0], 8);
  return Buffer.concat([
    PNG_SIGNATURE,
    pngChunk("IHDR", header),
    ...(palette ? [pngChunk("PLTE", palette)] : []),
    ...(transparency ? [pngChunk("tRNS", transparency)] : []),
    // In several chunks, as large files have it.
    ...inPieces(deflateSync(filteredRows(picture)), 200).map((piece) => pngChunk("IDAT", piece)),
    pngChunk("IEND", new Uint8Array()),
  ]);
}

export function pngChunk(type: string, data: Uint8Array): Buffer {
  const chunk = Buffer.alloc(12 + data.length);
  chunk.writeUInt32BE(data.length, 0);
  chunk.write(type, 4, "latin1");
  chunk.set(data, 8);
  chunk.writeUInt32BE(crc32(chunk.subarray(4, 8 + data.length)), 8 + data.length);
  return chunk;
}

function inPieces(data: Uint8Array, length: number): Uint8Array[] {
  return Array.from({ length: Math.ceil(data.length / length) }, (_, k) => data.subarray(k * length, (k + 1) * length));
}

function filteredRows(picture: PngPicture): Uint8Array {
  const lines: number[] = [];
  for (const { xs, ys } of passes(picture)) {
    let above: number[] | undefined;
    for (const y of ys) {
      const line = packed(
        xs.flatMap((x) => picture.pixel(x, y)),
        picture.bits,
      );
      const filter = (y + xs.length) % 5;
      lines.push(filter, ...filtered(line, above ?? line.map(() => 0), filter, bytesPerPixel(picture)));
      above = line;
    }
  }
  return Uint8Array.from(lines);
}

function bytesPerPixel(picture: PngPicture): number {
  return Math.max(1, (picture.pixel(0, 0).length * picture.bits) / 8);
}

/** Pass of each pixel of an 8 x 8 tile, as drawn in the specification. */
const ADAM7 = ["16462646", "77777777", "56565656", "77777777", "36463646", "77777777", "56565656", "77777777"];

function passes({ width, height, interlaced }: PngPicture): { xs: number[]; ys: number[] }[] {
  const columns = Array.from({ length: width }, (_, x) => x);
  const rows = Array.from({ length: height }, (_, y) => y);
  if (!interlaced) return [{ xs: columns, ys: rows }];
  return ["1", "2", "3", "4", "5", "6", "7"]
    .map((pass) => ({
      xs: columns.filter((x) => ADAM7.some((line) => line[x % 8] === pass)),
      ys: rows.filter((y) => ADAM7[y % 8].includes(pass)),
    }))
    .filter(({ xs, ys }) => xs.length > 0 && ys.length > 0);
}

function packed(samples: number[], bits: number): number[] {
  const text = samples.map((sample) => sample.toString(2).padStart(bits, "0")).join("");
  return (text.match(/.{1,8}/g) ?? []).map((byte) => Number.parseInt(byte.padEnd(8, "0"), 2));
}

function filtered(line: number[], above: number[], filter: number, step: number): number[] {
  return line.map((value, k) => {
    const left = line[k - step] ?? 0;
    const corner = above[k - step] ?? 0;
    const guesses = [0, left, above[k], Math.floor((left + above[k]) / 2), paeth(left, above[k], corner)];
    return (value - guesses[filter]) & 255;
  });
}

function paeth(left: number, up: number, corner: number): number {
  const guess = left + up - corner;
  return [left, up, corner].reduce((best, value) => (Math.abs(guess - value) < Math.abs(guess - best) ? value : best));
}
