import {
  calibrationSchema,
  MAX_METRIC_KNOTS,
  metricTableSchema,
  weightsSchema,
} from "@spillway/shared/schema/calibration";
import { describeIssues } from "@spillway/shared/schema/document";
import { MAX_EXITS } from "@spillway/shared/schema/manifest";
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
