import { expectedGain } from "@spillway/shared/offload/expected-gain";
import { predictGain } from "@spillway/shared/offload/gain-model";
import { expect, it } from "vitest";

const flat = (gain: number) => ({ confidence: [0, 1], gain: [gain, gain - 0.5] });
const metric = { "max-probability": flat(0.5), margin: flat(0.25), entropy: flat(0) };
const gainModel = { intercept: 0.1, weights: [0, 0, 0, 0, 0.5, 0, 0], offsets: [0.2, -0.2] };

it.each([
  ["max-probability", 0.25],
  ["margin", 0],
  ["entropy", -0.25],
] as const)("looks the confidence up in the table of its rule: %s", (rule, gain) => {
  expect(expectedGain({ metric, gainModel: null }, rule, [0.9, 0.1], 0.5)).toBe(gain);
});

it("asks the class-aware model where there is one, whatever the rule", () => {
  const expected = predictGain(gainModel, [0.9, 0.1]);
  for (const rule of ["max-probability", "margin", "entropy"] as const) {
    expect(expectedGain({ metric, gainModel }, rule, [0.9, 0.1], 0.5)).toBe(expected);
  }
});
