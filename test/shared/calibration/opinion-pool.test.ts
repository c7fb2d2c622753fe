import { fitPoolWeights, poolProbabilities } from "@spillway/shared/calibration/opinion-pool";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import golden from "../../vectors/calibration.json" with { type: "json" };
import { expectClose } from "../close.ts";

const SEED = { seed: 5, numRuns: 60 };

/** One to four members of as many rows. */
const likelihoods = fc.tuple(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 25 })).chain(([members, rows]) =>
  fc.array(fc.array(fc.double({ min: 0.001, max: 1, noNaN: true }), { minLength: rows, maxLength: rows }), {
    minLength: members,
    maxLength: members,
  }),
);

function meanLogLikelihood(members: readonly number[][], weights: readonly number[]): number {
  const rows = members[0].map((_, row) =>
    Math.log(members.reduce((sum, member, m) => sum + weights[m] * member[row], 0)),
  );
  return rows.reduce((sum, value) => sum + value, 0) / rows.length;
}

describe("fitPoolWeights", () => {
  it.each(golden.poolWeights)("agrees with sequential quadratic programming: $name", (vector) => {
    const weights = fitPoolWeights(vector.likelihoods);
    // Expectation-maximisation stops where its steps are below 1e-9; a slow last mile leaves a thousand of them.
    expectClose(weights, vector.weights, 1e-6);
    expectClose([meanLogLikelihood(vector.likelihoods, weights)], [vector.meanLogLikelihood]);
  });

  it("gives weights of at least 0 that add up to one", () => {
    fc.assert(
      fc.property(likelihoods, (members) => {
        const weights = fitPoolWeights(members);
        expect(weights).toHaveLength(members.length);
        expect(Math.min(...weights)).toBeGreaterThanOrEqual(0);
        expect(weights.reduce((sum, w) => sum + w)).toBeCloseTo(1, 12);
      }),
      SEED,
    );
  });

  it("never does worse than a single member or equal weights", () => {
    fc.assert(
      fc.property(likelihoods, (members) => {
        const fitted = meanLogLikelihood(members, fitPoolWeights(members));
        const equal = members.map(() => 1 / members.length);
        expect(fitted).toBeGreaterThanOrEqual(meanLogLikelihood(members, equal) - 1e-12);
        members.forEach((_, only) => {
          const single = members.map((_, m) => (m === only ? 1 : 0));
          // Where a member alone is best, the other weights fade slowly and leave a few millionths of a nat.
          expect(fitted).toBeGreaterThanOrEqual(meanLogLikelihood(members, single) - 1e-5);
        });
      }),
      SEED,
    );
  });

  it("gives a lone member all, and equal members equal shares", () => {
    expect(fitPoolWeights([[0.2, 0.9]])).toEqual([1]);
    expectClose(
      fitPoolWeights([
        [0.2, 0.9],
        [0.2, 0.9],
      ]),
      [0.5, 0.5],
    );
  });

  it("learns nothing from rows that every member calls impossible", () => {
    const members = [
      [0.9, 0.2, 0.6],
      [0.1, 0.7, 0.5],
    ];
    const withImpossible = members.map((member) => [0, ...member, 0]);
    expectClose(fitPoolWeights(withImpossible), fitPoolWeights(members), 1e-6);
    expect(fitPoolWeights([[0], [0]])).toEqual([0.5, 0.5]);
  });

  it("keeps some weight on the only member that allows a row", () => {
    const [first, second] = fitPoolWeights([
      [0.9, 0.9, 0.9, 0],
      [0.1, 0.1, 0.1, 0.1],
    ]);
    expect(first).toBeGreaterThan(0.5);
    expect(second).toBeGreaterThan(0.2);
  });

  it.each([
    ["no members", [], "likelihoods: expected at least one member and one row"],
    ["no rows", [[], []], "likelihoods: expected at least one member and one row"],
    ["rows of different length", [[0.5, 0.5], [0.5]], "likelihoods: expected 2 rows for every member"],
    [
      "NaN",
      [
        [0.5, 0.5],
        [0.5, Number.NaN],
      ],
      "likelihoods: expected at least 0 in row 1, got NaN",
    ],
    ["a negative likelihood", [[-0.5], [0.5]], "likelihoods: expected at least 0 in row 0, got -0.5"],
  ])("refuses %s", (_, members, message) => {
    expect(() => fitPoolWeights(members)).toThrow(new RangeError(message));
  });
});

describe("poolProbabilities", () => {
  it("is the weighted mean, class by class", () => {
    const pooled = poolProbabilities([[0.5, 0.5, 0], Float32Array.of(0, 0.25, 0.75)], [0.25, 0.75]);
    expectClose(pooled, [0.125, 0.3125, 0.5625]);
  });

  it("is a member itself under all of the weight", () => {
    expect([
      ...poolProbabilities(
        [
          [0.2, 0.8],
          [0.6, 0.4],
        ],
        [0, 1],
      ),
    ]).toEqual([0.6, 0.4]);
  });

  it.each([
    ["no members", [], [], "weights: expected one for each of 0 members, got 0"],
    ["too few weights", [[1], [1]], [1], "weights: expected one for each of 2 members, got 1"],
    ["too many weights", [[1]], [0.5, 0.5], "weights: expected one for each of 1 members, got 2"],
    ["different classes", [[1, 0], [1]], [0.5, 0.5], "member 1: expected 2 classes, got 1"],
  ])("refuses %s", (_, members, weights, message) => {
    expect(() => poolProbabilities(members, weights)).toThrow(new RangeError(message));
  });
});
