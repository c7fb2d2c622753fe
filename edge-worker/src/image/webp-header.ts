// Size, orientation and coding of a WebP (RFC 9649): a RIFF file whose first chunk is the picture,
// or a list of features with a canvas, after which the picture follows. libwebp decodes the first
// picture chunk that stands in one of these two places, so that is the one whose size is read.
import { exifOrientation } from "./exif.ts";
import { corrupt, type ImageFailure, unsupported } from "./failure.ts";
import { MAX_IMAGE_CHUNKS } from "./limits.ts";
import type { PictureHeader } from "./picture-header.ts";
import { type WebpChunk, webpChunks } from "./webp-chunks.ts";

export interface WebpHeader extends PictureHeader {
  kind: "webp";
}

type Size = Pick<WebpHeader, "width" | "height">;

interface Parts {
  picture?: WebpChunk;
  canvas?: WebpChunk;
  exif?: WebpChunk;
  /** Whether the opacity of a lossy picture stands before it. */
  hasOpacity: boolean;
}

const CANVAS_BYTES = 10;
const ANIMATION_FLAG = 0x02;
const RGBA_BYTES = 4;

export function readWebpHeader(bytes: Uint8Array): WebpHeader | ImageFailure {
  const parts = readParts(bytes);
  if ("reason" in parts) return parts;
  const { picture, canvas, exif } = parts;
  if (canvas !== undefined && (canvas.data[0] & ANIMATION_FLAG) !== 0) {
    return unsupported("expected a still WebP, got an animated one");
  }
  const size = picture && (picture.type === "VP8L" ? losslessSize(picture.data) : lossySize(picture.data));
  if (picture === undefined || !size || size.width === 0 || size.height === 0) {
    return corrupt("the WebP holds no picture, or the header of its picture is damaged");
  }
  if (canvas !== undefined && !fills(size, canvas.data)) {
    return corrupt("the WebP's picture and canvas differ in size");
  }
  const orientation = exif === undefined ? 1 : exifOrientation(exif.data);
  const bytesPerPixel = RGBA_BYTES + workBytes(picture, parts.hasOpacity);
  return { kind: "webp", ...size, orientation, bytesPerPixel };
}

/** The first of each kind. A simple file ends with its picture; what follows there is ignored, as libwebp does. */
function readParts(bytes: Uint8Array): Parts | ImageFailure {
  const parts: Parts = { hasOpacity: false };
  let count = 0;
  for (const chunk of webpChunks(bytes)) {
    if (chunk === null) return corrupt("the WebP ends early");
    if (++count > MAX_IMAGE_CHUNKS)
      return unsupported(`expected a WebP of at most ${MAX_IMAGE_CHUNKS} chunks, got more`);
    if (count === 1 && isPicture(chunk)) return { ...parts, picture: chunk };
    const failure = count === 1 ? beginExtended(parts, chunk) : addPart(parts, chunk);
    if (failure !== null) return failure;
  }
  return parts;
}

/** libwebp takes a first chunk of another type for the data of a picture without a header. */
function beginExtended(parts: Parts, chunk: WebpChunk): ImageFailure | null {
  if (chunk.type !== "VP8X") return corrupt("the WebP begins neither with a picture nor with a list of features");
  if (chunk.data.length !== CANVAS_BYTES) return corrupt("the WebP's list of features is damaged");
  parts.canvas = chunk;
  return null;
}

function addPart(parts: Parts, chunk: WebpChunk): ImageFailure | null {
  if (isPicture(chunk)) {
    if (parts.picture !== undefined) return corrupt("the WebP holds more than one picture");
    parts.picture = chunk;
  }
  if (chunk.type === "ALPH" && parts.picture === undefined) parts.hasOpacity = true;
  if (chunk.type === "EXIF") parts.exif ??= chunk;
  return null;
}

function isPicture({ type }: WebpChunk): boolean {
  return type === "VP8 " || type === "VP8L";
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

/**
 * What libwebp holds besides the pixels: a whole lossless picture. Opacity states no size of its own
 * but may be coded as such a picture, of the size of the lossy one, from which a plane of bytes is made.
 */
function workBytes(picture: WebpChunk, hasOpacity: boolean): number {
  if (picture.type === "VP8L") return RGBA_BYTES;
  return hasOpacity ? RGBA_BYTES + 1 : 0;
}
