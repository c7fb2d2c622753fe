// The sweep over the published probabilities of EdgeBoost, against the table of its own evaluation.
import { existsSync } from "node:fs";
import { confidenceOf } from "@spillway/shared/calibration/confidence";
import { rowOf } from "@spillway/shared/calibration/row-major";
import { argmax } from "@spillway/shared/calibration/softmax";
import {
  type AccuracyCurve,
  areaUnderCurve,
  oracleAccuracy,
  rowAt,
  sweepThresholds,
} from "@spillway/shared/offload/sweep";
import { beforeAll, describe, expect, it } from "vitest";
import { readNpy } from "../calibration/npy.ts";

const FOLDER = new URL("../../../../shared/data/edgeboost/", import.meta.url);
const isThere = existsSync(new URL("labels.npy", FOLDER));
const note = isThere ? "" : " (skipped: ../shared/data/edgeboost, which holds its probabilities, is missing)";

describe.skipIf(!isThere)(`a sweep over EdgeBoost's published outputs${note}`, () => {
  let curve: AccuracyCurve;
  let correct: { edge: Uint8Array; cloud: Uint8Array };

  beforeAll(() => {
    const labels = readNpy(new URL("labels.npy", FOLDER)).data;
    const [edge, cloud] = ["edge-calibrated", "cloud"].map((model) => readNpy(new URL(`${model}.npy`, FOLDER)));
    const classes = edge.shape[1];
    const correctBy = ({ data }: typeof edge) =>
      Uint8Array.from(labels, (label, row) => (argmax(rowOf(data, row, classes)) === label ? 1 : 0));
    const confidence = labels.map((_, row) => confidenceOf(rowOf(edge.data, row, classes), "margin"));
    correct = { edge: correctBy(edge), cloud: correctBy(cloud) };
    curve = sweepThresholds(confidence, correct.edge, correct.cloud);
  });

  // The table prints one digit of the accuracy: 78.85 stands there as 78.8, and 89.95 as 90.0.
  it.each([
    [0.04, 77.0, 5.47, 76.83],
    [0.087, 78.85, 9.83, 78.87],
    [0.298, 84.6, 24.4, 85.81],
    [0.59, 88.7, 39.27, 92.1],
    [0.72, 89.95, 46.3, 94.83],
    [0.83, 90.3, 53.7, 96.33],
    [0.93, 90.6, 63.2, 97.89],
  ])("is its table at a margin of %d", (threshold, accuracy, offloaded, kept) => {
    const row = rowAt(curve, threshold);
    expect(Math.abs(100 * row.accuracy - accuracy)).toBeLessThan(0.051);
    expect(Math.abs(100 * row.offloadRate - offloaded)).toBeLessThan(0.006);
    expect(Math.abs(100 * (row.keptAccuracy ?? 0) - kept)).toBeLessThan(0.006);
  });

  it("gains over offloading at random, and leaves the oracle something", () => {
    const random = (rowAt(curve, 0).accuracy + rowAt(curve, 2).accuracy) / 2;
    expect(areaUnderCurve(curve)).toBeGreaterThan(random + 0.03);
    for (const threshold of [0.1, 0.5, 0.9]) {
      const { accuracy, offloadRate } = rowAt(curve, threshold);
      expect(oracleAccuracy(correct.edge, correct.cloud, offloadRate)).toBeGreaterThan(accuracy);
    }
  });
});
