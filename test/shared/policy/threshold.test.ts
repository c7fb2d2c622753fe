import { decideByThreshold } from "@spillway/shared/policy/threshold";
import { describe, expect, it } from "vitest";

const decide = (metric: number, threshold: number, tokens = 5) =>
  decideByThreshold({ metric, tokens, elapsedSeconds: 1 }, null, { kind: "threshold", threshold });

describe("decideByThreshold", () => {
  it.each([
    ["at the threshold", 0.25, true],
    ["just below it", 0.25 - Number.EPSILON, false],
    ["just above it", 0.25 + Number.EPSILON, true],
    ["a gain that is NaN", Number.NaN, false],
  ])("offloads from the threshold on: %s", (_, metric, offload) => {
    expect(decide(metric, 0.25)).toEqual({ offload, threshold: 0.25, state: null });
  });

  it("takes negative thresholds, which offload what is expected to lose", () => {
    expect(decide(-0.5, -1).offload).toBe(true);
    expect(decide(-1, -0.5).offload).toBe(false);
  });

  it("does not look at the tokens; finding one is the caller's part", () => {
    expect(decide(0.5, 0.25, 0)).toEqual(decide(0.5, 0.25, 20));
  });
});
