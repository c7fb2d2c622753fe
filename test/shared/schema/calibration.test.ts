import {
  calibrationSchema,
  calibratorSchema,
  fusionSchema,
  MAX_CALIBRATOR_KNOTS,
  MAX_METRIC_KNOTS,
  metricTableSchema,
  weightsSchema,
} from "@spillway/shared/schema/calibration";
import { describeIssues } from "@spillway/shared/schema/document";
import { MAX_CLASSES, MAX_EXITS } from "@spillway/shared/schema/manifest";
import { describe, expect, it } from "vitest";
import { changed, MODEL_HASH, validCalibration } from "./documents.ts";

function refusal(value: unknown): string | null {
  const parsed = calibrationSchema.safeParse(value);
  if (parsed.success) return null;
  const line = describeIssues(parsed.error);
  expect(line).toMatch(/^.+$/u);
  return line;
}

it("accepts a valid calibration and returns it as it is", () => {
  expect(calibrationSchema.parse(validCalibration())).toEqual(validCalibration());
});

const fields: [path: string, accepted: unknown[], refused: unknown[]][] = [
  ["calibrationVersion", [1], [0, 2]],
  ["model", [MODEL_HASH], ["", MODEL_HASH.slice(1)]],
  ["fittedOn.n", [1], [0, 0.5]],
  ["fittedOn.dataset", ["d"], [""]],
  ["exits", [new Array(MAX_EXITS).fill({ temperature: 1 })], [[], new Array(MAX_EXITS + 1).fill({ temperature: 1 })]],
  ["exits.0.temperature", [Number.MIN_VALUE, 1000], [0, -1, 1000.001, Number.NaN, null]],
  ["cloud.temperature", [Number.MIN_VALUE, 1000], [0, 1000.001]],
  ["vote", [[1]], [[], [0.5], new Array(MAX_EXITS + 1).fill(1 / (MAX_EXITS + 1))]],
  ["metric", [], [{}, null]],
  ["metric.margin", [{ confidence: [0.5], gain: [0] }], [{ confidence: [], gain: [] }, null]],
  ["fusion", [null], [undefined, {}]],
  ["fusion.edgeWeight", [0, 1], [-0.001, 1.001]],
];

describe.each(fields)("%s", (path, accepted, refused) => {
  it("accepts its limits", () => {
    for (const value of accepted) expect(refusal(changed(validCalibration(), path, value))).toBeNull();
  });

  it("refuses what is one past them, naming the path", () => {
    for (const value of refused) expect(refusal(changed(validCalibration(), path, value))).toContain(path);
  });
});

it.each([
  "extra",
  "fittedOn.extra",
  "exits.0.extra",
  "cloud.extra",
  "metric.extra",
  "metric.margin.extra",
  "fusion.extra",
])("has no field %s", (path) => {
  expect(refusal(changed(validCalibration(), path, 1))).toContain("extra");
});

describe("metricTableSchema", () => {
  const issue = (confidence: unknown, gain: unknown) => {
    const { error } = metricTableSchema.safeParse({ confidence, gain });
    return error === undefined ? null : describeIssues(error);
  };

  it.each([
    ["one knot", [0.5], [0]],
    ["the ends of the gain", [0, 1], [1, -1]],
    ["equal gains", [0, 0.5, 1], [0.5, 0.5, 0.5]],
  ])("accepts %s", (_, confidence, gain) => {
    expect(issue(confidence, gain)).toBeNull();
  });

  it.each([
    ["equal confidences", [0.5, 0.5], [0.5, 0], "confidences must rise"],
    ["falling confidences", [0.5, 0.75, 0.25], [0.5, 0, 0], "confidences must rise"],
    ["rising gains", [0.25, 0.5, 0.75], [0.5, 0, Number.MIN_VALUE], "gains must not rise with confidence"],
    ["fewer gains", [0.25, 0.5], [0.5], "expected as many gains as confidences"],
    ["more gains", [0.25], [0.5, 0.25], "expected as many gains as confidences"],
    ["a gain above 1", [0.25], [1.001], "gain.0"],
    ["a gain below -1", [0.25], [-1.001], "gain.0"],
    ["no knots", [], [], "confidence"],
  ])("refuses %s", (_, confidence, gain, message) => {
    expect(issue(confidence, gain)).toContain(message);
  });

  it("holds at most 4096 knots", () => {
    expect(MAX_METRIC_KNOTS).toBe(4096);
    const confidence = Array.from({ length: MAX_METRIC_KNOTS }, (_, k) => k);
    const gain = confidence.map(() => 0);
    expect(issue(confidence, gain)).toBeNull();
    expect(issue([...confidence, MAX_METRIC_KNOTS], [...gain, 0])).toContain("confidence");
  });
});

