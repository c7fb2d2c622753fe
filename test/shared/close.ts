// Agreement of numbers with a reference.
import { expect } from "vitest";

/** Every number within `tolerance` of the expected one, relative to it where that is above 1. */
export function expectClose(actual: ArrayLike<number>, expected: ArrayLike<number>, tolerance = 1e-9): void {
  expect(actual.length, "how many numbers").toBe(expected.length);
  for (let index = 0; index < expected.length; index++) {
    const error = Math.abs(actual[index] - expected[index]) / Math.max(1, Math.abs(expected[index]));
    const isClose = actual[index] === expected[index] || error <= tolerance;
    if (!isClose) expect.fail(`number ${index}: expected ${expected[index]} within ${tolerance}, got ${actual[index]}`);
  }
}
