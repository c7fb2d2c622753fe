// What an entropy coder is told before it starts, and what it codes.
import type { Setting } from "../setting.ts";

export interface CodedMap {
  setting: Setting;
  height: number;
  width: number;
}

export interface MapContent {
  /** [channels sent, 2] */
  ranges: Float32Array;
  /** [channels sent, H, W] */
  codes: Uint8Array;
}
