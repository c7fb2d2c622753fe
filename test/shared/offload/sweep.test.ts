import {
  type AccuracyCurve,
  areaUnderCurve,
  OFFLOAD_ALL,
  oracleAccuracy,
  pointOf,
  rowAt,
  sweepThresholds,
} from "@spillway/shared/offload/sweep";
import fc from "fast-check";
import { describe, expect, it } from "vitest";

const SEED = { seed: 11, numRuns: 300 };
const NEXT_BELOW_1 = 1 - 2 ** -53;

type Row = readonly [confidence: number, edge: number, cloud: number];

const bit = fc.constantFrom(0, 1);
/** Rows of few confidences, so that most are shared. */
const rows = fc.array(fc.tuple(fc.constantFrom(0, 2 ** -1074, 0.25, 0.5, 0.75, NEXT_BELOW_1, 1), bit, bit), {
  minLength: 1,
  maxLength: 30,
});

function columns(table: readonly Row[]): [Float64Array, Uint8Array, Uint8Array] {
  return [
    Float64Array.from(table, ([confidence]) => confidence),
    Uint8Array.from(table, ([, edge]) => edge),
    Uint8Array.from(table, ([, , cloud]) => cloud),
  ];
}

const curveOf = (table: readonly Row[]) => sweepThresholds(...columns(table));

/** What a threshold does, row by row. */
function evaluate(table: readonly Row[], threshold: number) {
  const kept = table.filter(([confidence]) => !(confidence < threshold));
  const offloaded = table.filter(([confidence]) => confidence < threshold);
  const keptCorrect = kept.filter(([, edge]) => edge === 1).length;
  const correct = keptCorrect + offloaded.filter(([, , cloud]) => cloud === 1).length;
  return {
    threshold,
    accuracy: correct / table.length,
    offloadRate: offloaded.length / table.length,
    keptAccuracy: kept.length === 0 ? null : keptCorrect / kept.length,
  };
}

describe("sweepThresholds", () => {
  it("does at every point what the rows do one by one, with a point for each distinct confidence", () => {
    fc.assert(
      fc.property(rows, (table) => {
        const curve = curveOf(table);
        const distinct = [...new Set(table.map(([confidence]) => confidence))].sort((a, b) => a - b);
        expect([...curve.thresholds]).toEqual([...distinct, OFFLOAD_ALL]);
        expect(curve.rows).toBe(table.length);
        curve.thresholds.forEach((threshold, point) => {
          expect(pointOf(curve, point)).toEqual(evaluate(table, threshold));
        });
      }),
      SEED,
    );
  });

  it("leaves its arguments as they were, and does not depend on their order", () => {
    fc.assert(
      fc.property(rows, (table) => {
        const given = columns(table);
        const curve = sweepThresholds(...given);
        expect(given).toEqual(columns(table));
        expect(curveOf(table.toReversed())).toEqual(curve);
      }),
      SEED,
    );
  });

  it("accepts any number below the threshold that offloads everything, and none from there on", () => {
    const table = (confidence: number) => curveOf([[confidence, 1, 0]]);
    expect([...table(-Infinity).thresholds]).toEqual([-Infinity, OFFLOAD_ALL]);
    expect([...table(OFFLOAD_ALL - 2 ** -52).thresholds]).toEqual([OFFLOAD_ALL - 2 ** -52, OFFLOAD_ALL]);
    const message = "confidence: expected numbers below 2, got 2 in row 0";
    expect(() => table(OFFLOAD_ALL)).toThrow(new RangeError(message));
  });

  it.each([
    ["no rows", [], [], [], "confidence: expected at least one row, got none"],
    ["an edge of other length", [0, 1], [1], [1, 1], "edgeCorrect and cloudCorrect: expected 2 rows each, got 1 and 2"],
    ["a cloud of other length", [0], [1], [1, 1], "edgeCorrect and cloudCorrect: expected 1 rows each, got 1 and 2"],
    ["NaN", [0, Number.NaN], [1, 0], [1, 1], "confidence: expected numbers below 2, got NaN in row 1"],
  ])("refuses %s", (_, confidence, edge, cloud, message) => {
    const sweep = () => sweepThresholds(Float64Array.from(confidence), Uint8Array.from(edge), Uint8Array.from(cloud));
    expect(sweep).toThrow(new RangeError(message));
  });
});

