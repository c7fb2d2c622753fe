// From decoded pixels to exactly the tensor that a graph takes: orientation, resizing,
// normalisation and layout in one place, for the Worker and for the backend.
import type { ImageInput, Preprocessing } from "../schema/manifest.ts";
import { type Orientation, storedPosition, swapsAxes } from "./orientation.ts";
import { type Pixels, resizeAreaInSteps } from "./resize-area.ts";
import { finish, type Steps } from "./steps.ts";

const CHANNELS = 3;

type TensorData = Float32Array<ArrayBuffer> | Uint8Array<ArrayBuffer>;

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
): TensorData {
  return finish(imageTensorInSteps(pixels, orientation, preprocessing, input));
}

/** {@link imageTensor} in steps of one output row each, for whoever answers others meanwhile. */
export function* imageTensorInSteps(
  pixels: Pixels,
  orientation: Orientation,
  preprocessing: Preprocessing,
  input: ImageInput,
): Steps<TensorData> {
  const image = yield* resizeImageInSteps(pixels, orientation, preprocessing);
  return yield* tensorOfImageInSteps(image, preprocessing, input);
}

/** Resizes and turns a picture to the size a network takes. Two networks of one size and fit can share it. */
export function resizeImage(
  pixels: Pixels,
  orientation: Orientation,
  target: Pick<Preprocessing, "width" | "height" | "fit">,
): ResizedImage {
  return finish(resizeImageInSteps(pixels, orientation, target));
}

function* resizeImageInSteps(
  pixels: Pixels,
  orientation: Orientation,
  { width, height, fit }: Pick<Preprocessing, "width" | "height" | "fit">,
): Steps<ResizedImage> {
  // The stored picture is resized first and turned afterwards, when it is small.
  const [storedWidth, storedHeight] = swapsAxes(orientation) ? [height, width] : [width, height];
  const stored = yield* resizeAreaInSteps(pixels, storedWidth, storedHeight, fit);
  if (orientation === 1) return { data: stored, width, height };
  const turned = { data: new Float64Array(stored.length), width, height };
  for (let y = 0; y < height; y++) {
    turnRow(stored, orientation, y, turned);
    yield;
  }
  return turned;
}

/** Fills one row of the shown picture from the stored one. */
function turnRow(stored: Float64Array, orientation: Orientation, y: number, shown: ResizedImage): void {
  const { data, width, height } = shown;
  const storedWidth = swapsAxes(orientation) ? height : width;
  for (let x = 0; x < width; x++) {
    const [column, row] = storedPosition(orientation, x, y, width, height);
    const from = (row * storedWidth + column) * CHANNELS;
    data.set(stored.subarray(from, from + CHANNELS), (y * width + x) * CHANNELS);
  }
}

/**
 * FP32: (v / 255 - mean) / std of the averaged values. UINT8: the averaged values, rounded; the
 * graph normalises.
 *
 * @returns [3, height, width] or [height, width, 3], as `input.layout` says
 */
export function tensorOfImage(
  image: ResizedImage,
  constants: Pick<Preprocessing, "mean" | "std">,
  input: ImageInput,
): TensorData {
  return finish(tensorOfImageInSteps(image, constants, input));
}

function* tensorOfImageInSteps(
  image: ResizedImage,
  constants: Pick<Preprocessing, "mean" | "std">,
  input: ImageInput,
): Steps<TensorData> {
  const { length } = image.data;
  const tensor = input.datatype === "FP32" ? new Float32Array(length) : new Uint8Array(length);
  for (let y = 0; y < image.height; y++) {
    writeRow(image, constants, input, y, tensor);
    yield;
  }
  return tensor;
}

function writeRow(
  { data, width, height }: ResizedImage,
  { mean, std }: Pick<Preprocessing, "mean" | "std">,
  input: ImageInput,
  y: number,
  tensor: TensorData,
): void {
  const isFloat = input.datatype === "FP32";
  const positions = width * height;
  for (let position = y * width; position < (y + 1) * width; position++) {
    for (let channel = 0; channel < CHANNELS; channel++) {
      const value = data[position * CHANNELS + channel];
      const to = input.layout === "NCHW" ? channel * positions + position : position * CHANNELS + channel;
      tensor[to] = isFloat ? (value / 255 - mean[channel]) / std[channel] : Math.round(value);
    }
  }
}

/** Shape of the tensor with its batch dimension. */
export function imageTensorShape(preprocessing: Preprocessing, input: ImageInput, batch = 1): number[] {
  const { width, height } = preprocessing;
  return input.layout === "NCHW" ? [batch, CHANNELS, height, width] : [batch, height, width, CHANNELS];
}
