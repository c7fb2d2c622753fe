import { DEFAULT_FOLDS, foldsOf } from "@spillway/shared/random/folds";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import golden from "../../vectors/offload.json" with { type: "json" };

const rowsFrom0 = (count: number) => Array.from({ length: count }, (_, row) => row);
const rising = (a: number, b: number) => a - b;

describe("foldsOf", () => {
  it.each(golden.folds)("deals $rows rows into $folds folds as the generator does", ({ rows, folds, seed, judged }) => {
    expect(foldsOf(rows, folds, seed).map((fold) => fold.judged)).toEqual(judged);
  });

  it("judges each row once, by all others, in folds of nearly equal size", () => {
    const sizes = fc.integer({ min: 2, max: 12 }).chain((folds) => fc.tuple(fc.constant(folds), fc.nat(40)));
    fc.assert(
      fc.property(sizes, fc.nat(), ([folds, more], seed) => {
        const rows = folds + more;
        const parts = foldsOf(rows, folds, seed);
        expect(parts).toEqual(foldsOf(rows, folds, seed));
        expect(parts).toHaveLength(folds);
        expect(parts.flatMap(({ judged }) => judged).sort(rising)).toEqual(rowsFrom0(rows));
        for (const { fitted, judged } of parts) {
          expect([...fitted, ...judged].sort(rising)).toEqual(rowsFrom0(rows));
          expect([fitted, judged]).toEqual([fitted.toSorted(rising), judged.toSorted(rising)]);
        }
        const counts = parts.map(({ judged }) => judged.length);
        expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
      }),
      { seed: 22 },
    );
  });

  it("deals into five unless told, and otherwise for another seed", () => {
    expect(foldsOf(30)).toEqual(foldsOf(30, DEFAULT_FOLDS));
    expect(foldsOf(30)).toHaveLength(5);
    expect(foldsOf(30, 5, 1)).not.toEqual(foldsOf(30, 5, 2));
  });

  it.each([
    [5, 1],
    [5, 6],
    [4, undefined],
    [0, undefined],
    [5, 2.5],
    [5, Number.NaN],
  ])("refuses %d rows in %s folds", (rows, folds) => {
    const message = `folds: expected 2 to ${rows} (one row each), got ${folds ?? 5}`;
    expect(() => foldsOf(rows, folds)).toThrow(new RangeError(message));
  });

  it("takes as few folds as two and as many as rows", () => {
    expect(foldsOf(5, 2).map(({ judged }) => judged.length)).toEqual([3, 2]);
    expect(foldsOf(5, 5).map(({ judged }) => judged.length)).toEqual([1, 1, 1, 1, 1]);
  });
});
