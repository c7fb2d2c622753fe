import { decideByMdp, type MdpParameters } from "@spillway/shared/policy/mdp";
import { describe, expect, it } from "vitest";

/** From one token to two and a half, in halves. */
const PARAMETERS: MdpParameters = {
  kind: "mdp",
  grid: { q: 1, p: 2, m: 5 },
  thresholds: Float64Array.of(0.8, 0.5, 0.25, 0.125),
};
const decide = (metric: number, tokens: number) => decideByMdp({ metric, tokens, elapsedSeconds: 1 }, null, PARAMETERS);

describe("decideByMdp", () => {
  it.each([
    ["one token", 1, 0.8],
    ["less than a level more", 1.49, 0.8],
    ["the next level", 1.5, 0.5],
    ["the one after", 2, 0.25],
    ["just below the top", 2.49, 0.25],
    ["the top", 2.5, 0.125],
    ["more than the grid holds", 3, 0.125],
    ["no whole token: as with exactly one", 0.5, 0.8],
    ["an empty bucket", 0, 0.8],
    ["a bucket in debt", -1e-9, 0.8],
  ])("compares with the threshold of the level that is reached: %s", (_, tokens, threshold) => {
    expect(decide(threshold, tokens)).toEqual({ offload: true, threshold, state: null });
    expect(decide(threshold - 1e-9, tokens)).toEqual({ offload: false, threshold, state: null });
  });

  it("reaches a level with what refills of a tenth add up to", () => {
    const parameters: MdpParameters = { kind: "mdp", grid: { q: 1, p: 10, m: 20 }, thresholds: levels(11) };
    let tokens = 0;
    for (let tenth = 1; tenth <= 20; tenth++) {
      tokens += 0.1;
      const { threshold } = decideByMdp({ metric: 0, tokens, elapsedSeconds: 1 }, null, parameters);
      expect(threshold).toBe(Math.max(tenth - 10, 0));
    }
  });

  it("has one level where the bucket holds one token, and offloads nothing at the threshold above all metrics", () => {
    const parameters: MdpParameters = { kind: "mdp", grid: { q: 1, p: 3, m: 3 }, thresholds: [2] };
    for (const tokens of [0, 1, 9]) {
      expect(decideByMdp({ metric: 1, tokens, elapsedSeconds: null }, null, parameters)).toEqual({
        offload: false,
        threshold: 2,
        state: null,
      });
    }
  });

  it("keeps an image whose metric is NaN", () => {
    expect(decide(Number.NaN, 2).offload).toBe(false);
  });

  it("leaves its parameters as they were", () => {
    const before = structuredClone(PARAMETERS);
    decide(0.5, 2);
    expect(PARAMETERS).toEqual(before);
  });
});

function levels(count: number): Float64Array {
  return Float64Array.from({ length: count }, (_, level) => level);
}
