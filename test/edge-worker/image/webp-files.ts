// Builds WebP files out of chunks, also such as no encoder writes.

/** A chunk with its type, its length and, after an odd number of bytes, padding. */
export function chunk(type: string, data: number[] = [], length: number = data.length): number[] {
  return [...ascii(type), ...littleEndian(length, 4), ...data, ...(data.length % 2 === 1 ? [0] : [])];
}

/** @param riffBytes what the file says about its length; all of it when left out */
export function webpFile(chunks: number[][], riffBytes?: number): Uint8Array {
  const body = chunks.flat();
  return Uint8Array.from([
    ...ascii("RIFF"),
    ...littleEndian(riffBytes ?? 4 + body.length, 4),
    ...ascii("WEBP"),
    ...body,
  ]);
}

/** Five codes (green, red, blue, opacity, distance) with a single symbol each, so that a pixel takes no bits. */
const EMPTY_CODES = "1000 1000 1000 1000 1000";
/** A code of 8 bits for each of the first 256 symbols. */
const CODE_OF_BYTES = `0 0001 ${"000".repeat(11)} 100 1 110 01111111`;

/** A whole lossless picture of a single colour, of any size in a few bytes: no transform, no cache, one group of codes. */
export function lossless(width: number, height: number): number[] {
  return losslessChunk(width, height, `0 0 0 ${EMPTY_CODES}`);
}

/**
 * A whole lossless picture of 1024 x 1024 pixels in 295 kB, in which every 4 x 4 pixels have a group
 * of codes of their own. libwebp makes room for the tables of all 65,536 groups: 800 MB.
 */
export function losslessOfManyGroups(): number[] {
  const bits = (byte: number) => byte.toString(2).padStart(8, "0");
  const numbers = Array.from({ length: 65_536 }, (_, k) => bits(k & 255) + bits(k >> 8)).join("");
  const groupImage = `0 ${CODE_OF_BYTES} ${CODE_OF_BYTES} 1000 1000 1000 ${numbers}`;
  return losslessChunk(1024, 1024, `0 0 1 000 ${groupImage} ${EMPTY_CODES.repeat(65_536)}`);
}

function losslessChunk(width: number, height: number, bits: string): number[] {
  const size = littleEndian((width - 1) | ((height - 1) << 14), 4);
  return chunk("VP8L", [0x2f, ...size, ...packBits(bits), 0, 0, 0, 0, 0, 0, 0, 0]);
}

/** The first of the bits is the lowest of the first byte. */
function packBits(bits: string): number[] {
  const digits = bits.replaceAll(" ", "");
  const bytes = new Array<number>(Math.ceil(digits.length / 8)).fill(0);
  for (let k = 0; k < digits.length; k++) bytes[k >> 3] |= Number(digits[k]) << (k & 7);
  return bytes;
}

/** The beginning of a lossy picture: a key frame that is shown, of a first partition without data. */
export function lossy(width: number, height: number): number[] {
  return chunk("VP8 ", [0x10, 0, 0, 0x9d, 0x01, 0x2a, ...littleEndian(width, 2), ...littleEndian(height, 2), 0, 0]);
}

export function canvas(width: number, height: number, flags = 0): number[] {
  return chunk("VP8X", [flags, 0, 0, 0, ...littleEndian(width - 1, 3), ...littleEndian(height - 1, 3)]);
}

function ascii(text: string): number[] {
  return [...text].map((character) => character.charCodeAt(0));
}

function littleEndian(value: number, length: number): number[] {
  return Array.from({ length }, (_, k) => (value >>> (8 * k)) & 255);
}
