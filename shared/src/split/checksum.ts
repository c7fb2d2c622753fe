// CRC-32C (Castagnoli, polynomial 0x1EDC6F41 reflected; RFC 3720): finds every burst of 32 bits, and every five wrong
// bits in up to 655 bytes.

const POLYNOMIAL = 0x82f63b78;
const TABLE = Int32Array.from({ length: 256 }, (_, byte) => {
  let remainder = byte;
  for (let bit = 0; bit < 8; bit++) remainder = (remainder >>> 1) ^ (remainder & 1 ? POLYNOMIAL : 0);
  return remainder;
});

/** Unsigned, 32 bits. */
export function crc32c(bytes: Uint8Array): number {
  let remainder = -1;
  for (let at = 0; at < bytes.length; at++) remainder = (remainder >>> 8) ^ TABLE[(remainder ^ bytes[at]) & 0xff];
  return ~remainder >>> 0;
}
