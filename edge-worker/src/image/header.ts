// What a picture says about itself, read from its first bytes and never from the content type.
// Nothing is decoded and nothing beyond the given bytes is read.
import type { ImageFailure } from "./failure.ts";
import { type JpegHeader, readJpegHeader } from "./jpeg-header.ts";
import { MAX_IMAGE_SIDE } from "./limits.ts";
import { type PngHeader, readPngHeader } from "./png-header.ts";
import { readSignature } from "./signature.ts";
import { readWebpHeader, type WebpHeader } from "./webp-header.ts";

export type ImageHeader = JpegHeader | PngHeader | WebpHeader;

export function readImageHeader(bytes: Uint8Array): ImageHeader | ImageFailure {
  const header = readHeader(bytes);
  if ("reason" in header || Math.max(header.width, header.height) <= MAX_IMAGE_SIDE) return header;
  const detail = `expected sides of at most ${MAX_IMAGE_SIDE} pixels, got ${header.width} x ${header.height}`;
  return { reason: "too-many-pixels", detail };
}

function readHeader(bytes: Uint8Array): ImageHeader | ImageFailure {
  const format = readSignature(bytes);
  switch (format) {
    case "JPEG":
      return readJpegHeader(bytes);
    case "PNG":
      return readPngHeader(bytes);
    case "WebP":
      return readWebpHeader(bytes);
    case null:
      return { reason: "not-an-image", detail: "expected a JPEG, PNG or WebP image, got bytes of another kind" };
    default:
      return { reason: "unsupported-image", detail: `expected a JPEG, PNG or WebP image, got ${format}` };
  }
}
