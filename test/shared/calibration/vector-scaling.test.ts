import { applyCalibrator } from "@spillway/shared/calibration/calibrator";
import { fitTemperature, negativeLogLikelihood } from "@spillway/shared/calibration/temperature";
import { DEFAULT_L2, fitVectorScaling } from "@spillway/shared/calibration/vector-scaling";
import type { VectorCalibrator } from "@spillway/shared/schema/calibration";
import { vectorCalibratorSchema } from "@spillway/shared/schema/calibration";
import { describe, expect, it } from "vitest";
import golden from "../../vectors/calibration.json" with { type: "json" };
import { expectClose } from "../close.ts";

describe("fitVectorScaling", () => {
  it.each(golden.vectorScaling)("agrees with SciPy's L-BFGS-B: $name", (vector) => {
    const logits = Float64Array.from(vector.logits);
    const fitted = fitVectorScaling(logits, vector.labels, vector.classes, { l2: vector.l2 });
    expectClose(fitted.scale, vector.scale, 1e-4);
    expectClose(fitted.bias, vector.bias, 1e-4);
    const loss = nll(logits, vector.labels, fitted) + vector.l2 * penalty(fitted, vector.inverse);
    expect(Math.abs(loss - vector.objective)).toBeLessThan(1e-9);
  });

  it("takes its default penalty unless told, and fits the schema", () => {
    const { logits, labels, classes } = golden.vectorScaling[0];
    const fitted = fitVectorScaling(Float64Array.from(logits), labels, classes);
    expect(fitted).toEqual(fitVectorScaling(Float64Array.from(logits), labels, classes, { l2: DEFAULT_L2 }));
    expect(vectorCalibratorSchema.parse(fitted)).toEqual(fitted);
  });

  it("is never less likely than the temperature, and is it under a penalty that nothing outweighs", () => {
    const { labels, classes, logits: list } = golden.vectorScaling[0];
    const logits = Float64Array.from(list);
    const temperature = fitTemperature(logits, labels, classes);
    const likelihood = negativeLogLikelihood(logits, labels, classes, temperature);
    expect(nll(logits, labels, fitVectorScaling(logits, labels, classes))).toBeLessThan(likelihood - 0.05);
    const held = fitVectorScaling(logits, labels, classes, { l2: 1e9 });
    expectClose(held.scale, new Array(classes).fill(1 / temperature), 1e-6);
    expectClose(held.bias, new Array(classes).fill(0), 1e-6);
  });

  it("has biases that add up to 0, and undoes a bias of the network's", () => {
    const { labels, logits } = golden.vectorScaling[1];
    const favoured = Float64Array.from(logits, (z, index) => z + (index % 2 === 0 ? 3 : 0));
    const { bias } = fitVectorScaling(favoured, labels, 2, { l2: 1e-6 });
    expect(bias[0] + bias[1]).toBeCloseTo(0, 12);
    expect(bias[0]).toBeLessThan(-0.5);
  });

  it("takes float32 logits, and classes without a row", () => {
    const logits = Float32Array.of(1, 0, -1, 0, 1, -1, 2, 1, 0);
    const { scale, bias } = fitVectorScaling(logits, [0, 1, 1], 3);
    expect(scale.every(Number.isFinite)).toBe(true);
    expect(bias[2]).toBeLessThan(Math.min(bias[0], bias[1]));
  });

  it.each([
    ["no rows", [], [], undefined, "labels: expected at least one row, got none"],
    ["too few logits", [1, 2, 3], [0, 1], undefined, "logits: expected 2 x 2 numbers, got 3"],
    ["NaN", [1, Number.NaN], [0], undefined, "logits: expected numbers, got NaN in row 0"],
    [
      "an impossible class",
      [1, 2, 3, -Infinity],
      [0, 0],
      undefined,
      "logits: expected finite ones, got -Infinity in row 1",
    ],
    ["a negative penalty", [1, 2], [0], -1, "l2: expected at least 0, got -1"],
    ["a penalty that is NaN", [1, 2], [0], Number.NaN, "l2: expected at least 0, got NaN"],
  ])("refuses %s", (_, logits, labels, l2, message) => {
    const fit = () => fitVectorScaling(Float64Array.from(logits), labels, 2, l2 === undefined ? {} : { l2 });
    expect(fit).toThrow(new RangeError(message));
  });
});

function nll(logits: Float64Array, labels: readonly number[], calibrator: VectorCalibrator): number {
  const classes = calibrator.scale.length;
  const losses = labels.map(
    (label, row) => -Math.log(applyCalibrator(logits.subarray(row * classes, (row + 1) * classes), calibrator)[label]),
  );
  return losses.reduce((sum, loss) => sum + loss) / labels.length;
}

function penalty({ scale, bias }: VectorCalibrator, inverse: number): number {
  return scale.reduce((sum, w, k) => sum + (w - inverse) ** 2 + bias[k] ** 2, 0) / scale.length;
}
