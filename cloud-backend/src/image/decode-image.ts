// A JPEG, PNG or WebP becomes 8-bit RGB pixels as they are stored, and the way to turn them. Colour
// profiles are ignored, as the Worker does: one photo must not be two pictures to the two networks.
import { type Orientation, swapsAxes } from "@spillway/shared/preprocess/orientation";
import type { Pixels } from "@spillway/shared/preprocess/resize-area";
import sharp, { type Metadata, type SharpOptions } from "sharp";
import { failure, type Outcome, success } from "../errors.ts";
import { MAX_IMAGE_PIXELS, MAX_IMAGE_SIDE } from "../limits.ts";
import { type Size, shrunkSize } from "./shrunk-size.ts";

export interface DecodedImage {
  /** Fewer than stored when a large JPEG was shrunk on the way. */
  pixels: Pixels;
  orientation: Orientation;
  /** Pixels of the picture in the file. */
  storedPixels: number;
}

// Broken data is refused; a warning about odd but readable data is not. Pixels are counted by us.
const OPTIONS: SharpOptions = { failOn: "error", limitInputPixels: false, ignoreIcc: true };

/**
 * Reads the header, refuses what is too large, then decodes. Grey, CMYK and 16-bit images become
 * 8-bit RGB; opacity stays a fourth channel, for the shared preprocessing to lay over white as it
 * does at the edge. The first frame of an animation counts.
 *
 * @param maxPixels what is left of the request's allowance
 * @param target what the picture, the right way up, will be averaged to; a large JPEG is then decoded
 * no finer than it needs. PNG and WebP are decoded as they are.
 */
export async function decodeImage(bytes: Uint8Array, maxPixels: number, target?: Size): Promise<Outcome<DecodedImage>> {
  if (!isSupportedFormat(bytes)) return failure("not-an-image", "expected a JPEG, PNG or WebP image");
  try {
    const header = await sharp(bytes, OPTIONS).metadata();
    const tooLarge = checkPixels(header, maxPixels);
    if (tooLarge !== null) return tooLarge;
    // libvips reports what EXIF does not define as 1.
    const orientation = (header.orientation ?? 1) as Orientation;
    const pixels = await decodePixels(bytes, shrunkJpegSize(header, orientation, target));
    return success({ pixels, orientation, storedPixels: header.width * header.height });
  } catch {
    // sharp's message names libvips' internals, which are nobody's business.
    return failure("not-an-image", "the image is damaged or incomplete");
  }
}

function checkPixels({ width, height }: Metadata, maxPixels: number): Outcome<never> | null {
  const pixels = width * height;
  if (Math.max(width, height) > MAX_IMAGE_SIDE) {
    return failure("image-too-large", `expected sides of at most ${MAX_IMAGE_SIDE} pixels, got ${width} x ${height}`);
  }
  if (pixels > MAX_IMAGE_PIXELS) {
    return failure("image-too-large", `expected at most ${MAX_IMAGE_PIXELS} pixels, got ${width} x ${height}`);
  }
  if (pixels > maxPixels) {
    return failure(
      "image-too-large",
      `${width} x ${height} pixels are more than the request's images may have together`,
    );
  }
  return null;
}

/** Null where the picture is to be decoded as it is. The target is turned to lie as the picture is stored. */
function shrunkJpegSize(header: Metadata, orientation: Orientation, target: Size | undefined): Size | null {
  if (header.format !== "jpeg" || target === undefined) return null;
  const { width, height } = target;
  return shrunkSize(header, swapsAxes(orientation) ? { width: height, height: width } : target);
}

async function decodePixels(bytes: Uint8Array, size: Size | null): Promise<Pixels> {
  const decoder = sharp(bytes, OPTIONS);
  if (size !== null) decoder.resize({ ...size, fit: "fill", kernel: "cubic" });
  const { data, info } = await decoder
    .toColourspace("srgb")
    .raw({ depth: "uchar" })
    .toBuffer({ resolveWithObject: true });
  return { data, width: info.width, height: info.height, channels: info.channels === 4 ? 4 : 3 };
}

/** By the first bytes: libvips knows many more formats, whose decoders the network should not reach. */
function isSupportedFormat(bytes: Uint8Array): boolean {
  const start = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.byteLength, 12)).toString("latin1");
  return start.startsWith("\xff\xd8\xff") || start.startsWith("\x89PNG\r\n\x1a\n") || /^RIFF.{4}WEBP$/s.test(start);
}
