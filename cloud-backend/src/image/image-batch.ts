// Encoded images become one tensor, exactly as the edge would make it from the same pixels; only of a
// large JPEG the pixels are coarser (see shrunk-size.ts).
import { imageTensorInSteps, imageTensorShape } from "@spillway/shared/preprocess/image-tensor";
import { elementCount, type Tensor, tensorOf } from "@spillway/shared/protocol/tensor";
import type { ImageInput, Preprocessing } from "@spillway/shared/schema/manifest";
import { failure, type Outcome, protocolOutcome, success } from "../errors.ts";
import { abandonment } from "../inference/abandonment.ts";
import type { Decoding } from "../inference/decoding.ts";
import { MAX_REQUEST_PIXELS } from "../limits.ts";
import { decodeImage } from "./decode-image.ts";

/** How an encoded image becomes the input of a graph. */
export interface ImageRecipe {
  preprocessing: Preprocessing;
  input: ImageInput;
}

/**
 * Decodes one image after the other, so that a large batch does not keep others from decoding.
 */
export async function imageBatch(
  images: readonly Uint8Array[],
  { preprocessing, input }: ImageRecipe,
  { limitImages, inSlices }: Decoding,
  signal: AbortSignal,
): Promise<Outcome<Tensor>> {
  const shape = imageTensorShape(preprocessing, input, images.length);
  const count = protocolOutcome(() => elementCount(shape));
  if (!count.ok) return count;
  const batch = input.datatype === "FP32" ? new Float32Array(count.value) : new Uint8Array(count.value);
  let pixelsLeft = MAX_REQUEST_PIXELS;
  for (const [index, image] of images.entries()) {
    const added = await limitImages(async () => {
      if (signal.aborted) return abandonment(signal);
      const decoded = await decodeImage(image, pixelsLeft, preprocessing);
      if (!decoded.ok) return failure(decoded.reason, `image ${index}: ${decoded.message}`);
      const { pixels, orientation, storedPixels } = decoded.value;
      pixelsLeft -= storedPixels;
      const steps = imageTensorInSteps(pixels, orientation, preprocessing, input);
      batch.set(await inSlices(steps), index * (count.value / images.length));
      return null;
    }, signal);
    if (added !== null) return added;
  }
  return success(tensorOf(input.name, shape, batch));
}
