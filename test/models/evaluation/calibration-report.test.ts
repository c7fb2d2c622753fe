// Quality of four rows, counted by hand.
import { expect, it } from "vitest";
import { calibrationQuality, topLabels } from "../../../models/src/evaluation/calibration-report.ts";

const PROBABILITIES = Float64Array.from([0.9, 0.1, 0.6, 0.4, 0.5, 0.5, 0.2, 0.8]);
const LABELS = [0, 1, 0, 1];

it("names the first of equals the top label", () => {
  const { confidence, correct } = topLabels(PROBABILITIES, LABELS, 2);
  expect([...confidence]).toEqual([0.9, 0.6, 0.5, 0.8]);
  expect([...correct]).toEqual([1, 0, 1, 1]);
});

it("is what its definitions say", () => {
  const { accuracy, nll, ece, adaptiveEce, brier } = calibrationQuality(PROBABILITIES, LABELS, 2);
  expect(accuracy).toBe(0.75);
  expect(nll).toBeCloseTo(-Math.log(0.9 * 0.4 * 0.5 * 0.8) / 4, 12);
  // Each row has a bin of its own: |1 - 0.9| + |0 - 0.6| + |1 - 0.5| + |1 - 0.8|.
  expect(ece).toBeCloseTo(1.4 / 4, 12);
  expect(adaptiveEce).toBeCloseTo(1.4 / 4, 12);
  expect(brier).toBeCloseTo(2 * (0.01 + 0.36 + 0.25 + 0.04) * 0.25, 12);
});

it("counts a likelihood of 0 as 1e-12", () => {
  expect(calibrationQuality(Float64Array.from([1, 0]), [1], 2).nll).toBeCloseTo(12 * Math.log(10), 9);
});
