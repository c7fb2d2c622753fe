// Labelled images, wherever they lie: what every tool reads that runs a model over a data set.
import type { Orientation } from "@spillway/shared/preprocess/orientation";
import type { Pixels } from "@spillway/shared/preprocess/resize-area";

/** Decoded pixels as they are stored, and the way to turn them: the shared preprocessing turns the small picture. */
export interface LabelledImage extends Pixels {
  data: Uint8Array;
  orientation: Orientation;
}

export interface LabelledImages {
  count: number;
  /** Class index of each image. */
  labels: Int32Array;
  /** Of the file or folder, for people. */
  name: string;
  /** Decodes one image; those of a folder are read when they are asked for. @throws BrokenImageError */
  read(index: number): Promise<LabelledImage>;
}

/** One image that the Worker would refuse too: damaged, too large, in CMYK, no JPEG, PNG or WebP. Its message names the file. */
export class BrokenImageError extends Error {
  override name = "BrokenImageError";
}
