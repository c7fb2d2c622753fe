// Pictures as test/vectors/resize.json holds them.
import type { Pixels } from "@spillway/shared/preprocess/resize-area";

export interface GoldenPicture {
  width: number;
  height: number;
  channels: number;
  data: number[];
}

export function pixelsOf({ width, height, channels, data }: GoldenPicture): Pixels {
  return { width, height, channels: channels as Pixels["channels"], data: Uint8Array.from(data) };
}
