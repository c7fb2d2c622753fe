// Size, orientation and sample layout of a PNG.
import type { Orientation } from "@spillway/shared/preprocess/orientation";
import { exifOrientation } from "./exif.ts";
import { corrupt, type ImageFailure, unsupported } from "./failure.ts";
import { MAX_IMAGE_CHUNKS } from "./limits.ts";
import type { PictureHeader } from "./picture-header.ts";
import { pngChunks } from "./png-chunks.ts";

/** Colour types as numbered in IHDR. */
export const COLOUR = { grey: 0, rgb: 2, palette: 3, greyAlpha: 4, rgba: 6 } as const;

export interface PngHeader extends PictureHeader {
  kind: "png";
  colourType: number;
  bitsPerSample: number;
  samplesPerPixel: number;
  isInterlaced: boolean;
  /** Channels of the decoded pixels: 4 when some may be transparent. */
  channels: 3 | 4;
  /** Whether the samples, once unfiltered, are the pixels. */
  isPlain: boolean;
}

const IHDR_BYTES = 13;
const MAX_SIDE = 0x7fffffff;

export function readPngHeader(bytes: Uint8Array): PngHeader | ImageFailure {
  let first: Uint8Array | undefined;
  let orientation: Orientation = 1;
  let hasTransparency = false;
  let count = 0;
  for (const { type, data } of pngChunks(bytes)) {
    if (++count > MAX_IMAGE_CHUNKS)
      return unsupported(`expected a PNG of at most ${MAX_IMAGE_CHUNKS} chunks, got more`);
    first ??= type === "IHDR" ? data : new Uint8Array();
    if (type === "tRNS") hasTransparency = true;
    if (type === "eXIf") orientation = exifOrientation(data);
  }
  if (first?.length !== IHDR_BYTES) return corrupt("the PNG does not begin with its size");
  return parse(first, orientation, hasTransparency);
}

function parse(data: Uint8Array, orientation: Orientation, hasTransparency: boolean): PngHeader | ImageFailure {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const width = view.getUint32(0);
  const height = view.getUint32(4);
  if (width === 0 || height === 0 || width > MAX_SIDE || height > MAX_SIDE) {
    return corrupt(`the PNG says it is ${width} x ${height} pixels`);
  }
  const [bitsPerSample, colourType, compression, filter, interlace] = data.subarray(8);
  const samplesPerPixel = countSamples(colourType, bitsPerSample);
  if (samplesPerPixel === null) {
    return corrupt(`the PNG says it has colour type ${colourType} with ${bitsPerSample} bits a sample`);
  }
  if (compression !== 0 || filter !== 0 || interlace > 1) {
    return corrupt("the PNG says it is coded in a way that does not exist");
  }
  const hasAlpha = hasTransparency || colourType === COLOUR.greyAlpha || colourType === COLOUR.rgba;
  const channels = hasAlpha ? 4 : 3;
  const isInterlaced = interlace === 1;
  const isPlain = bitsPerSample === 8 && samplesPerPixel === channels && !isInterlaced;
  // The samples, with a byte before each row, and the pixels made of them.
  const rowBytes = 1 + Math.ceil((bitsPerSample * samplesPerPixel * width) / 8);
  const bytesPerPixel = rowBytes / width + (isPlain ? 0 : channels);
  const layout = { colourType, bitsPerSample, samplesPerPixel, isInterlaced, channels, isPlain } as const;
  return { kind: "png", width, height, orientation, bytesPerPixel, ...layout };
}

/** Samples a pixel; null for a colour type that does not exist or not with so many bits. */
function countSamples(colourType: number, bitsPerSample: number): number | null {
  const isByteWise = bitsPerSample === 8 || bitsPerSample === 16;
  const isSmall = bitsPerSample === 1 || bitsPerSample === 2 || bitsPerSample === 4;
  switch (colourType) {
    case COLOUR.grey:
      return isSmall || isByteWise ? 1 : null;
    case COLOUR.palette:
      return isSmall || bitsPerSample === 8 ? 1 : null;
    case COLOUR.greyAlpha:
      return isByteWise ? 2 : null;
    case COLOUR.rgb:
      return isByteWise ? 3 : null;
    case COLOUR.rgba:
      return isByteWise ? 4 : null;
    default:
      return null;
  }
}
