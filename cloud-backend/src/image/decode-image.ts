// A JPEG, PNG or WebP becomes 8-bit RGB pixels as they are stored, and the way to turn them. Colour
// profiles are ignored, as the Worker does: one photo must not be two pictures to the two networks.
import type { Orientation } from "@spillway/shared/preprocess/orientation";
import type { Pixels } from "@spillway/shared/preprocess/resize-area";
import sharp, { type Metadata, type SharpOptions } from "sharp";
import { failure, type Outcome, success } from "../errors.ts";
import { MAX_IMAGE_PIXELS } from "../limits.ts";

export interface DecodedImage {
  pixels: Pixels;
  orientation: Orientation;
}

// Broken data is refused; a warning about odd but readable data is not. Pixels are counted by us.
const OPTIONS: SharpOptions = { failOn: "error", limitInputPixels: false, ignoreIcc: true };

/**
 * Reads the header, refuses what is too large, then decodes. Grey, CMYK and 16-bit images become
 * 8-bit RGB; opacity stays a fourth channel, for the shared preprocessing to lay over white as it
 * does at the edge. The first frame of an animation counts.
 *
 * @param maxPixels what is left of the request's allowance
 */
export async function decodeImage(bytes: Uint8Array, maxPixels: number): Promise<Outcome<DecodedImage>> {
  if (!isSupportedFormat(bytes)) return failure("not-an-image", "expected a JPEG, PNG or WebP image");
  try {
    const header = await sharp(bytes, OPTIONS).metadata();
    const tooLarge = checkPixels(header, maxPixels);
    if (tooLarge !== null) return tooLarge;
    const { data, info } = await sharp(bytes, OPTIONS)
      .toColourspace("srgb")
      .raw({ depth: "uchar" })
      .toBuffer({ resolveWithObject: true });
    const channels = info.channels === 4 ? 4 : 3;
    const pixels: Pixels = { data, width: info.width, height: info.height, channels };
    // libvips reports what EXIF does not define as 1.
    return success({ pixels, orientation: (header.orientation ?? 1) as Orientation });
  } catch {
    // sharp's message names libvips' internals, which are nobody's business.
    return failure("not-an-image", "the image is damaged or incomplete");
  }
}

function checkPixels({ width, height }: Metadata, maxPixels: number): Outcome<never> | null {
  const pixels = width * height;
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

/** By the first bytes: libvips knows many more formats, whose decoders the network should not reach. */
function isSupportedFormat(bytes: Uint8Array): boolean {
  const start = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.byteLength, 12)).toString("latin1");
  return start.startsWith("\xff\xd8\xff") || start.startsWith("\x89PNG\r\n\x1a\n") || /^RIFF.{4}WEBP$/s.test(start);
}
