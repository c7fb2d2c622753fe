// Accuracy of each network on each half.
import { expect, test } from "vitest";
import { measureAccuracy, standardError } from "../../../models/src/evaluation/accuracy.ts";
import { splitInHalves } from "../../../models/src/images/split.ts";

const ROWS = 9;

/** Two classes; right where `isRight` says so. */
function member(labels: number[], isRight: (row: number) => boolean): Float32Array {
  return Float32Array.from({ length: ROWS * 2 }, (_, at) => {
    const row = Math.floor(at / 2);
    return (at % 2 === labels[row]) === isRight(row) ? 3 : -3;
  });
}

test("counts each network's right answers on either half", () => {
  const labels = Array.from({ length: ROWS }, (_, row) => row % 2);
  const { calibration, report } = splitInHalves(ROWS);
  const logits = {
    rows: ROWS,
    classes: 2,
    exits: [member(labels, () => false), member(labels, (row) => calibration.includes(row))],
    large: member(labels, (row) => row !== report[0]),
    tail: [{ setting: "2x1", logits: member(labels, (row) => row === report[1]), frameBytes: null }],
  };
  expect(measureAccuracy(logits, labels)).toEqual([
    { model: "exit 1", half: "calibration", top1: 0, n: 4 },
    { model: "exit 1", half: "report", top1: 0, n: 5 },
    { model: "exit 2", half: "calibration", top1: 1, n: 4 },
    { model: "exit 2", half: "report", top1: 0, n: 5 },
    { model: "large", half: "calibration", top1: 1, n: 4 },
    { model: "large", half: "report", top1: 0.8, n: 5 },
    { model: "tail 2x1", half: "calibration", top1: 0, n: 4 },
    { model: "tail 2x1", half: "report", top1: 0.2, n: 5 },
  ]);
});

test("the first of equal logits is the answer", () => {
  const tied = new Float32Array(4);
  const entries = measureAccuracy({ rows: 2, classes: 2, exits: [tied], large: tied, tail: [] }, [0, 1]);
  expect(entries.map(({ top1 }) => top1).toSorted()).toEqual([0, 0, 1, 1]);
});

test("the standard error is a proportion's", () => {
  expect(standardError({ top1: 0.8, n: 400 })).toBeCloseTo(0.02, 12);
  expect(standardError({ top1: 1, n: 5 })).toBe(0);
});
