import { argmax, logSumExp, softmax, softmaxRows } from "@spillway/shared/calibration/softmax";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import golden from "../../vectors/calibration.json" with { type: "json" };
import { expectClose } from "../close.ts";

const SEED = { seed: 1 };
const logits = fc.array(fc.double({ min: -1e3, max: 1e3, noNaN: true }), { minLength: 1, maxLength: 20 });
const temperature = fc.double({ min: 0.01, max: 100, noNaN: true });

describe("softmax and logSumExp", () => {
  it.each(golden.softmax)("agree with SciPy: $name", (vector) => {
    const row = vector.logits.map(Number);
    expectClose(softmax(row, vector.temperature), vector.probabilities);
    expectClose([logSumExp(row, vector.temperature)], [vector.logSumExp]);
  });

  it("gives probabilities that add up to one", () => {
    fc.assert(
      fc.property(logits, temperature, (row, t) => {
        const probabilities = softmax(row, t);
        expect(probabilities.every((p) => p >= 0 && p <= 1)).toBe(true);
        expect(probabilities.reduce((sum, p) => sum + p)).toBeCloseTo(1, 12);
      }),
      SEED,
    );
  });

  it("does not change when every logit is moved by as much", () => {
    fc.assert(
      fc.property(logits, fc.integer({ min: -1e6, max: 1e6 }), (row, shift) => {
        const moved = row.map((z) => z + shift);
        expectClose(softmax(moved), softmax(row), 1e-8);
      }),
      SEED,
    );
  });

  it("keeps the order of the classes at every temperature", () => {
    fc.assert(
      fc.property(logits, temperature, (row, t) => {
        const probabilities = softmax(row, t);
        expect(probabilities[argmax(row)]).toBe(Math.max(...probabilities));
      }),
      SEED,
    );
  });

  it("computes in float64 whatever comes in", () => {
    const row = Float32Array.of(1, 2, 3);
    const probabilities = softmax(row);
    expect(probabilities).toBeInstanceOf(Float64Array);
    expect(probabilities).toEqual(softmax([1, 2, 3]));
    expect([...row]).toEqual([1, 2, 3]);
  });

  it.each([
    ["no classes", [], 1, "logits: expected at least one class, got none"],
    ["NaN", [0, Number.NaN], 1, "logits: expected numbers, got NaN at class 1"],
    ["an infinite logit", [0, Number.POSITIVE_INFINITY], 1, "logits: expected a finite maximum, got Infinity"],
    ["only impossible classes", [-Infinity, -Infinity], 1, "logits: expected a finite maximum, got -Infinity"],
    ["a temperature of 0", [1, 2], 0, "temperature: expected a number above 0, got 0"],
    ["a negative temperature", [1, 2], -1, "temperature: expected a number above 0, got -1"],
    ["a temperature that is NaN", [1, 2], Number.NaN, "temperature: expected a number above 0, got NaN"],
  ])("refuses %s", (_, row, t, message) => {
    expect(() => softmax(row, t)).toThrow(new RangeError(message));
    expect(() => logSumExp(row, t)).toThrow(new RangeError(message));
  });

  it("accepts the smallest temperature above 0", () => {
    expect([...softmax([1, 2, 2], Number.MIN_VALUE)]).toEqual([0, 0.5, 0.5]);
  });
});

describe("softmaxRows", () => {
  const table = [1, 2, 3, -1, 0, -Infinity];

  it.each([Float32Array, Float64Array])("is the softmax of each row", (Kind) => {
    const probabilities = softmaxRows(Kind.from(table), 3);
    expect(probabilities).toEqual(Float64Array.of(...softmax(table.slice(0, 3)), ...softmax(table.slice(3))));
    expect(softmaxRows(new Kind(0), 3)).toEqual(new Float64Array(0));
  });

  it.each([2.5, 4, 0])("refuses rows of %d classes, which do not come out even", (classes) => {
    const values = Float64Array.from(table).subarray(0, 3);
    const message = `logits: expected rows of ${classes} classes, got 3 numbers`;
    expect(() => softmaxRows(values, classes)).toThrow(new RangeError(message));
  });
});

describe("argmax", () => {
  it.each([
    ["the largest", [0.1, 0.7, 0.2], 1],
    ["the first of equals", [0.1, 0.45, 0.45], 1],
    ["the last class", [-3, -2, -1], 2],
    ["the only one", [-5], 0],
  ])("finds %s", (_, values, index) => {
    expect(argmax(values)).toBe(index);
  });
});