describe("weightsSchema", () => {
  it.each([
    ["one weight", [1], true],
    ["a weight of 0", [0, 1], true],
    ["a sum as near to 1 as rounding needs", [0.5, 0.5 + 9e-7], true],
    ["a sum a millionth above 1", [0.5, 0.5 + 1.1e-6], false],
    ["a sum a millionth below 1", [0.5, 0.5 - 1.1e-6], false],
    ["a negative weight", [-0.5, 0.5, 1], false],
    ["a weight above 1", [1.5, -0.5], false],
    ["as many as exits", new Array(MAX_EXITS).fill(1 / MAX_EXITS), true],
    ["one more than exits", new Array(MAX_EXITS + 1).fill(1 / (MAX_EXITS + 1)), false],
    ["none", [], false],
  ])("%s", (_, weights, isAccepted) => {
    expect(weightsSchema.safeParse(weights).success).toBe(isAccepted);
  });
});

const range = (count: number) => Array.from({ length: count }, (_, k) => k);

describe("calibratorSchema", () => {
  const table = { temperature: 1, probability: [0, 1], frequency: [0, 1] };
  const ofClasses = (count: number) => ({ scale: range(count).map(() => 1), bias: range(count).map(() => 0) });
  const ofKnots = (count: number) => {
    const rising = range(count).map((k) => k / count);
    return { temperature: 1, probability: rising, frequency: rising };
  };

  it.each([
    ["a temperature", { temperature: 2 }],
    ["two classes", ofClasses(2)],
    ["as many classes as a model may have", ofClasses(MAX_CLASSES)],
    ["negative scales and biases", { scale: [-1, 2], bias: [-3, 3] }],
    ["a table of two knots", table],
    ["equal frequencies", { ...table, frequency: [0.5, 0.5] }],
    ["as many knots as a table may have", ofKnots(MAX_CALIBRATOR_KNOTS)],
  ])("accepts %s and returns it as it is", (_, calibrator) => {
    expect(calibratorSchema.parse(calibrator)).toEqual(calibrator);
  });

  it.each([
    ["nothing", {}],
    ["a temperature of 0", { temperature: 0 }],
    ["a bias too many", { scale: [1, 1], bias: [0, 0, 0] }],
    ["scales alone", { scale: [1, 1] }],
    ["one class", ofClasses(1)],
    ["one class too many", ofClasses(MAX_CLASSES + 1)],
    ["a scale that is infinite", { scale: [1, Infinity], bias: [0, 0] }],
    ["a temperature beside scales", { temperature: 1, scale: [1, 1], bias: [0, 0] }],
    ["one knot", ofKnots(1)],
    ["one knot too many", ofKnots(MAX_CALIBRATOR_KNOTS + 1)],
    ["a table without a temperature", { probability: [0, 1], frequency: [0, 1] }],
    ["equal probabilities", { ...table, probability: [0.5, 0.5] }],
    ["falling probabilities", { ...table, probability: [0.5, 0.25] }],
    ["falling frequencies", { ...table, frequency: [0.5, 0.25] }],
    ["a frequency too few", { ...table, probability: [0, 0.5, 1] }],
    ["a probability above 1", { ...table, probability: [0, 1.001] }],
    ["a negative frequency", { ...table, frequency: [-0.001, 1] }],
  ])("refuses %s", (_, calibrator) => {
    expect(calibratorSchema.safeParse(calibrator).success).toBe(false);
  });
});

describe("fusionSchema", () => {
  it.each([
    ["an edge weight of 0", { edgeWeight: 0 }, true],
    ["an edge weight of 1", { edgeWeight: 1 }, true],
    ["an edge weight above 1", { edgeWeight: 1.001 }, false],
    ["a negative edge weight", { edgeWeight: -0.001 }, false],
    ["powers of 0", { edgePower: 0, cloudPower: 0 }, true],
    ["powers of 100", { edgePower: 100, cloudPower: 100 }, true],
    ["an edge power above 100", { edgePower: 100.001, cloudPower: 1 }, false],
    ["a cloud power above 100", { edgePower: 1, cloudPower: 100.001 }, false],
    ["a negative power", { edgePower: -0.001, cloudPower: 1 }, false],
    ["one power", { edgePower: 1 }, false],
    ["a weight beside powers", { edgeWeight: 0.5, edgePower: 1, cloudPower: 1 }, false],
    ["nothing", {}, false],
  ])("%s", (_, fusion, isAccepted) => {
    expect(fusionSchema.safeParse(fusion).success).toBe(isAccepted);
  });
});
