import {
  imageTensor,
  imageTensorInSteps,
  imageTensorShape,
  resizeImage,
  tensorOfImage,
} from "@spillway/shared/preprocess/image-tensor";
import type { Orientation } from "@spillway/shared/preprocess/orientation";
import { resizeArea } from "@spillway/shared/preprocess/resize-area";
import type { ImageInput, Preprocessing } from "@spillway/shared/schema/manifest";
import { describe, expect, it } from "vitest";
import golden from "../../vectors/resize.json" with { type: "json" };
import { expectClose } from "../close.ts";
import { pixelsOf } from "./golden-pixels.ts";

const input = (datatype: ImageInput["datatype"], layout: ImageInput["layout"]): ImageInput => ({
  name: "image",
  datatype,
  layout,
});

describe("resizeImage", () => {
  it.each(golden.orientation)("agrees with NumPy, which turns first and resizes then: $orientation", (vector) => {
    const orientation = vector.orientation as Orientation;
    for (const { width, height, fit, expected } of vector.resized) {
      const size = { width, height, fit: fit as "fill" | "cover" };
      const image = resizeImage(pixelsOf(vector.stored), orientation, size);
      expect(image).toMatchObject({ width, height });
      expectClose(image.data, expected);
    }
  });

  it.each(golden.orientation)("only moves pixels at the picture's own size: $orientation", (vector) => {
    const { width, height, data } = vector.shown;
    const size = { width, height, fit: "fill" } as const;
    expect([...resizeImage(pixelsOf(vector.stored), vector.orientation as Orientation, size).data]).toEqual(data);
  });

  it("is resizeArea for a picture that is the right way up", () => {
    const pixels = pixelsOf(golden.orientation[0].stored);
    const image = resizeImage(pixels, 1, { width: 4, height: 2, fit: "cover" });
    expect(image.data).toEqual(resizeArea(pixels, 4, 2, "cover"));
  });
});

describe("imageTensor", () => {
  it.each(golden.tensor)("agrees with NumPy: $datatype $layout", (vector) => {
    const preprocessing = vector.preprocessing as Preprocessing;
    const kind = input(vector.datatype as ImageInput["datatype"], vector.layout as ImageInput["layout"]);
    const tensor = imageTensor(pixelsOf(vector.source), vector.orientation as Orientation, preprocessing, kind);
    expect(tensor).toBeInstanceOf(vector.datatype === "FP32" ? Float32Array : Uint8Array);
    // One unit of float32 at most: rounding of the same float64.
    expectClose(tensor, vector.expected, vector.datatype === "FP32" ? 2 ** -24 : 0);
    expect(imageTensorShape(preprocessing, kind)).toEqual(vector.shape);
  });
});

describe("imageTensorInSteps", () => {
  const preprocessing: Preprocessing = { width: 5, height: 4, fit: "cover", mean: [0, 0, 0], std: [1, 1, 1] };

  it.each<[Orientation, number]>([
    [1, 8],
    // Stored on its side: 5 rows are averaged, 4 turned, 4 written.
    [6, 13],
  ])("pauses after every row of each pass over the output, orientation %i", (orientation, pauses) => {
    const pixels = pixelsOf(golden.orientation[0].stored);
    const steps = imageTensorInSteps(pixels, orientation, preprocessing, input("FP32", "NCHW"));
    for (let pause = 0; pause < pauses; pause++) expect(steps.next().done).toBe(false);
    const expected = imageTensor(pixels, orientation, preprocessing, input("FP32", "NCHW"));
    expect(steps.next()).toEqual({ done: true, value: expected });
  });
});

describe("tensorOfImage", () => {
  const mean: Preprocessing["mean"] = [0.5, 0.25, 0];
  const std: Preprocessing["std"] = [0.5, 0.25, 2];
  const image = { data: Float64Array.of(255, 255, 255, 0, 0, 0), width: 2, height: 1 };

  it("normalises each colour by its own mean and deviation", () => {
    expect([...tensorOfImage(image, { mean, std }, input("FP32", "NHWC"))]).toEqual([1, 3, 0.5, -1, -1, 0]);
    expect([...tensorOfImage(image, { mean, std }, input("FP32", "NCHW"))]).toEqual([1, -1, 3, -1, 0.5, 0]);
  });

  it("rounds to the nearest byte, halves up, and never wraps", () => {
    const data = Float64Array.of(0.49, 0.5, 1.5, 254.5, 255 + 1e-12, -1e-12);
    const bytes = tensorOfImage({ data, width: 2, height: 1 }, { mean, std }, input("UINT8", "NHWC"));
    expect([...bytes]).toEqual([0, 1, 2, 255, 255, 0]);
  });
});

describe("imageTensorShape", () => {
  const preprocessing: Preprocessing = { width: 7, height: 5, fit: "fill", mean: [0, 0, 0], std: [1, 1, 1] };

  it("is [batch, channels, height, width] or [batch, height, width, channels]", () => {
    expect(imageTensorShape(preprocessing, input("FP32", "NCHW"), 4)).toEqual([4, 3, 5, 7]);
    expect(imageTensorShape(preprocessing, input("FP32", "NHWC"), 4)).toEqual([4, 5, 7, 3]);
  });

  it("is of one image unless told", () => {
    expect(imageTensorShape(preprocessing, input("UINT8", "NHWC"))).toEqual([1, 5, 7, 3]);
  });
});
