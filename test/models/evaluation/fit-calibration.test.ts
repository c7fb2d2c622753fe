// Calibration fitted on made-up networks whose truth is known.
import { applyMetric } from "@spillway/shared/offload/metric";
import { calibrationSchema } from "@spillway/shared/schema/calibration";
import { expect, test } from "vitest";
import { fitCalibration } from "../../../models/src/evaluation/fit-calibration.ts";

const CLASSES = 10;
const ROWS = 4000;
const identity = { model: "0".repeat(64), fittedOn: { dataset: "made up", n: ROWS } };

/** Seeded numbers in [0, 1). */
function randomly(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 4294967296;
  };
}

/**
 * Logits of a network that says `confidence` and is right exactly that often, blown up by a temperature.
 * Half of the rows are easy (0.95), half hard.
 */
function network(labels: number[], hardConfidence: number, temperature: number, seed: number): Float32Array {
  const random = randomly(seed);
  const logits = new Float32Array(ROWS * CLASSES);
  labels.forEach((label, row) => {
    const confidence = row % 2 === 0 ? 0.95 : hardConfidence;
    const answer = random() < confidence ? label : (label + 1 + Math.floor(random() * (CLASSES - 1))) % CLASSES;
    for (let k = 0; k < CLASSES; k++) {
      const probability = k === answer ? confidence : (1 - confidence) / (CLASSES - 1);
      logits[row * CLASSES + k] = Math.log(probability) * temperature;
    }
  });
  return logits;
}

const labels = Array.from({ length: ROWS }, (_, row) => row % CLASSES);
const logits = {
  rows: ROWS,
  classes: CLASSES,
  exits: [network(labels, 0.3, 2, 1), network(labels, 0.5, 3, 2)],
  large: network(labels, 0.9, 0.5, 3),
};

test("finds each network's temperature", () => {
  const { exits, cloud } = fitCalibration(logits, labels, identity);
  expect(exits[0].temperature).toBeCloseTo(2, 0);
  expect(exits[1].temperature).toBeCloseTo(3, 0);
  expect(cloud.temperature).toBeCloseTo(0.5, 1);
});

test("writes what the schema reads, weights adding up to one", () => {
  const calibration = fitCalibration(logits, labels, identity);
  expect(calibrationSchema.parse(calibration)).toEqual(calibration);
  expect(calibration.vote.reduce((sum, weight) => sum + weight, 0)).toBeCloseTo(1, 9);
});

test("the metric promises a gain where the edge is unsure, and next to none where it is sure", () => {
  const { metric } = fitCalibration(logits, labels, identity);
  expect(applyMetric(metric["max-probability"], 0.4)).toBeGreaterThan(0.2);
  expect(Math.abs(applyMetric(metric["max-probability"], 0.99))).toBeLessThan(0.08);
});
