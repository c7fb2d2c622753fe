// The chunks of a PNG, one after the other (PNG specification, third edition, chapter 5).

export const PNG_SIGNATURE_BYTES = 8;
/** Length and type before a chunk's data, checksum after it. */
const BEFORE_DATA = 8;
const AFTER_DATA = 4;

export interface PngChunk {
  type: string;
  data: Uint8Array;
  /** The bytes that the checksum covers: type and data. */
  checked: Uint8Array;
  checksum: number;
}

/** Yields whole chunks up to and with IEND; stops earlier when the bytes do. */
export function* pngChunks(bytes: Uint8Array): Generator<PngChunk, void> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = PNG_SIGNATURE_BYTES;
  while (at + BEFORE_DATA + AFTER_DATA <= bytes.length) {
    const end = at + BEFORE_DATA + view.getUint32(at);
    if (end + AFTER_DATA > bytes.length) return;
    const type = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    const data = bytes.subarray(at + BEFORE_DATA, end);
    yield { type, data, checked: bytes.subarray(at + 4, end), checksum: view.getUint32(end) };
    if (type === "IEND") return;
    at = end + AFTER_DATA;
  }
}
