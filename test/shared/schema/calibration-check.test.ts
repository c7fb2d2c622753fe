import { checkCalibrationText, MAX_CALIBRATION_BYTES } from "@spillway/shared/schema/calibration-check";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  changed,
  MODEL_HASH,
  OTHER_HASH,
  pathsOf,
  validCalibration,
  validCalibrationWithTail,
  validManifest,
  validManifestWithTail,
} from "./documents.ts";

const check = (text: string) => checkCalibrationText(text, validManifest(), MODEL_HASH);
const checkDocument = (value: unknown) => check(JSON.stringify(value));

/** The one line that says why a calibration was refused. */
function refusal(value: unknown): string {
  const outcome = checkDocument(value);
  if (outcome.ok) return expect.fail("expected a refusal");
  expect(outcome.error).toMatch(/^.+$/u);
  return outcome.error;
}

const vector = (classes: number) => ({ scale: Array(classes).fill(1), bias: Array(classes).fill(0) });
const isotonic = { temperature: 1, probability: [0, 1], frequency: [0.25, 0.75] };

it("accepts this model's calibration and returns it as it is", () => {
  expect(checkDocument(validCalibration())).toEqual({ ok: true, calibration: validCalibration() });
});

it.each([
  ["a vector for each class", vector(2)],
  ["a table", isotonic],
])("accepts %s at an exit and in the cloud", (_, calibrator) => {
  const calibration = changed(changed(validCalibration(), "exits.1", calibrator), "cloud", calibrator);
  expect(checkDocument(calibration)).toEqual({ ok: true, calibration });
});

describe("refuses", () => {
  it("what was fitted for another model, naming both", () => {
    expect(refusal(changed(validCalibration(), "model", OTHER_HASH))).toBe(
      `model: fitted for ${OTHER_HASH}, but this model is ${MODEL_HASH}`,
    );
  });

  it.each([2, 4])("%d exits for three stages", (count) => {
    expect(refusal(changed(validCalibration(), "exits", Array(count).fill({ temperature: 1 })))).toBe(
      `exits: expected 3 calibrators for this model, got ${count}`,
    );
  });

  it.each([2, 4])("%d votes for three exits", (count) => {
    expect(refusal(changed(validCalibration(), "vote", Array(count).fill(1 / count)))).toBe(
      `vote: expected 3 weights for this model, got ${count}`,
    );
  });

  it.each([
    ["exits.0", vector(3), "exits.0.scale"],
    ["exits.2", vector(3), "exits.2.scale"],
    ["cloud", vector(3), "cloud.scale"],
    ["gainModel", { intercept: 0, weights: Array(7).fill(0), offsets: [0, 0, 0] }, "gainModel.offsets"],
  ])("another number of classes in %s", (path, value, named) => {
    expect(refusal(changed(validCalibration(), path, value))).toBe(
      `${named}: expected one number for each of 2 classes, got 3`,
    );
  });

  it.each([6, 8])("%d weights of a gain model with seven features", (count) => {
    const gainModel = { intercept: 0, weights: Array(count).fill(0), offsets: [0, 0] };
    expect(refusal(changed(validCalibration(), "gainModel", gainModel))).toBe(
      `gainModel.weights: expected 7 for 2 classes, got ${count}`,
    );
  });

  it("settings that are not the tail's, in its order", () => {
    const tail = validCalibrationWithTail().tail ?? [];
    const errorOf = (settings: unknown, manifest = validManifestWithTail()) => {
      const checked = checkCalibrationText(
        JSON.stringify({ ...validCalibration(), tail: settings }),
        manifest,
        MODEL_HASH,
      );
      return checked.ok ? null : checked.error;
    };
    expect(errorOf(tail)).toBeNull();
    expect(errorOf(null)).toBeNull();
    expect(errorOf(tail, validManifest())).toBe("tail: expected 0 settings for this model, got 2");
    expect(errorOf(tail.slice(1))).toBe("tail: expected 2 settings for this model, got 1");
    expect(errorOf(tail.toReversed())).toBe("tail.0.setting: expected 2x1, got 8x8");
    const calibrator = { scale: [1, 1, 1], bias: [0, 0, 0] };
    expect(errorOf([tail[0], { ...tail[1], calibrator }])).toBe(
      "tail.1.calibrator.scale: expected one number for each of 2 classes, got 3",
    );
  });

  it("a part that is wrong by itself", () => {
    expect(refusal(changed(validCalibration(), "fittedOn.n", 0))).toContain("fittedOn.n");
  });

  it.each(["", "{", "null", "[]", "\ufeff{}"])("the text %j", (text) => {
    expect(check(text)).toMatchObject({ ok: false });
  });
});

it("takes the most bytes, and not one more, of whatever characters", () => {
  const text = JSON.stringify(changed(validCalibration(), "fittedOn.dataset", "é"));
  const bytes = new TextEncoder().encode(text).byteLength;
  expect(bytes).toBe(text.length + 1);
  expect(check(text + " ".repeat(MAX_CALIBRATION_BYTES - bytes)).ok).toBe(true);
  expect(check(text + " ".repeat(MAX_CALIBRATION_BYTES - bytes + 1))).toEqual({
    ok: false,
    error: "expected at most 1048576 bytes, got 1048577",
  });
});

it("never throws, whichever field of a good calibration is replaced", () => {
  fc.assert(
    fc.property(fc.constantFrom(...pathsOf(validCalibration())), fc.jsonValue(), (at, value) => {
      const outcome = checkDocument(changed(validCalibration(), at, value));
      if (!outcome.ok) expect(outcome.error).toMatch(/^.+: .+$/u);
    }),
    { seed: 11, numRuns: 500 },
  );
});
