// What others lose when they send features, in points of top-1 below their own uncompressed network; see
// RTCoInfer (Stanford Cars, 32x112x112 features) and CLIO, which it compares itself with.
import type { Point } from "../../../models/src/charts/lines.ts";

/** `x`: residual rate, bytes sent over bytes of the raw bitmap; `y`: points lost. */
export const RTCOINFER: readonly Point[] = [
  { x: 0.667, y: -0.2 },
  { x: 0.29, y: 0 },
  { x: 0.125, y: 0.2 },
  { x: 0.083, y: 0.9 },
  { x: 0.0625, y: 1.0 },
  { x: 0.031, y: 1.8 },
  { x: 0.021, y: 3.8 },
  { x: 0.0104, y: 10.4 },
];

export const CLIO: readonly Point[] = [
  { x: 0.67, y: 1.4 },
  { x: 0.167, y: 1.6 },
  { x: 0.083, y: 2.9 },
  { x: 0.042, y: 7.4 },
  { x: 0.021, y: 55 },
];
