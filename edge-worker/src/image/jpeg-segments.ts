// The marker segments of a JPEG, one after the other (ITU T.81, annex B).
import { MAX_IMAGE_CHUNKS } from "./limits.ts";

/** Codes of the markers that are of interest here. */
export const MARKER = { DHT: 0xc4, JPG: 0xc8, DAC: 0xcc, SOI: 0xd8, EOI: 0xd9, SOS: 0xda, APP1: 0xe1 } as const;

export interface JpegSegment {
  marker: number;
  /** What follows the length; of a scan, only its header. Empty for EOI. */
  payload: Uint8Array;
}

/** Yields whole segments up to and with EOI; stops earlier when the bytes do, or after as many as are allowed. */
export function* jpegSegments(bytes: Uint8Array): Generator<JpegSegment, void> {
  let at = nextMarker(bytes, 2);
  for (let count = 0; at !== -1 && count < MAX_IMAGE_CHUNKS; count++) {
    const marker = bytes[at];
    if (marker === MARKER.EOI) {
      yield { marker, payload: bytes.subarray(0, 0) };
      return;
    }
    if (at + 2 >= bytes.length) return;
    const length = (bytes[at + 1] << 8) | bytes[at + 2];
    const end = at + 1 + length;
    if (length < 2 || end > bytes.length) return;
    yield { marker, payload: bytes.subarray(at + 3, end) };
    at = nextMarker(bytes, end);
  }
}

/** Place of the next marker's code, or -1. Skips the data of a scan, in which FF is followed by 00 or a restart. */
function nextMarker(bytes: Uint8Array, from: number): number {
  let at = bytes.indexOf(0xff, from);
  while (at !== -1) {
    // A marker may be preceded by any number of FF.
    while (bytes[at] === 0xff) at++;
    if (at >= bytes.length) return -1;
    if (!standsAlone(bytes[at])) return at;
    at = bytes.indexOf(0xff, at);
  }
  return -1;
}

/** A stuffed 00, TEM or RST0 to RST7. */
function standsAlone(code: number): boolean {
  return code <= 0x01 || (code >= 0xd0 && code <= 0xd7);
}