describe("rowAt", () => {
  const table: Row[] = [
    [0.25, 0, 1],
    [0.5, 1, 1],
    [0.5, 0, 0],
    [0.75, 1, 0],
  ];

  it.each([
    ["far below the points", -Infinity, 0.5, 0, 0.5],
    ["at the first point", 0.25, 0.5, 0, 0.5],
    ["just past the first point", 0.25 + 2 ** -54, 0.75, 0.25, 2 / 3],
    ["between two points", 0.4, 0.75, 0.25, 2 / 3],
    ["at an inner point", 0.5, 0.75, 0.25, 2 / 3],
    ["at the last confidence", 0.75, 0.75, 0.75, 1],
    ["above all confidences", 0.9, 0.5, 1, null],
    ["where everything is offloaded", OFFLOAD_ALL, 0.5, 1, null],
    ["far above", Infinity, 0.5, 1, null],
  ])("offloads what is below the threshold: %s", (_, threshold, accuracy, offloadRate, keptAccuracy) => {
    expect(rowAt(curveOf(table), threshold)).toEqual({ threshold, accuracy, offloadRate, keptAccuracy });
  });

  it("agrees with the rows one by one at any threshold", () => {
    const threshold = fc.oneof(fc.double({ min: -1, max: 3, noNaN: true }), fc.constantFrom(0.25, 0.5, NEXT_BELOW_1));
    fc.assert(
      fc.property(rows, threshold, (sample, t) => {
        expect(rowAt(curveOf(sample), t)).toEqual(evaluate(sample, t));
      }),
      SEED,
    );
  });

  it("refuses NaN", () => {
    expect(() => rowAt(curveOf(table), Number.NaN)).toThrow(new RangeError("threshold: expected a number, got NaN"));
  });
});

describe("areaUnderCurve", () => {
  const corners = (rowCount: number, offloaded: number[], correct: number[]): AccuracyCurve => ({
    rows: rowCount,
    thresholds: Float64Array.from(offloaded, (_, point) => point),
    offloaded: Uint32Array.from(offloaded),
    keptCorrect: new Uint32Array(offloaded.length),
    correct: Uint32Array.from(correct),
  });

  it.each([
    ["flat", corners(10, [0, 10], [6, 6]), 0.6],
    ["a straight line", corners(10, [0, 10], [2, 8]), 0.5],
    ["a line in steps", corners(10, [0, 1, 5, 10], [0, 1, 5, 10]), 0.5],
    ["up at once, then flat", corners(4, [0, 1, 4], [1, 4, 4]), 0.15625 + 0.75],
    ["up and down", corners(4, [0, 2, 4], [0, 4, 0]), 0.5],
  ])("is the mean accuracy over all rates: %s", (_, curve, area) => {
    expect(areaUnderCurve(curve)).toBeCloseTo(area, 14);
  });

  it("of one confidence for all rows is that of offloading at random", () => {
    expect(
      areaUnderCurve(
        curveOf([
          [0.5, 1, 1],
          [0.5, 0, 1],
        ]),
      ),
    ).toBeCloseTo(0.75, 14);
  });
});

describe("oracleAccuracy", () => {
  it("takes the gains first, then what makes no difference, and the losses last", () => {
    const [, edge, cloud] = columns([
      [0, 0, 1],
      [0, 1, 1],
      [0, 0, 0],
      [0, 1, 0],
    ]);
    const at = [0, 0.125, 0.25, 0.5, 0.75, 0.875, 1].map((rate) => oracleAccuracy(edge, cloud, rate));
    expect(at).toEqual([0.5, 0.625, 0.75, 0.75, 0.75, 0.625, 0.5]);
  });

  it("is at least as good as every point of every curve, and the same at both ends", () => {
    fc.assert(
      fc.property(rows, (table) => {
        const [, edge, cloud] = columns(table);
        const curve = curveOf(table);
        const last = curve.thresholds.length - 1;
        for (let point = 0; point <= last; point++) {
          const { accuracy, offloadRate } = pointOf(curve, point);
          const oracle = oracleAccuracy(edge, cloud, offloadRate);
          expect(oracle).toBeGreaterThanOrEqual(accuracy - 1e-12);
          if (point === 0 || point === last) expect(oracle).toBeCloseTo(accuracy, 12);
        }
      }),
      SEED,
    );
  });

  it("is reached where confidences rank gains first and losses last", () => {
    const rank = ([, edge, cloud]: Row) => edge - cloud;
    fc.assert(
      fc.property(rows, (table) => {
        const ranked = table.toSorted((a, b) => rank(a) - rank(b)).map((row, n): Row => [n / 64, row[1], row[2]]);
        const [, edge, cloud] = columns(table);
        const curve = curveOf(ranked);
        curve.thresholds.forEach((_, point) => {
          const { accuracy, offloadRate } = pointOf(curve, point);
          expect(oracleAccuracy(edge, cloud, offloadRate)).toBeCloseTo(accuracy, 12);
        });
      }),
      SEED,
    );
  });
});
