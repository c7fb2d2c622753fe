// Means of repeated draws, and how far they may be from what is expected of them.
import { expect } from "vitest";
import { meanOf } from "../../../models/src/simulation/simulate.ts";

/** The mean of independent draws is within four standard errors of what it should be; of two means, of both errors. */
export function expectMean(draws: readonly number[], expected: number | readonly number[]): void {
  const [found, wanted] = [statisticOf(draws), typeof expected === "number" ? null : statisticOf(expected)];
  const target = wanted?.mean ?? (expected as number);
  const error = Math.hypot(found.error, wanted?.error ?? 0);
  // What never varies is exact but for rounding.
  const apart = Math.abs(found.mean - target);
  if (apart > 4 * error + 1e-12) expect.fail(`expected ${target} within 4 x ${error}, got ${found.mean}`);
}

function statisticOf(draws: readonly number[]): { mean: number; error: number } {
  const { mean, standardError } = meanOf(Float64Array.from(draws));
  return { mean, error: standardError ?? 0 };
}
