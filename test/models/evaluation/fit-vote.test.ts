import { poolProbabilities } from "@spillway/shared/calibration/opinion-pool";
import { foldsOf } from "@spillway/shared/random/folds";
import { mulberry32 } from "@spillway/shared/random/mulberry32";
import { expect, it } from "vitest";
import { fitVote } from "../../../models/src/evaluation/fit-vote.ts";

const ROWS = 40;
const random = mulberry32(4);
const labels = Array.from({ length: ROWS }, () => Math.floor(2 * random()));
/** Right in as many rows as it says. */
const exit = (sure: number) =>
  Float64Array.from(
    labels.flatMap((label) => (random() < sure === (label === 0) ? [sure, 1 - sure] : [1 - sure, sure])),
  );
const exits = [exit(0.6), exit(0.85)];

it("weighs in thousandths that add up to one, the better exit more", () => {
  const { weights } = fitVote(exits, labels, 2);
  expect(weights[0] + weights[1]).toBe(1);
  expect(weights[1]).toBeGreaterThan(weights[0]);
  for (const weight of weights) expect(weight).toBe(Math.round(weight * 1000) / 1000);
});

it("pools every row by weights fitted without it", () => {
  const { probabilities } = fitVote(exits, labels, 2);
  const row = 7;
  const { judged, fitted } = foldsOf(ROWS).find((fold) => fold.judged.includes(row)) ?? { judged: [], fitted: [] };
  const of = (rows: readonly number[], values: ArrayLike<number>) =>
    rows.flatMap((at) => [values[2 * at], values[2 * at + 1]]);
  const { weights } = fitVote(
    exits.map((values) => Float64Array.from(of(fitted, values))),
    fitted.map((at) => labels[at]),
    2,
  );
  for (const at of judged) {
    const pooled = poolProbabilities(
      exits.map((values) => values.subarray(2 * at, 2 * at + 2)),
      weights,
    );
    expect(of([at], probabilities)).toEqual([...pooled]);
  }
  // Its own label moves the weights of the other folds only.
  const changed = fitVote(exits, labels.with(row, 1 - labels[row]), 2).probabilities;
  expect(of(judged, changed)).toEqual(of(judged, probabilities));
  expect(changed).not.toEqual(probabilities);
});

it("takes five rows and not four", () => {
  const some = (rows: number) =>
    fitVote(
      exits.map((values) => values.slice(0, 2 * rows)),
      labels.slice(0, rows),
      2,
    );
  expect(some(5).probabilities).toHaveLength(10);
  expect(() => some(4)).toThrow(new RangeError("folds: expected 2 to 4 (one row each), got 5"));
});
