// Calibration fitted on made-up networks whose truth is known.
import { applyMetric } from "@spillway/shared/offload/metric";
import { calibrationSchema } from "@spillway/shared/schema/calibration";
import { expect, test } from "vitest";
import { fitCalibration } from "../../../models/src/evaluation/fit-calibration.ts";

const CLASSES = 10;
const ROWS = 4000;
const fittedOn = { dataset: "made up", n: ROWS, part: "calibration" as const, evaluation: null };
const identity = { model: "0".repeat(64), fittedOn };

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
  tail: [],
};

test("finds each network's temperature", () => {
  const { calibration, members } = fitCalibration(logits, labels, identity);
  expect(members.map(({ name, method }) => [name, method])).toEqual([
    ["exit 1", "temperature"],
    ["exit 2", "temperature"],
    ["large", "temperature"],
  ]);
  const temperatures = [...calibration.exits, calibration.cloud].map((fit) =>
    "temperature" in fit ? fit.temperature : 0,
  );
  expect(temperatures[0]).toBeCloseTo(2, 0);
  expect(temperatures[1]).toBeCloseTo(3, 0);
  expect(temperatures[2]).toBeCloseTo(0.5, 1);
  for (const { before, after } of members) {
    expect(after.accuracy).toBe(before.accuracy);
    expect(after.nll).toBeLessThan(before.nll);
  }
});

test.each(["temperature", "isotonic"] as const)("writes what the schema reads: %s", (method) => {
  const { calibration } = fitCalibration(logits, labels, identity, method);
  expect(calibrationSchema.parse(calibration)).toEqual(calibration);
  expect(calibration).toMatchObject(identity);
  expect(calibration.vote.reduce((sum, weight) => sum + weight, 0)).toBeCloseTo(1, 9);
});

test("the metric promises a gain where the edge is unsure, and next to none where it is sure", () => {
  const { metric } = fitCalibration(logits, labels, identity).calibration;
  expect(applyMetric(metric["max-probability"], 0.4)).toBeGreaterThan(0.2);
  expect(Math.abs(applyMetric(metric["max-probability"], 0.99))).toBeLessThan(0.08);
});

test("takes the likeliest fusion, and a gain model where classes matter", () => {
  const { calibration, fusion, metric } = fitCalibration(logits, labels, identity);
  expect(fusion.map(({ nll }) => nll)).toEqual(fusion.map(({ nll }) => nll).toSorted((a, b) => a - b));
  expect(Object.keys(calibration.fusion ?? { none: 0 })[0]).toMatch(
    { none: /^none$/, linear: /^edgeWeight$/, "log-linear": /^edgePower$/ }[fusion[0].method],
  );
  expect(metric.map(({ error }) => error)).toEqual(metric.map(({ error }) => error).toSorted((a, b) => a - b));
  // Rows and labels count together, so every second class is the easy one.
  expect(calibration.gainModel?.offsets).toHaveLength(CLASSES);
  expect(metric[0].name).toMatch(/^class-aware /);
});

test("knows of no tail that was not run", () => {
  const { calibration, tail } = fitCalibration(logits, labels, identity);
  expect(calibration.tail).toBeNull();
  expect(tail).toEqual([]);
});

test("a tail as good as the large model gains what it gains, one as bad as the edge next to nothing", () => {
  const frameBytes = Int32Array.from(labels, (_, row) => 100 + (row % 2));
  const tail = [
    { setting: "8x1", logits: network(labels, 0.5, 1, 4), frameBytes },
    { setting: "8x2", logits: network(labels, 0.7, 2, 5), frameBytes },
    { setting: "8x4", logits: network(labels, 0.9, 3, 6), frameBytes: frameBytes.map((length) => 2 * length) },
  ];
  const fit = fitCalibration({ ...logits, tail }, labels, identity, "isotonic");
  expect(calibrationSchema.parse(fit.calibration)).toEqual(fit.calibration);
  const shares = fit.calibration.tail?.map(({ gainShare }) => gainShare) ?? [];
  expect(shares[0]).toBeLessThan(0.3);
  expect(shares[1]).toBeGreaterThan(shares[0] + 0.1);
  expect(shares[2]).toBeGreaterThan(shares[1] + 0.1);
  expect(Math.abs(shares[2] - 1)).toBeLessThan(0.1);
  expect(fit.calibration.tail?.map(({ frameBytes: mean }) => mean)).toEqual([100.5, 100.5, 201]);
  for (const [index, { calibration, alone, answered, fusion }] of fit.tail.entries()) {
    expect(calibration.setting).toBe(tail[index].setting);
    // Temperatures, however the others were calibrated.
    expect(Math.abs((calibration.calibrator as { temperature: number }).temperature - index - 1)).toBeLessThan(0.3);
    expect(calibration.fusion === null).toBe(fusion === "none");
    expect(answered.nll).toBeLessThanOrEqual(alone.nll);
  }
  // What it is fitted beside does not change.
  const { tail: without, ...others } = fitCalibration(logits, labels, identity, "isotonic").calibration;
  expect(fit.calibration).toMatchObject(others);
  expect(without).toBeNull();
});

test("a tail whose frames were not measured is a mistake", () => {
  const tail = [{ setting: "8x1", logits: logits.large, frameBytes: null }];
  expect(() => fitCalibration({ ...logits, tail }, labels, identity)).toThrow(
    new RangeError("8x1: expected frame lengths, got none"),
  );
});
