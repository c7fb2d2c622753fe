// The published probabilities of EdgeBoost, against the figures of its own evaluation script.
import { existsSync } from "node:fs";
import { confidenceOf } from "@spillway/shared/calibration/confidence";
import { expectedCalibrationError } from "@spillway/shared/calibration/reliability";
import { argmax } from "@spillway/shared/calibration/softmax";
import { fitTemperature, negativeLogLikelihood } from "@spillway/shared/calibration/temperature";
import { beforeAll, describe, expect, it } from "vitest";
import { readNpy } from "./npy.ts";

const FOLDER = new URL("../../../../shared/data/edgeboost/", import.meta.url);
const isThere = existsSync(new URL("labels.npy", FOLDER));
const note = isThere ? "" : " (skipped: ../shared/data/edgeboost, which holds its probabilities, is missing)";

const ROWS = 4000;
const CLASSES = 100;
type Model = "edge-uncalibrated" | "edge-calibrated" | "cloud";

describe.skipIf(!isThere)(`EdgeBoost's published outputs${note}`, () => {
  let labels: Float64Array;
  const outputs = new Map<Model, Float64Array>();

  beforeAll(() => {
    labels = readNpy(new URL("labels.npy", FOLDER)).data;
    for (const model of ["edge-uncalibrated", "edge-calibrated", "cloud"] as const) {
      const { data, shape } = readNpy(new URL(`${model}.npy`, FOLDER));
      expect(shape).toEqual([ROWS, CLASSES]);
      outputs.set(model, data);
    }
  });

  const rowsOf = (model: Model) => {
    const output = outputs.get(model) ?? new Float64Array();
    return Array.from({ length: ROWS }, (_, row) => output.subarray(row * CLASSES, (row + 1) * CLASSES));
  };
  const logProbabilities = (model: Model, smallest = 0) =>
    Float64Array.from(outputs.get(model) ?? [], (p) => Math.log(Math.max(p, smallest)));
  const correctness = (model: Model) => rowsOf(model).map((row, index) => argmax(row) === labels[index]);
  const share = (flags: readonly boolean[]) => flags.filter(Boolean).length / flags.length;

  it.each([
    ["edge-uncalibrated", 0.7422, 0.149194, 1.2324],
    ["edge-calibrated", 0.7422, 0.02872, 0.91541],
    ["cloud", 0.9075, 0.055286, 0.3973],
  ] as const)("have the published accuracy, ECE and NLL: %s", (model, accuracy, error, nll) => {
    const correct = correctness(model);
    const confidence = rowsOf(model).map((row) => confidenceOf(row, "max-probability"));
    expect(Math.abs(share(correct) - accuracy)).toBeLessThan(1e-4);
    expect(Math.abs(expectedCalibrationError(confidence, correct) - error)).toBeLessThan(1e-5);
    // The script takes no probability for smaller than 1e-12; of the labels' only one is.
    const logits = logProbabilities(model, 1e-12);
    expect(Math.abs(negativeLogLikelihood(logits, labels, CLASSES) - nll)).toBeLessThan(1e-5);
  });

  it("are best calibrated at the published temperature", () => {
    const logits = logProbabilities("edge-uncalibrated");
    const temperature = fitTemperature(logits, labels, CLASSES);
    expect(Math.abs(temperature - 2.0061255)).toBeLessThan(1e-4);
    expect(Math.abs(negativeLogLikelihood(logits, labels, CLASSES, temperature) - 0.9129194)).toBeLessThan(1e-6);
  });

  it.each([
    [0.04, 77.0, 5.47, 76.83],
    [0.087, 78.8, 9.83, 78.87],
    [0.298, 84.6, 24.4, 85.81],
    [0.59, 88.7, 39.27, 92.1],
    [0.72, 90.0, 46.3, 94.83],
    [0.83, 90.3, 53.7, 96.33],
    [0.93, 90.6, 63.2, 97.89],
  ])("offload what the script offloads below a margin of %d", (threshold, combined, offloaded, kept) => {
    const isOffloaded = rowsOf("edge-calibrated").map((row) => confidenceOf(row, "margin") < threshold);
    const edge = correctness("edge-calibrated");
    const cloud = correctness("cloud");
    const answers = edge.map((isCorrect, row) => (isOffloaded[row] ? cloud[row] : isCorrect));
    expect(Math.abs(100 * share(isOffloaded) - offloaded)).toBeLessThan(0.006);
    expect(Math.abs(100 * share(edge.filter((_, row) => !isOffloaded[row])) - kept)).toBeLessThan(0.006);
    expect(Math.abs(100 * share(answers) - combined)).toBeLessThan(0.06);
  });
});
