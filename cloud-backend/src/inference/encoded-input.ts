// What may come in the place of a graph's own inputs, as BYTES [n]: n encoded images for the one that takes
// pixels, n frames of compressed features for the tail.
import { readByteElements, type Tensor } from "@spillway/shared/protocol/tensor";
import { type Outcome, success } from "../errors.ts";
import { type FrameRecipe, frameBatch } from "../frame/frame-batch.ts";
import { settingProblem } from "../frame/setting-problem.ts";
import { type ImageRecipe, imageBatch } from "../image/image-batch.ts";
import type { Decoding } from "./decoding.ts";

/** Plain data, as graphs are compared by value. `name` is that of the BYTES input. */
export type EncodedInput =
  | { kind: "image"; name: string; recipe: ImageRecipe }
  | { kind: "frame"; name: string; recipe: FrameRecipe };

/** The graph's own inputs, in any order, of what a request brings: those, or what stands in for them. */
export async function decodeInputs(
  given: Tensor[],
  encoded: EncodedInput | null,
  decoding: Decoding,
  signal: AbortSignal,
): Promise<Outcome<Tensor[]>> {
  if (encoded === null) return success(given);
  const elements = given[0].datatype === "BYTES" ? readByteElements(given[0]) : null;
  if (encoded.kind === "image") {
    if (elements === null) return success(given);
    const image = await imageBatch(elements, encoded.recipe, decoding, signal);
    return image.ok ? success([image.value]) : image;
  }
  if (elements !== null) return frameBatch(elements, encoded.recipe, decoding.inSlices, signal);
  const problem = settingProblem(given, encoded.recipe.tail);
  return problem ?? success(given);
}
