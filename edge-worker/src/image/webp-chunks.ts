// The chunks of a WebP, one after the other (RFC 9649, section 2.3).

const RIFF_HEADER_BYTES = 12;
const CHUNK_HEADER_BYTES = 8;

export interface WebpChunk {
  type: string;
  data: Uint8Array;
}

/** Yields whole chunks up to the end that the file states, and null when the bytes or that end come before a chunk's. */
export function* webpChunks(bytes: Uint8Array): Generator<WebpChunk | null, void> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const fileEnd = CHUNK_HEADER_BYTES + view.getUint32(4, true);
  if (fileEnd > bytes.length) {
    yield null;
    return;
  }
  let at = RIFF_HEADER_BYTES;
  while (at + CHUNK_HEADER_BYTES <= fileEnd) {
    const type = String.fromCharCode(...bytes.subarray(at, at + 4));
    const start = at + CHUNK_HEADER_BYTES;
    const end = start + view.getUint32(at + 4, true);
    if (end > fileEnd) {
      yield null;
      return;
    }
    yield { type, data: bytes.subarray(start, end) };
    // Chunks begin at even places.
    at = end + ((end - start) & 1);
  }
}
