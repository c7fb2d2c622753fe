// One JPEG, PNG or WebP file becomes the 8-bit pixels that the Worker sees: samples as stored, colour
// profiles ignored. What the Worker would refuse by its header is refused here, so that no accuracy
// is measured on it, and so are damaged data. Not repeated are its limits of 64 scans of a JPEG and
// 16,384 segments or chunks, a lossless WebP whose tables take more memory than its header tells, and
// damage of a JPEG behind a fault that is let pass.
import { type FileHandle, open } from "node:fs/promises";
import type { Orientation } from "@spillway/shared/preprocess/orientation";
import { MAX_IMAGE_BYTES, MAX_IMAGE_PIXELS } from "@spillway/shared/schema/config";
import sharp, { type Metadata, type SharpOptions } from "sharp";
import { codingProblem, readJpegFrame } from "./jpeg-frame.ts";
import { BrokenImageError, type LabelledImage } from "./labelled-images.ts";
import { MAX_WORKER_BYTES, workerBytes } from "./worker-memory.ts";

/** The longest side that a WebP can state, and the Worker's limit for all formats. */
const MAX_IMAGE_SIDE = 16_384;

// Broken data is refused; a warning about odd but readable data is not. Pixels are counted by us.
const OPTIONS: SharpOptions = { failOn: "error", limitInputPixels: false, ignoreIcc: true };

/**
 * Opacity stays a fourth channel, for the shared preprocessing to lay over white; the picture is
 * turned there too. Of an animated PNG the still image counts, as at the edge.
 *
 * @throws BrokenImageError with one line that names the file
 */
export async function readPicture(file: string): Promise<LabelledImage> {
  const bytes = await readBounded(file);
  if (!isSupportedFormat(bytes)) throw new BrokenImageError(`${file}: expected a JPEG, PNG or WebP image`);
  refuse(file, jpegProblem(bytes));
  const header = await sharp(bytes, OPTIONS)
    .metadata()
    .catch(() => damaged(file));
  refuse(file, sizeProblem(header) ?? memoryProblem(bytes, header));
  const { data, info } = await decode(bytes).catch(() => damaged(file));
  const { width, height } = info;
  const channels = info.channels === 4 ? 4 : 3;
  // libvips reports what EXIF does not define as 1.
  return { data, width, height, channels, orientation: (header.orientation ?? 1) as Orientation };
}

/** Warnings are let pass, as by the Worker, except those of a JPEG that lacks parts of its picture. */
async function decode(bytes: Uint8Array) {
  const decodeUnless = (failOn: "warning" | "error") =>
    sharp(bytes, { ...OPTIONS, failOn })
      .toColourspace("srgb")
      .raw({ depth: "uchar" })
      .toBuffer({ resolveWithObject: true });
  return decodeUnless("warning").catch((error: Error) => {
    if (/premature end|bad huffman code|instead of rst/i.test(error.message)) throw error;
    return decodeUnless("error");
  });
}

async function readBounded(file: string): Promise<Uint8Array> {
  let handle: FileHandle | undefined;
  try {
    handle = await open(file);
    const { size } = await handle.stat();
    if (size > MAX_IMAGE_BYTES) {
      throw new BrokenImageError(`${file}: expected at most ${MAX_IMAGE_BYTES} bytes, got ${size}`);
    }
    return await handle.readFile();
  } catch (error) {
    if (error instanceof BrokenImageError) throw error;
    throw new BrokenImageError(`${file}: cannot be read (${(error as Error).message})`);
  } finally {
    await handle?.close();
  }
}

function refuse(file: string, problem: string | null): void {
  if (problem !== null) throw new BrokenImageError(`${file}: ${problem}`);
}

/** A frame header that is damaged is left to sharp, which finds it so too. */
function jpegProblem(bytes: Uint8Array): string | null {
  const frame = bytes[0] === 0xff ? readJpegFrame(bytes) : null;
  return frame === null ? null : codingProblem(frame);
}

function sizeProblem({ width, height, format, pages = 1 }: Metadata): string | null {
  if (width * height > MAX_IMAGE_PIXELS) return `expected at most ${MAX_IMAGE_PIXELS} pixels, got ${width} x ${height}`;
  if (Math.max(width, height) > MAX_IMAGE_SIDE) {
    return `expected sides of at most ${MAX_IMAGE_SIDE} pixels, got ${width} x ${height}`;
  }
  return format === "webp" && pages > 1 ? "expected a still WebP, got an animated one" : null;
}

function memoryProblem(bytes: Uint8Array, header: Metadata): string | null {
  const neededBytes = workerBytes(bytes, header);
  if (neededBytes <= MAX_WORKER_BYTES) return null;
  const { format, width, height } = header;
  const needs = `${format} of ${width} x ${height} pixels that needs ${megabytes(neededBytes)}`;
  return `expected a picture that the Worker can decode in ${megabytes(MAX_WORKER_BYTES)}, got a ${needs}`;
}

function megabytes(bytes: number): string {
  return `${Math.ceil(bytes / 1e6)} MB`;
}

/** By the first bytes: a file's name may promise what it is not. */
function isSupportedFormat(bytes: Uint8Array): boolean {
  const start = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.byteLength, 12)).toString("latin1");
  return start.startsWith("\xff\xd8\xff") || start.startsWith("\x89PNG\r\n\x1a\n") || /^RIFF.{4}WEBP$/s.test(start);
}

/** sharp's message names libvips' internals, which help nobody. */
function damaged(file: string): never {
  throw new BrokenImageError(`${file}: the image is damaged or incomplete`);
}
