// From decoded pixels to exactly the tensor that a graph takes: orientation, resizing,
// normalisation and layout in one place, for the Worker and for the backend.
import type { ImageInput, Preprocessing } from "../schema/manifest.ts";
import { type Orientation, storedPosition, swapsAxes } from "./orientation.ts";
import { type Pixels, resizeArea } from "./resize-area.ts";

const CHANNELS = 3;

/** Float64 [height, width, 3], values in [0, 255], the right way up. */
export interface ResizedImage {
  data: Float64Array;
  width: number;
  height: number;
}

/** The network's input for one picture, batch of one: {@link resizeImage}, then {@link tensorOfImage}. */
export function imageTensor(
  pixels: Pixels,
  orientation: Orientation,
  preprocessing: Preprocessing,
  input: ImageInput,
): Float32Array<ArrayBuffer> | Uint8Array<ArrayBuffer> {
  return tensorOfImage(resizeImage(pixels, orientation, preprocessing), preprocessing, input);
}

/** Resizes and turns a picture to the size a network takes. Two networks of one size and fit can share it. */
export function resizeImage(
  pixels: Pixels,
  orientation: Orientation,
  { width, height, fit }: Pick<Preprocessing, "width" | "height" | "fit">,
): ResizedImage {
  // The stored picture is resized first and turned afterwards, when it is small.
  const [storedWidth, storedHeight] = swapsAxes(orientation) ? [height, width] : [width, height];
  const stored = resizeArea(pixels, storedWidth, storedHeight, fit);
  if (orientation === 1) return { data: stored, width, height };
  const data = new Float64Array(stored.length);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const [column, row] = storedPosition(orientation, x, y, width, height);
      const from = (row * storedWidth + column) * CHANNELS;
      data.set(stored.subarray(from, from + CHANNELS), (y * width + x) * CHANNELS);
    }
  }
  return { data, width, height };
}

/**
 * FP32: (v / 255 - mean) / std of the averaged values. UINT8: the averaged values, rounded; the
 * graph normalises.
 *
 * @returns [3, height, width] or [height, width, 3], as `input.layout` says
 */
export function tensorOfImage(
  { data, width, height }: ResizedImage,
  { mean, std }: Pick<Preprocessing, "mean" | "std">,
  input: ImageInput,
): Float32Array<ArrayBuffer> | Uint8Array<ArrayBuffer> {
  const isFloat = input.datatype === "FP32";
  const tensor = isFloat ? new Float32Array(data.length) : new Uint8Array(data.length);
  const positions = width * height;
  for (let position = 0; position < positions; position++) {
    for (let channel = 0; channel < CHANNELS; channel++) {
      const value = data[position * CHANNELS + channel];
      const to = input.layout === "NCHW" ? channel * positions + position : position * CHANNELS + channel;
      tensor[to] = isFloat ? (value / 255 - mean[channel]) / std[channel] : Math.round(value);
    }
  }
  return tensor;
}

/** Shape of the tensor with its batch dimension. */
export function imageTensorShape(preprocessing: Preprocessing, input: ImageInput, batch = 1): number[] {
  const { width, height } = preprocessing;
  return input.layout === "NCHW" ? [batch, CHANNELS, height, width] : [batch, height, width, CHANNELS];
}
