// One JPEG, PNG or WebP file becomes 8-bit sRGB pixels, by the rules of the Worker and the backend:
// what one of them would refuse is refused here, so that no accuracy is measured on it.
import { type FileHandle, open } from "node:fs/promises";
import type { Orientation } from "@spillway/shared/preprocess/orientation";
import { MAX_IMAGE_BYTES, MAX_IMAGE_PIXELS } from "@spillway/shared/schema/config";
import sharp, { type Metadata, type SharpOptions } from "sharp";
import { BrokenImageError, type LabelledImage } from "./labelled-images.ts";

/** The longest side that a WebP can state, and the Worker's limit for all formats. */
const MAX_IMAGE_SIDE = 16_384;

// Broken data is refused; a warning about odd but readable data is not. Pixels are counted by us.
const OPTIONS: SharpOptions = { failOn: "error", limitInputPixels: false };

/**
 * Opacity stays a fourth channel, for the shared preprocessing to lay over white; the picture is
 * turned there too. Of an animated PNG the still image counts, as at the edge.
 *
 * @throws BrokenImageError with one line that names the file
 */
export async function readPicture(file: string): Promise<LabelledImage> {
  const bytes = await readBounded(file);
  if (!isSupportedFormat(bytes)) throw new BrokenImageError(`${file}: expected a JPEG, PNG or WebP image`);
  const header = await sharp(bytes, OPTIONS)
    .metadata()
    .catch(() => damaged(file));
  const problem = problemOf(header);
  if (problem !== null) throw new BrokenImageError(`${file}: ${problem}`);
  const { data, info } = await sharp(bytes, OPTIONS)
    .toColourspace("srgb")
    .raw({ depth: "uchar" })
    .toBuffer({ resolveWithObject: true })
    .catch(() => damaged(file));
  const { width, height } = info;
  const channels = info.channels === 4 ? 4 : 3;
  // libvips reports what EXIF does not define as 1.
  return { data, width, height, channels, orientation: (header.orientation ?? 1) as Orientation };
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

/** What the Worker refuses by the header alone. */
function problemOf({ width, height, format, pages = 1 }: Metadata): string | null {
  if (width * height > MAX_IMAGE_PIXELS) return `expected at most ${MAX_IMAGE_PIXELS} pixels, got ${width} x ${height}`;
  if (Math.max(width, height) > MAX_IMAGE_SIDE) {
    return `expected sides of at most ${MAX_IMAGE_SIDE} pixels, got ${width} x ${height}`;
  }
  return format === "webp" && pages > 1 ? "expected a still WebP, got an animated one" : null;
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
