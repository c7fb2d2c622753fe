// Damage of a JPEG that its decoder would cover up. MozJPEG fills in what is missing and only
// warns; a picture with invented parts would be classified wrongly, so it is refused.
import { corrupt, type ImageFailure, unsupported } from "./failure.ts";
import { jpegSegments, MARKER } from "./jpeg-segments.ts";
import { MAX_JPEG_SCANS } from "./limits.ts";

/** Refuses a JPEG that ends early or has more scans than any encoder writes. What follows the end is not looked at. */
export function checkJpegScans(bytes: Uint8Array): ImageFailure | null {
  let scans = 0;
  for (const { marker } of jpegSegments(bytes)) {
    if (marker === MARKER.EOI) return null;
    if (marker === MARKER.SOS) scans++;
    if (scans > MAX_JPEG_SCANS) return unsupported(`expected a JPEG of at most ${MAX_JPEG_SCANS} scans, got more`);
  }
  return corrupt("the JPEG ends early or has too many segments");
}

/**
 * Whether a line from the decoder tells of missing or undecodable data. Its commonest line does
 * not: many cameras leave a few extraneous bytes before a marker.
 */
export function isJpegDamage(complaint: string): boolean {
  return /premature end|bad huffman code|instead of rst/i.test(complaint);
}
