// Compressed request bodies (`Content-Encoding`): one coding at most, undone while the body arrives, so
// that no more is ever unpacked than somebody has asked for.
import { pipeline, type Transform } from "node:stream";
import { constants, createGunzip, createInflate, createZstdDecompress } from "node:zlib";
import { failure, type Outcome, success } from "../errors.ts";
import { MAX_ZSTD_WINDOW_LOG } from "../limits.ts";

export type ContentCoding = "gzip" | "deflate" | "zstd";

/** For `Accept-Encoding`, which is how a refusal says what would have been taken. */
export const ACCEPTED_CODINGS = "gzip, deflate, zstd";

/** Bytes unpacked at a time: zlib's own 16 KiB would take four times as many turns of the event loop. */
const CHUNK_BYTES = 65_536;

/** The coding that a `Content-Encoding` header names; null for none. */
export function contentCoding(header: string | undefined): Outcome<ContentCoding | null> {
  const name = (header ?? "identity").trim().toLowerCase();
  if (name === "identity") return success(null);
  // RFC 9110 has x-gzip as another name of gzip.
  if (name === "gzip" || name === "x-gzip") return success("gzip");
  if (name === "deflate" || name === "zstd") return success(name);
  return failure("unsupported-type", `Content-Encoding: expected at most one of ${ACCEPTED_CODINGS}`);
}

/** What was wrong with the compressed data itself. */
export class DamagedCoding extends Error {
  override name = "DamagedCoding";
}

/**
 * The chunks unpacked, some 64 KiB at a time, and no further ahead than a stream buffers. What `chunks`
 * throws is thrown on.
 *
 * @throws DamagedCoding for data that is damaged, cut off, or followed by more
 */
export async function* unpacked(chunks: AsyncIterable<Uint8Array>, coding: ContentCoding): AsyncGenerator<Uint8Array> {
  const decompressor = createDecompressor(coding);
  // Whatever goes wrong ends up in the decompressor, from which it is read below.
  pipeline(chunks, decompressor, () => undefined);
  try {
    yield* decompressor;
  } catch (error) {
    if (!isDecompressionError(error)) throw error;
    const orWindow = coding === "zstd" ? `, or a window of more than ${2 ** MAX_ZSTD_WINDOW_LOG} bytes` : "";
    throw new DamagedCoding(`body: damaged or incomplete ${coding} data${orWindow}`);
  }
}

function createDecompressor(coding: ContentCoding): Transform {
  const options = { chunkSize: CHUNK_BYTES };
  // What follows zlib's end or zstd's first frame would be dropped in silence; gzip may have several parts.
  const strict = { ...options, rejectGarbageAfterEnd: true };
  switch (coding) {
    case "gzip":
      return createGunzip(options);
    // HTTP's deflate is zlib's format; the bare one that some clients send was never allowed.
    case "deflate":
      return createInflate(strict);
    case "zstd":
      return createZstdDecompress({ ...strict, params: { [constants.ZSTD_d_windowLogMax]: MAX_ZSTD_WINDOW_LOG } });
    default:
      return coding satisfies never;
  }
}

function isDecompressionError(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code !== undefined && (/^Z(STD)?_/.test(code) || code === "ERR_TRAILING_JUNK_AFTER_STREAM_END");
}
