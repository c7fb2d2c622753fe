// Size, orientation and coding of a JPEG, from the segments before its first scan.
import { exifOrientation, hasExifPrefix } from "./exif.ts";
import { corrupt, type ImageFailure, unsupported } from "./failure.ts";
import { type JpegSegment, jpegSegments, MARKER } from "./jpeg-segments.ts";
import type { PictureHeader } from "./picture-header.ts";

export interface JpegHeader extends PictureHeader {
  kind: "jpeg";
}

interface Frame {
  width: number;
  height: number;
  isProgressive: boolean;
  components: number;
  /** Samples stored for each pixel: 3 without chroma subsampling, 1.5 with 4:2:0, 1 for grey. */
  samplesPerPixel: number;
}

const RGBA_BYTES = 4;
/** A picture of several scans is held as coefficients of 16 bits until its last scan is read. */
const COEFFICIENT_BYTES = 2;

export function readJpegHeader(bytes: Uint8Array): JpegHeader | ImageFailure {
  const { frameHeader, exif, scan } = readFirstSegments(bytes);
  if (scan === undefined) return corrupt("the JPEG ends, or has too many segments, before its first scan");
  if (frameHeader === undefined) return corrupt("the JPEG's first scan comes before its size");
  const frame = readFrame(frameHeader);
  if ("reason" in frame) return frame;
  const orientation = exif === undefined ? 1 : exifOrientation(exif.payload);
  const isOneScan = !frame.isProgressive && scan.payload[0] === frame.components;
  const bytesPerPixel = RGBA_BYTES + (isOneScan ? 0 : COEFFICIENT_BYTES * frame.samplesPerPixel);
  return { kind: "jpeg", width: frame.width, height: frame.height, orientation, bytesPerPixel };
}

/** The first of each kind, up to the first scan. */
function readFirstSegments(bytes: Uint8Array): { frameHeader?: JpegSegment; exif?: JpegSegment; scan?: JpegSegment } {
  const first: ReturnType<typeof readFirstSegments> = {};
  for (const segment of jpegSegments(bytes)) {
    const { marker, payload } = segment;
    if (isFrameHeader(marker)) first.frameHeader ??= segment;
    if (marker === MARKER.APP1 && hasExifPrefix(payload)) first.exif ??= segment;
    if (marker === MARKER.SOS) return { ...first, scan: segment };
  }
  return first;
}

/** SOF0 to SOF15; three codes in that range are other segments. */
function isFrameHeader(marker: number): boolean {
  const { DHT, JPG, DAC } = MARKER;
  return marker >= 0xc0 && marker <= 0xcf && marker !== DHT && marker !== JPG && marker !== DAC;
}

function readFrame({ marker, payload }: JpegSegment): Frame | ImageFailure {
  if (marker > 0xc2) return unsupported(`expected a baseline or progressive JPEG, got ${codingName(marker)}`);
  const [precision, heightHigh, heightLow, widthHigh, widthLow, components] = payload;
  if (payload.length < 6 || payload.length !== 6 + 3 * components) return corrupt("the JPEG's frame header is damaged");
  if (precision !== 8) return unsupported(`expected a JPEG of 8 bits a sample, got ${precision}`);
  if (components === 4) return unsupported("expected a JPEG in colour or grey, got CMYK");
  if (components !== 1 && components !== 3) {
    return unsupported(`expected a JPEG of 1 or 3 components, got ${components}`);
  }
  const width = (widthHigh << 8) | widthLow;
  const height = (heightHigh << 8) | heightLow;
  if (width === 0 || height === 0) return corrupt(`the JPEG says it is ${width} x ${height} pixels`);
  const samplesPerPixel = countSamples(payload.subarray(6));
  if (samplesPerPixel === null) return corrupt("the JPEG's chroma subsampling is damaged");
  return { width, height, isProgressive: marker === 0xc2, components, samplesPerPixel };
}

function codingName(marker: number): string {
  if (marker === 0xc3) return "a lossless one";
  return marker >= 0xc9 && marker <= 0xcb ? "an arithmetic-coded one" : "a hierarchical one";
}

/** Each component is three bytes, the second its sampling factors; null when one is not 1 to 4. */
function countSamples(components: Uint8Array): number | null {
  let sum = 0;
  let horizontalMax = 1;
  let verticalMax = 1;
  for (let k = 0; k < components.length; k += 3) {
    const horizontal = components[k + 1] >> 4;
    const vertical = components[k + 1] & 15;
    if (horizontal < 1 || horizontal > 4 || vertical < 1 || vertical > 4) return null;
    sum += horizontal * vertical;
    horizontalMax = Math.max(horizontalMax, horizontal);
    verticalMax = Math.max(verticalMax, vertical);
  }
  return sum / (horizontalMax * verticalMax);
}
