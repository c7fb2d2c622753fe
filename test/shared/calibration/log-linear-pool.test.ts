import {
  fitLogLinearPool,
  LARGEST_POWER,
  poolLogLinear,
  SMALLEST_PROBABILITY,
} from "@spillway/shared/calibration/log-linear-pool";
import { negativeLogLikelihood } from "@spillway/shared/calibration/temperature";
import { describe, expect, it } from "vitest";
import golden from "../../vectors/calibration.json" with { type: "json" };
import { expectClose } from "../close.ts";

describe("poolLogLinear", () => {
  it.each(golden.logLinearPool)("agrees with SciPy: $name", ({ members, classes, powers, firstRow }) => {
    const rows = members.map((member) => member.slice(0, classes));
    expectClose(poolLogLinear(rows, powers), firstRow, 1e-9);
  });

  it("is a member itself under a power of 1 alone, and uniform under no power", () => {
    expectClose(
      poolLogLinear(
        [
          [0.2, 0.8],
          [0.6, 0.4],
        ],
        [0, 1],
      ),
      [0.6, 0.4],
    );
    expect([...poolLogLinear([[0.2, 0.8]], [0])]).toEqual([0.5, 0.5]);
  });

  it("gives no member a veto: a zero counts as 1e-12", () => {
    const pooled = poolLogLinear([[0, 1], Float32Array.of(0.5, 0.5)], [1, 1]);
    expect(pooled[0] / pooled[1]).toBeCloseTo(SMALLEST_PROBABILITY, 20);
    expect(poolLogLinear([[1e-13, 1]], [1])).toEqual(poolLogLinear([[0, 1]], [1]));
    expect(poolLogLinear([[2e-12, 1]], [1])[0]).toBeGreaterThan(1.9e-12);
  });

  it("stays finite under the largest power", () => {
    expect([...poolLogLinear([[0, 1, 0.5]], [LARGEST_POWER])]).toEqual([0, 1, expect.closeTo(2 ** -100, 35)]);
  });

  it.each([
    ["no members", [], [], "powers: expected one for each of 0 members, got 0"],
    ["too few powers", [[1], [1]], [1], "powers: expected one for each of 2 members, got 1"],
    ["different classes", [[1, 0], [1]], [1, 1], "member 1: expected 2 classes, got 1"],
    ["a negative power", [[1, 0]], [-0.1], "powers: expected at least 0 for member 0, got -0.1"],
    ["a power that is NaN", [[1, 0]], [Number.NaN], "powers: expected at least 0 for member 0, got NaN"],
    ["NaN", [[1], [Number.NaN]], [1, 1], "member 1: expected probabilities of at least 0, got NaN"],
    ["a negative probability", [[-0.5]], [1], "member 0: expected probabilities of at least 0, got -0.5"],
  ])("refuses %s", (_, members, powers, message) => {
    expect(() => poolLogLinear(members, powers)).toThrow(new RangeError(message));
  });
});

describe("fitLogLinearPool", () => {
  it.each(golden.logLinearPool)("agrees with SciPy's L-BFGS-B: $name", ({ members, labels, classes, powers, nll }) => {
    const typed = members.map((member) => Float64Array.from(member));
    const fitted = fitLogLinearPool(typed, labels, classes);
    expectClose(fitted, powers, 1e-5);
    expect(meanLoss(typed, labels, classes, fitted)).toBeLessThanOrEqual(nll + 1e-10);
  });

  it("gives no power to a member of no use", () => {
    // The first is right in three of four rows, the second in none.
    const useful = Float64Array.of(0.8, 0.2, 0.2, 0.8, 0.8, 0.2, 0.8, 0.2);
    const wrong = Float64Array.of(0.2, 0.8, 0.8, 0.2, 0.2, 0.8, 0.8, 0.2);
    const [first, second] = fitLogLinearPool([useful, wrong], [0, 1, 0, 1], 2);
    expect(second).toBe(0);
    // Its odds of 4 become the odds of 3 that it deserves.
    expect(first).toBeCloseTo(Math.log(3) / Math.log(4), 7);
  });

  it("lets equal members share, and takes float32", () => {
    const member = Float32Array.of(0.75, 0.25, 0.25, 0.75, 0.5, 0.5, 0.75, 0.25);
    const labels = [0, 1, 1, 1];
    const [alone] = fitLogLinearPool([member], labels, 2);
    const [one, other] = fitLogLinearPool([member, member], labels, 2);
    expect(alone).toBeCloseTo(Math.log(2) / Math.log(3), 7);
    expect(one).toBeCloseTo(other, 7);
    expect(one + other).toBeCloseTo(alone, 7);
  });

  it("stops at the largest power where the members separate the labels perfectly", () => {
    expect(fitLogLinearPool([Float64Array.of(0.5001, 0.4999, 0.4999, 0.5001)], [0, 1], 2)).toEqual([LARGEST_POWER]);
  });

  it("is what a temperature is, for one member", () => {
    const [vector] = golden.temperature;
    const rows = vector.labels.map((_, row) =>
      poolLogLinear([vector.logits.slice(row * vector.classes, (row + 1) * vector.classes).map(Math.exp)], [1]),
    );
    const member = Float64Array.from(rows.flatMap((row) => [...row]));
    expectClose(fitLogLinearPool([member], vector.labels, vector.classes), [1 / vector.temperature], 1e-6);
  });

  it.each([
    ["no members", [], [0], "members: expected at least one, got none"],
    ["no rows", [[]], [], "labels: expected at least one row, got none"],
    ["members of other length", [[1, 0], [1]], [0], "member 1: expected 1 x 2 numbers, got 1"],
    ["a label one past the last", [[1, 0]], [2], "labels: expected an integer in [0, 2) in row 0, got 2"],
    ["NaN", [[1, Number.NaN]], [0], "member 0: expected numbers, got NaN in row 0"],
    ["a negative probability", [[1, -0.5]], [0], "member 0: expected probabilities of at least 0, got -0.5"],
  ])("refuses %s", (_, members, labels, message) => {
    const typed = members.map((member) => Float64Array.from(member));
    expect(() => fitLogLinearPool(typed, labels, 2)).toThrow(new RangeError(message));
  });
});

function meanLoss(members: Float64Array[], labels: number[], classes: number, powers: number[]): number {
  const scores = members[0].map((_, index) =>
    members.reduce((sum, member, m) => sum + powers[m] * Math.log(Math.max(member[index], SMALLEST_PROBABILITY)), 0),
  );
  return negativeLogLikelihood(scores, labels, classes);
}
