// What all decoding of images in a process shares, so that it leaves room for everything else.
import type { Limiter } from "../image/concurrency.ts";
import type { RunInSlices } from "../slices.ts";

export interface Decoding {
  /** Bounds the images that are in memory, decoded, at the same time. */
  limitImages: Limiter;
  /** The part of it that is done on the thread that answers HTTP. */
  inSlices: RunInSlices;
}
