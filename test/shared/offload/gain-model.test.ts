import { fitGainModel, gainFeatures, predictGain } from "@spillway/shared/offload/gain-model";
import { mulberry32 } from "@spillway/shared/random/mulberry32";
import { gainModelSchema } from "@spillway/shared/schema/calibration";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import golden from "../../vectors/offload.json" with { type: "json" };
import { expectClose } from "../close.ts";

const CASES = golden.gainModel.map((vector) => ({
  ...vector,
  rows: vector.gain.map((_, row) => vector.probabilities.slice(row * vector.classes, (row + 1) * vector.classes)),
  ridge: Number(vector.ridge),
}));

/** Rows of three probabilities, the classes named equally often. */
function someRows(count: number, seed: number): number[][] {
  const random = mulberry32(seed);
  return Array.from({ length: count }, () => {
    const logits = [random(), random(), random()].map((u) => Math.exp(4 * u));
    const sum = logits.reduce((a, b) => a + b);
    return logits.map((value) => value / sum);
  });
}

describe("fitGainModel", () => {
  it.each(CASES)("is NumPy's dense ridge regression: $name", ({ rows, gain, ridge, ...expected }) => {
    const model = fitGainModel(rows, gain, ridge);
    if (expected.isUnique) {
      expectClose([model.intercept], [expected.intercept], 1e-6);
      expectClose(model.weights, expected.weights, 1e-6);
      expectClose(model.offsets, expected.offsets, 1e-6);
    }
    expectClose(
      rows.map((row) => predictGain(model, row)),
      expected.predictions,
      1e-6,
    );
    expect(gainModelSchema.safeParse(model).error).toBeUndefined();
    expect(model.weights).toHaveLength(gainFeatures(expected.classes));
  });

  it("has no offset for a class that is never named, and shrinks those of few rows", () => {
    const rows = someRows(60, 1).filter((row) => row[2] < Math.max(row[0], row[1]));
    const gain = rows.map((row) => (row[0] > row[1] ? 1 : -1));
    const [first, second, third] = fitGainModel(rows, gain, 10).offsets;
    expect(third).toBe(0);
    expect(first).toBeGreaterThan(0.1);
    expect(second).toBeLessThan(-0.1);
    const shrunk = fitGainModel(rows, gain, 1000).offsets;
    expect(shrunk[0]).toBeGreaterThan(0);
    expect(shrunk[0]).toBeLessThan(first / 10);
  });

  it("has no offsets under an infinite ridge", () => {
    const rows = someRows(40, 2);
    const gain = rows.map((row) => (row[0] > 0.5 ? 1 : 0));
    expect(fitGainModel(rows, gain, Number.POSITIVE_INFINITY).offsets).toEqual([0, 0, 0]);
    const nearly = fitGainModel(rows, gain, 1e9);
    expectClose(nearly.weights, fitGainModel(rows, gain, Number.POSITIVE_INFINITY).weights, 1e-6);
  });

  it("counts a row of equal probabilities to the first class of them", () => {
    const rows = Array.from({ length: 20 }, () => [0.4, 0.4, 0.2]);
    const { offsets } = fitGainModel([...rows, ...someRows(20, 3)], [...rows.map(() => 1), ...rows.map(() => 0)], 5);
    const [first, second] = offsets;
    expect(first).toBeGreaterThan(second);
    const third = fitGainModel(rows, new Array<number>(20).fill(1), 5).offsets;
    expect(third.slice(1)).toEqual([0, 0]);
  });

  // Features whose mean is not exact: rounding must not pass for variation.
  it.each([
    ["one row over and over", Array.from({ length: 60 }, () => [0.7, 0.2, 0.1])],
    ["one row", [[0.6, 0.3, 0.1]]],
    ["one class", Array.from({ length: 7 }, () => [1])],
    [
      "a third probability that is always as good as none",
      Array.from({ length: 50 }, (_, row) => [0.5 + row / 128, 0.5 - row / 128, 1e-12]),
    ],
  ])("stays small where a feature is constant: %s", (_, rows) => {
    const gain = rows.map((__, row) => [1, 0, 0, -1, 1][row % 5]);
    const model = fitGainModel(rows, gain, 10);
    const mean = gain.reduce((a, b) => a + b) / gain.length;
    for (const weight of model.weights) expect(Math.abs(weight)).toBeLessThan(100);
    if (rows.length !== 50) for (const row of rows) expect(predictGain(model, row)).toBeCloseTo(mean, 6);
    const predicted = rows.reduce((sum, row) => sum + predictGain(model, row), 0) / rows.length;
    expect(predicted).toBeCloseTo(mean, 1);
  });

  it("keeps the mean of the gains, as the intercept is free", () => {
    const rows = someRows(80, 5);
    const gain = rows.map((row, index) => (row[0] + index / 80 > 1 ? 1 : 0));
    const model = fitGainModel(rows, gain, 20);
    const residual = rows.reduce((sum, row, index) => {
      const raw = predictGain(model, row);
      expect(Math.abs(raw)).toBeLessThan(1);
      return sum + gain[index] - raw;
    }, 0);
    expect(residual).toBeCloseTo(0, 5);
  });

  it("leaves its arguments as they were, and does not depend on the order of the rows", () => {
    const rows = someRows(30, 6);
    const gain = rows.map((_, row) => (row % 3) - 1);
    const kept = structuredClone({ rows, gain });
    const model = fitGainModel(rows, gain, 10);
    expect({ rows, gain }).toEqual(kept);
    const reversed = fitGainModel(rows.toReversed(), gain.toReversed(), 10);
    expectClose(reversed.weights, model.weights, 1e-9);
    expectClose(reversed.offsets, model.offsets, 1e-9);
  });

  it.each([
    ["no rows", [], [], 1, "gain: expected one for each of 0 rows, at least one, got 0"],
    ["different lengths", [[0.5, 0.5]], [1, 0], 1, "gain: expected one for each of 1 rows, at least one, got 2"],
    ["a negative ridge", [[0.5, 0.5]], [1], -0.1, "ridge: expected at least 0, got -0.1"],
    ["a ridge that is NaN", [[0.5, 0.5]], [1], Number.NaN, "ridge: expected at least 0, got NaN"],
    [
      "a gain that is NaN",
      [
        [1, 0],
        [1, 0],
      ],
      [1, Number.NaN],
      1,
      "gain: expected numbers, got NaN in row 1",
    ],
    ["a probability that is NaN", [[1, Number.NaN]], [1], 1, "probabilities: expected numbers, got NaN at class 1"],
    ["rows of other classes", [[1, 0], [1]], [1, 1], 1, "probabilities: expected 2 classes in row 1, got 1"],
  ])("refuses %s", (_, rows, gain, ridge, message) => {
    expect(() => fitGainModel(rows, gain, ridge)).toThrow(new RangeError(message));
  });
});

