// Bytes that the Worker takes to decode a picture: a progressive JPEG, a WebP or a PNG of 16 bits
// may be refused there although its pixels are few enough. The same arithmetic as the Worker's, by
// which it refuses before it decodes; a test holds the two together.
import { type JpegFrame, readJpegFrame } from "./jpeg-frame.ts";

/** To which the Worker's memory may grow for one picture. */
export const MAX_WORKER_BYTES = 96_000_000;

export interface PictureSize {
  width: number;
  height: number;
  hasAlpha: boolean;
}

const RGBA_BYTES = 4;
/** A JPEG of several scans is held as coefficients of 16 bits until its last scan is read. */
const COEFFICIENT_BYTES = 2;
/** What a decoder of JPEG or WebP takes for itself. */
const CODEC_BYTES = 2_000_000;
/** Samples of a PNG's pixel by colour type: grey, RGB, palette, grey with opacity, RGBA. */
const PNG_SAMPLES: Readonly<Record<number, number>> = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 };

/** @param bytes a JPEG, PNG or WebP whose header was read: what is damaged is not noticed here */
export function workerBytes(bytes: Uint8Array, size: PictureSize): number {
  const pixelCount = size.width * size.height;
  if (bytes[0] === 0x89) return pixelCount * pngPixelBytes(bytes, size) + bytes.length;
  const frame = bytes[0] === 0xff ? readJpegFrame(bytes) : null;
  const workBytes = frame === null ? webpWorkBytes(bytes) : jpegWorkBytes(frame);
  // The file is copied in, and once more inside.
  return pixelCount * (RGBA_BYTES + workBytes) + 2 * bytes.length + CODEC_BYTES;
}

function jpegWorkBytes({ isOneScan, samplesPerPixel }: JpegFrame): number {
  return isOneScan ? 0 : COEFFICIENT_BYTES * samplesPerPixel;
}

/** Samples with a byte before each row, and the pixels made of them where those are not the samples. */
function pngPixelBytes(bytes: Uint8Array, { width, hasAlpha }: PictureSize): number {
  const [bitsPerSample, colourType, , , interlace] = bytes.subarray(24, 29);
  const samples = PNG_SAMPLES[colourType];
  const channels = hasAlpha ? 4 : 3;
  const rowBytes = 1 + Math.ceil((bitsPerSample * samples * width) / 8);
  const isPlain = bitsPerSample === 8 && samples === channels && interlace === 0;
  return rowBytes / width + (isPlain ? 0 : channels);
}

/** A lossless picture is held a second time; opacity before a lossy one may be coded as such, and becomes a plane. */
function webpWorkBytes(bytes: Uint8Array): number {
  let hasOpacity = false;
  for (const type of webpChunkTypes(bytes)) {
    if (type === "VP8L") return RGBA_BYTES;
    if (type === "VP8 ") break;
    if (type === "ALPH") hasOpacity = true;
  }
  return hasOpacity ? RGBA_BYTES + 1 : 0;
}

function* webpChunkTypes(bytes: Uint8Array): Generator<string, void> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 12;
  while (at + 8 <= bytes.length) {
    yield String.fromCharCode(...bytes.subarray(at, at + 4));
    const length = view.getUint32(at + 4, true);
    // Chunks begin at even places.
    at += 8 + length + (length & 1);
  }
}
