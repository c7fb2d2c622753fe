// Size, orientation and coding of a WebP (RFC 9649): a RIFF file whose first chunk is a lossy
// picture, a lossless one, or a list of features with a canvas, after which the picture follows.
import { exifOrientation } from "./exif.ts";
import { corrupt, type ImageFailure, unsupported } from "./failure.ts";
import type { PictureHeader } from "./picture-header.ts";

export interface WebpHeader extends PictureHeader {
  kind: "webp";
}

type Size = Pick<WebpHeader, "width" | "height">;

const RIFF_HEADER_BYTES = 12;
const CHUNK_HEADER_BYTES = 8;
const ANIMATION_FLAG = 0x02;
const RGBA_BYTES = 4;

export function readWebpHeader(bytes: Uint8Array): WebpHeader | ImageFailure {
  const chunks = readChunks(bytes);
  if (chunks === null) return corrupt("the WebP ends early");
  const canvas = chunks.get("VP8X");
  if (canvas !== undefined && canvas.length < 10) return corrupt("the WebP's list of features is damaged");
  if (canvas !== undefined && (canvas[0] & ANIMATION_FLAG) !== 0) {
    return unsupported("expected a still WebP, got an animated one");
  }
  const lossy = chunks.get("VP8 ");
  const lossless = chunks.get("VP8L");
  const picture = lossy ? lossySize(lossy) : lossless ? losslessSize(lossless) : null;
  if (picture === null || picture.width === 0 || picture.height === 0) {
    return corrupt("the WebP holds no picture, or the header of its picture is damaged");
  }
  if (canvas !== undefined && !fills(picture, canvas)) {
    return corrupt("the WebP's picture and canvas differ in size");
  }
  const exif = chunks.get("EXIF");
  const orientation = exif === undefined ? 1 : exifOrientation(exif);
  return { kind: "webp", ...picture, orientation, bytesPerPixel: RGBA_BYTES + workBytes(chunks) };
}

/** The first chunk of each type; null when the file is shorter than it says. */
function readChunks(bytes: Uint8Array): Map<string, Uint8Array> | null {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const fileEnd = CHUNK_HEADER_BYTES + view.getUint32(4, true);
  if (fileEnd > bytes.length) return null;
  const chunks = new Map<string, Uint8Array>();
  let at = RIFF_HEADER_BYTES;
  while (at + CHUNK_HEADER_BYTES <= fileEnd) {
    const type = String.fromCharCode(...bytes.subarray(at, at + 4));
    const start = at + CHUNK_HEADER_BYTES;
    const length = view.getUint32(at + 4, true);
    if (start + length > fileEnd) return null;
    if (!chunks.has(type)) chunks.set(type, bytes.subarray(start, start + length));
    // Chunks begin at even places.
    at = start + length + (length & 1);
  }
  return chunks;
}

/** A key frame of VP8: its tag, a start code, then 14 bits each of width and height. */
function lossySize(data: Uint8Array): Size | null {
  const isKeyFrame = data.length >= 10 && (data[0] & 1) === 0;
  if (!isKeyFrame || data[3] !== 0x9d || data[4] !== 0x01 || data[5] !== 0x2a) return null;
  return { width: ((data[7] << 8) | data[6]) & 0x3fff, height: ((data[9] << 8) | data[8]) & 0x3fff };
}

/** A signature, then 14 bits each of width and height, less one, then alpha and version. */
function losslessSize(data: Uint8Array): Size | null {
  if (data.length < 5 || data[0] !== 0x2f || data[4] >> 5 !== 0) return null;
  const width = 1 + (((data[2] & 0x3f) << 8) | data[1]);
  const height = 1 + (((data[4] & 0x0f) << 10) | (data[3] << 2) | (data[2] >> 6));
  return { width, height };
}

/** Whether the picture has the canvas's size: 24 bits each of width and height, less one. */
function fills(picture: Size, canvas: Uint8Array): boolean {
  const width = 1 + (canvas[4] | (canvas[5] << 8) | (canvas[6] << 16));
  const height = 1 + (canvas[7] | (canvas[8] << 8) | (canvas[9] << 16));
  return picture.width === width && picture.height === height;
}

/** What libwebp holds besides the pixels: a whole lossless picture, or the opacity of a lossy one. */
function workBytes(chunks: Map<string, Uint8Array>): number {
  if (!chunks.has("VP8 ")) return RGBA_BYTES;
  return chunks.has("ALPH") ? 2 : 0;
}
