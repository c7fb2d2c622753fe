// From an encoded image to what the two networks take. The pixels of a photo are tens of megabytes:
// they are dropped as soon as both small versions exist.
import { type ResizedImage, resizeImage, tensorOfImage } from "@spillway/shared/preprocess/image-tensor";
import type { Config } from "@spillway/shared/schema/config";
import type { Manifest } from "@spillway/shared/schema/manifest";
import { withDecodedImage } from "./decode.ts";
import type { ImageFailure } from "./failure.ts";
import { readImageHeader } from "./header.ts";

export interface Picture {
  /** The first stage's input. */
  edge: Float32Array | Uint8Array;
  /** The picture at the large model's size. */
  large: ResizedImage;
}

export function readPicture(
  image: Uint8Array,
  limits: Config["limits"],
  { edge, cloud }: Manifest,
): Picture | ImageFailure {
  const header = readImageHeader(image);
  if ("reason" in header) return header;
  const pixelCount = header.width * header.height;
  if (pixelCount > limits.maxPixels) {
    const detail = `expected at most ${limits.maxPixels} pixels, got ${header.width} x ${header.height}`;
    return { reason: "too-many-pixels", detail };
  }
  return withDecodedImage(image, header, (pixels) => {
    const small = resizeImage(pixels, header.orientation, edge.preprocessing);
    const tensor = tensorOfImage(small, edge.preprocessing, edge.input);
    if (sameSize(edge.preprocessing, cloud.large.preprocessing)) return { edge: tensor, large: small };
    return { edge: tensor, large: resizeImage(pixels, header.orientation, cloud.large.preprocessing) };
  });
}

type Size = Manifest["edge"]["preprocessing"];

function sameSize(a: Size, b: Size): boolean {
  return a.width === b.width && a.height === b.height && a.fit === b.fit;
}
