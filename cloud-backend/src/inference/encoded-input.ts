// What may come in the place of a graph's own inputs, as BYTES [n]: n encoded images for the one that takes
// pixels, n frames of compressed features for the tail.
import type { FrameRecipe } from "../frame/frame-batch.ts";
import type { ImageRecipe } from "../image/image-batch.ts";

/** Plain data, as graphs are compared by value. `name` is that of the BYTES input. */
export type EncodedInput =
  | { kind: "image"; name: string; recipe: ImageRecipe }
  | { kind: "frame"; name: string; recipe: FrameRecipe };
