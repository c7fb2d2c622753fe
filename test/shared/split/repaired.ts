// Damage behind the checksum: what a frame's author could have meant to send.
import { crc32c } from "@spillway/shared/split/checksum";

/** The same bytes with the checksum that belongs to them. */
export function repaired(frame: Uint8Array): Uint8Array<ArrayBuffer> {
  const copy = Uint8Array.from(frame);
  const end = Math.max(copy.length - 4, 0);
  if (copy.length >= 4) new DataView(copy.buffer).setUint32(end, crc32c(copy.subarray(0, end)), true);
  return copy;
}