describe("predictGain", () => {
  const model = { intercept: 0.1, weights: [0.5, 0, 0, 0, 0, 0, 0], offsets: [0.2, -0.2] };

  it("is the intercept, the weighted features and the offset of the class that is named", () => {
    expect(predictGain(model, [0.75, 0.25])).toBeCloseTo(0.1 + 0.2 + 0.5 * 0.5, 12);
    expect(predictGain(model, [0.25, 0.75])).toBeCloseTo(0.1 - 0.2 + 0.5 * 0.5, 12);
    expect(predictGain(model, [0.5, 0.5])).toBeCloseTo(0.1 + 0.2, 12);
  });

  it("stays within [-1, 1], whatever the model and the probabilities", () => {
    const number = fc.double({ min: -1e3, max: 1e3, noNaN: true });
    const anyModel = fc.record({
      intercept: number,
      weights: fc.array(number, { minLength: 7, maxLength: 7 }),
      offsets: fc.tuple(number, number).map((pair): number[] => pair),
    });
    fc.assert(
      fc.property(anyModel, fc.double({ min: 0, max: 1, noNaN: true }), (any, p) => {
        expect(Math.abs(predictGain(any, [p, 1 - p]))).toBeLessThanOrEqual(1);
      }),
      { seed: 23 },
    );
    expect(predictGain({ ...model, intercept: 5 }, [1, 0])).toBe(1);
    expect(predictGain({ ...model, intercept: -5 }, [1, 0])).toBe(-1);
  });

  it.each([1, 3])("refuses %d probabilities for two classes", (classes) => {
    const row = new Array<number>(classes).fill(1 / classes);
    const message = `probabilities: expected 2 classes, got ${classes}`;
    expect(() => predictGain(model, row)).toThrow(new RangeError(message));
  });
});

it.each([
  [1, 6],
  [2, 7],
  [5, 10],
  [6, 10],
  [1000, 10],
])("%d classes give %d features", (classes, features) => {
  expect(gainFeatures(classes)).toBe(features);
});
