// What the headers of all formats tell.
import type { Orientation } from "@spillway/shared/preprocess/orientation";

export interface PictureHeader {
  /** Pixels, as stored: before the picture is turned. */
  width: number;
  height: number;
  orientation: Orientation;
  /** Bytes of memory that decoding takes for each pixel. */
  bytesPerPixel: number;
}
