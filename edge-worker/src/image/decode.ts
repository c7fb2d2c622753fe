// Decodes one picture at a time. All of it is synchronous, from the first byte to the end of `use`,
// so the pixels of two requests are never in memory together and no queue is needed.
import mozjpeg from "@jsquash/jpeg/codec/dec/mozjpeg_dec.js";
import mozjpegWasm from "@jsquash/jpeg/codec/dec/mozjpeg_dec.wasm";
import libwebp from "@jsquash/webp/codec/dec/webp_dec.js";
import libwebpWasm from "@jsquash/webp/codec/dec/webp_dec.wasm";
import type { Pixels } from "@spillway/shared/preprocess/resize-area";
import { type Codec, createCodec, type EmscriptenFactory } from "./codec.ts";
import { corrupt, type ImageFailure } from "./failure.ts";
import type { ImageHeader } from "./header.ts";
import { checkJpegScans, isJpegDamage } from "./jpeg-damage.ts";
import { MAX_DECODER_BYTES, MAX_PICTURE_BYTES } from "./limits.ts";
import { decodePng } from "./png-decode.ts";

/** What a decoder holds before its first picture. */
const NEW_CODEC_BYTES = 17_000_000;

/** What a decoder takes for itself, beside pixels and file. */
const CODEC_BYTES = 2_000_000;

type CodecKind = Exclude<ImageHeader["kind"], "png">;

/** The decoders of this isolate, each made when its first picture comes. */
const codecs = new Map<CodecKind, Codec>();

/**
 * Decodes a picture and returns what `use` makes of its pixels. They are as stored, not turned, and
 * valid only while `use` runs: for JPEG and WebP they lie in the decoder's own memory.
 *
 * @param header what `readImageHeader` said about the same bytes
 * @param use synchronous; what it throws is thrown
 */
export function withDecodedImage<T>(
  bytes: Uint8Array,
  header: ImageHeader,
  use: (pixels: Pixels) => T,
): T | ImageFailure {
  const { kind, width, height } = header;
  const neededBytes = bytesToDecode(bytes, header);
  if (neededBytes > MAX_PICTURE_BYTES) {
    return needsTooMuch(`${kind} of ${width} x ${height} pixels that needs ${megabytes(neededBytes)}`);
  }
  makeRoom(kind, neededBytes);
  if (kind === "png") {
    const pixels = decodePng(bytes, header);
    return "reason" in pixels ? pixels : use(pixels);
  }
  const failure = kind === "jpeg" ? checkJpegScans(bytes) : null;
  return failure ?? decodeWithCodec(kind, bytes, header, use);
}

/** Bytes that the kept decoders hold. */
export function decoderMemoryBytes(): number {
  return codecs.values().reduce((sum, codec) => sum + codec.memoryBytes(), 0);
}

/** The pixels and copies of the file: zlib takes its data in one piece, a codec copies it in and once more. */
function bytesToDecode(bytes: Uint8Array, { kind, width, height, bytesPerPixel }: ImageHeader): number {
  const pixelBytes = width * height * bytesPerPixel;
  return kind === "png" ? pixelBytes + bytes.length : pixelBytes + 2 * bytes.length + CODEC_BYTES;
}

function needsTooMuch(got: string): ImageFailure {
  const detail = `expected a picture that can be decoded in ${megabytes(MAX_PICTURE_BYTES)}, got a ${got}`;
  return { reason: "too-many-pixels", detail };
}

function megabytes(bytes: number): string {
  return `${Math.ceil(bytes / 1e6)} MB`;
}

/** Lets go of decoders that do not fit beside this picture; their memory is collected late, so only of those. */
function makeRoom(kind: ImageHeader["kind"], neededBytes: number): void {
  const heldBytes = kind === "png" ? 0 : (codecs.get(kind)?.memoryBytes() ?? NEW_CODEC_BYTES);
  const ownBytes = Math.max(neededBytes, heldBytes);
  const others = codecs.entries().filter(([other]) => other !== kind);
  for (const [other] of [...others].toSorted(([, a], [, b]) => b.memoryBytes() - a.memoryBytes())) {
    if (ownBytes + bytesBeside(kind) > MAX_DECODER_BYTES) codecs.delete(other);
  }
}

/** Bytes that the kept decoders for other kinds hold. */
function bytesBeside(kind: ImageHeader["kind"]): number {
  return codecs.entries().reduce((sum, [other, codec]) => sum + (other === kind ? 0 : codec.memoryBytes()), 0);
}

function decodeWithCodec<T>(
  kind: CodecKind,
  bytes: Uint8Array,
  header: ImageHeader,
  use: (pixels: Pixels) => T,
): T | ImageFailure {
  const codec = codecs.get(kind) ?? createCodecFor(kind);
  codecs.set(kind, codec);
  let used: { value: T } | undefined;
  const maxBytes = Math.min(MAX_PICTURE_BYTES, MAX_DECODER_BYTES - bytesBeside(kind));
  const { isBroken, isOutOfMemory, complaints } = codec.decode(bytes, maxBytes, (pixels) => {
    if (pixels.width === header.width && pixels.height === header.height) used = { value: use(pixels) };
  });
  if (isBroken) codecs.delete(kind);
  if (used === undefined && isOutOfMemory) return needsTooMuch(`${kind} that needs more`);
  if (isBroken || used === undefined || complaints.some(isJpegDamage)) {
    return corrupt(`the data of the ${kind === "jpeg" ? "JPEG" : "WebP"} is damaged or incomplete`);
  }
  return used.value;
}

function createCodecFor(kind: CodecKind): Codec {
  switch (kind) {
    case "jpeg":
      // `false`: the decoder is not to turn the picture.
      return createCodec(mozjpeg as unknown as EmscriptenFactory, mozjpegWasm, [false]);
    case "webp":
      return createCodec(libwebp as unknown as EmscriptenFactory, libwebpWasm);
  }
}
