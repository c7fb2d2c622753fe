// The orientation in an EXIF block: tag 0x0112 of the first directory of a TIFF structure.
import type { Orientation } from "@spillway/shared/preprocess/orientation";

const ORIENTATION_TAG = 0x0112;
const TYPE_SHORT = 3;
const HEADER_BYTES = 8;
const ENTRY_BYTES = 12;
/** What JPEG puts before the TIFF structure; some writers of WebP do too. */
const PREFIX = "Exif\0\0";

export function hasExifPrefix(block: Uint8Array): boolean {
  return block.length >= PREFIX.length && [...PREFIX].every((character, k) => block[k] === character.charCodeAt(0));
}

/** The orientation that an EXIF block states; 1, as stored, when it states none or is damaged. */
export function exifOrientation(block: Uint8Array): Orientation {
  const tiff = hasExifPrefix(block) ? block.subarray(PREFIX.length) : block;
  if (tiff.length < HEADER_BYTES) return 1;
  const view = new DataView(tiff.buffer, tiff.byteOffset, tiff.byteLength);
  const byteOrder = view.getUint16(0);
  if (byteOrder !== 0x4949 && byteOrder !== 0x4d4d) return 1;
  const isLittleEndian = byteOrder === 0x4949;
  if (view.getUint16(2, isLittleEndian) !== 42) return 1;
  const directory = view.getUint32(4, isLittleEndian);
  if (directory + 2 > tiff.length) return 1;
  const entries = view.getUint16(directory, isLittleEndian);
  for (let k = 0; k < entries; k++) {
    const entry = directory + 2 + k * ENTRY_BYTES;
    if (entry + ENTRY_BYTES > tiff.length) return 1;
    if (view.getUint16(entry, isLittleEndian) !== ORIENTATION_TAG) continue;
    if (view.getUint16(entry + 2, isLittleEndian) !== TYPE_SHORT) return 1;
    return toOrientation(view.getUint16(entry + 8, isLittleEndian));
  }
  return 1;
}

function toOrientation(value: number): Orientation {
  return value >= 1 && value <= 8 ? (value as Orientation) : 1;
}
