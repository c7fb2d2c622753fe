import { applyCalibrator } from "@spillway/shared/calibration/calibrator";
import { softmax } from "@spillway/shared/calibration/softmax";
import type { IsotonicCalibrator } from "@spillway/shared/schema/calibration";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { expectClose } from "../close.ts";

const SEED = { seed: 8 };
const logitsOf = (row: readonly number[]) => row.map(Math.log);

const table: IsotonicCalibrator = {
  temperature: 1,
  probability: [0.1, 0.3, 0.5, 0.7],
  frequency: [0, 0.2, 0.2, 0.9],
};

it("is the softmax at a temperature", () => {
  expect(applyCalibrator([1, 2, -Infinity], { temperature: 2 })).toEqual(softmax([1, 2, -Infinity], 2));
});

describe("a vector calibrator", () => {
  it("scales and moves each class before the softmax", () => {
    const calibrated = applyCalibrator(Float32Array.of(1, 2, 3), { scale: [2, 1, 0], bias: [0, -1, 0.5] });
    expectClose(calibrated, softmax([2, 1, 0.5]));
  });

  it.each([[[1, 2]], [[1, 2, 3, 4]], [[]]])("refuses other classes: %o", (logits) => {
    expect(() => applyCalibrator(logits, { scale: [1, 1, 1], bias: [0, 0, 0] })).toThrow(
      new RangeError(`logits: expected 3 classes, got ${logits.length}`),
    );
  });

  it("refuses NaN, and an impossible class without a scale", () => {
    expect(() => applyCalibrator([1, Number.NaN], { scale: [1, 1], bias: [0, 0] })).toThrow(RangeError);
    expect(() => applyCalibrator([1, -Infinity], { scale: [1, 0], bias: [0, 0] })).toThrow(RangeError);
  });
});

describe("an isotonic calibrator", () => {
  it("looks each probability up, linear between knots and constant beyond, and makes the row add up to one", () => {
    // 0.05 lies before the first knot, 0.2 half way between the first two, 0.75 beyond the last.
    const calibrated = applyCalibrator(logitsOf([0.05, 0.2, 0.75]), table);
    expectClose(calibrated, [0, 0.1, 0.9], 2e-6);
    expect(calibrated[0]).toBeGreaterThan(0);
    expect(calibrated.reduce((sum, p) => sum + p, 0)).toBeCloseTo(1, 14);
  });

  it("uses its temperature first", () => {
    const warm = applyCalibrator(logitsOf([0.6, 0.4]), { ...table, temperature: 2 });
    expectClose(warm, applyCalibrator(logitsOf([...softmax(logitsOf([0.6, 0.4]), 2)]), table));
  });

  it("leaves a row as it was whose frequencies are all 0", () => {
    const nothing = { ...table, probability: [0.5, 1], frequency: [0, 0] };
    expectClose(applyCalibrator(logitsOf([0.4, 0.35, 0.25]), nothing), [0.4, 0.35, 0.25], 1e-14);
  });

  it("breaks the table's ties in the order of the probabilities", () => {
    const [first, second, third] = applyCalibrator(logitsOf([0.3, 0.3001, 0.3999]), table);
    expect(second).toBeGreaterThan(first);
    expect(third).toBeGreaterThan(second);
    expectClose([first, second, third], [1 / 3, 1 / 3, 1 / 3], 1e-6);
  });

  it("never changes the order of the classes", () => {
    const rising = fc.uniqueArray(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 6, maxLength: 6 });
    const logits = fc.array(fc.integer({ min: -60, max: 60 }), { minLength: 2, maxLength: 12 });
    fc.assert(
      fc.property(rising, rising, logits, (probability, frequency, row) => {
        const sort = (list: number[]) => list.toSorted((a, b) => a - b);
        // Half of the steps flat.
        const steps = sort(frequency).map((f, k, all) => (k % 2 === 1 ? all[k - 1] : f));
        const calibrator = { temperature: 8, probability: sort(probability), frequency: steps };
        const calibrated = applyCalibrator(row, calibrator);
        const order = row.map((_, k) => k).sort((a, b) => row[a] - row[b]);
        order.slice(1).forEach((k, place) => {
          if (row[k] === row[order[place]]) expect(calibrated[k]).toBe(calibrated[order[place]]);
          else expect(calibrated[k]).toBeGreaterThanOrEqual(calibrated[order[place]]);
        });
      }),
      SEED,
    );
  });
});
