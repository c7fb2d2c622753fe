import { MAX_GRID_ERROR } from "@spillway/shared/bucket/token-grid";
import { decide } from "@spillway/shared/policy/decide";
import { policyParameters } from "@spillway/shared/policy/policy-parameters";
import { describe, expect, it } from "vitest";
import { base64Floats, MADE_FOR, validBeliefPolicy, validMdpPolicy, validQNetworkPolicy } from "../schema/policies.ts";

const mdp = validMdpPolicy();
const network = validQNetworkPolicy();
const belief = validBeliefPolicy();
/** Of a bucket in which a twentieth is a number that a computer holds. */
const coarse = { ...mdp, grid: { q: 21, p: 1, m: 20 }, thresholds: new Array<number>(20).fill(0.5) };

function refusal(...[file, bucket]: Parameters<typeof policyParameters>): string {
  const outcome = policyParameters(file, bucket);
  if (outcome.ok) return expect.fail("expected a refusal");
  expect(outcome.error).toMatch(/^.+$/u);
  expect(outcome.error).not.toMatch(/NaN|Infinity/);
  return outcome.error;
}

describe.each([mdp, network])("a policy that is tied to a bucket, $kind", (file) => {
  it("fits the bucket that it was made for", () => {
    const parameters = { kind: file.kind, grid: file.grid };
    expect(policyParameters(file, MADE_FOR)).toMatchObject({ ok: true, parameters });
  });

  it("counts in its own time units", () => {
    const slow = { ...file, unitSeconds: 4 };
    expect(policyParameters(slow, { rate: 0.125, depth: 2 })).toMatchObject({ ok: true });
    expect(refusal(slow, MADE_FOR)).toBe(
      "grid: made for 0.125 tokens a second and a depth of 2, but the bucket has 0.5 and 2",
    );
  });

  it.each([
    ["another rate", { rate: 0.25, depth: 2 }, "0.25 and 2"],
    ["another depth", { rate: 0.5, depth: 4 }, "0.5 and 4"],
    ["a rate of zero", { rate: 0, depth: 2 }, "0 and 2"],
    ["a depth of zero", { rate: 0.5, depth: 0 }, "0.5 and 0"],
    ["an empty bucket that never fills", { rate: 0, depth: 0 }, "0 and 0"],
  ])("does not fit %s", (_, bucket, has) => {
    expect(refusal(file, bucket)).toBe(
      `grid: made for 0.5 tokens a second and a depth of 2, but the bucket has ${has}`,
    );
  });

  it("names what it was made for, as absurd as that may be", () => {
    refusal({ ...file, grid: { ...file.grid, q: Number.MAX_SAFE_INTEGER }, unitSeconds: 1e-6 }, MADE_FOR);
  });
});

describe("how far a bucket may be from the policy's", () => {
  it("is the error that a grid may have, and nothing more", () => {
    expect(1 / 20).toBe(MAX_GRID_ERROR);
    expect(policyParameters(coarse, { rate: 20, depth: 20 })).toMatchObject({ ok: true });
    refusal(coarse, { rate: 19.999, depth: 20 });
  });

  it("is the sum of both errors", () => {
    expect(policyParameters(coarse, { rate: 20.5, depth: 20.5 })).toMatchObject({ ok: true });
    refusal(coarse, { rate: 20.25, depth: 20.5 });
  });
});

it("hands an MDP's thresholds to its policy", () => {
  const outcome = policyParameters(mdp, MADE_FOR);
  if (!outcome.ok) return expect.fail(outcome.error);
  const thresholds = [1, 1.5, 2].map(
    (tokens) => decide({ metric: 0.3, tokens, elapsedSeconds: 1 }, null, outcome.parameters).threshold,
  );
  expect(thresholds).toEqual(mdp.thresholds);
});

describe("a network", () => {
  it.each([
    ["weights", Number.NaN],
    ["bias", Number.NEGATIVE_INFINITY],
  ])("is refused with %s of %d", (name, value) => {
    const { layers } = validQNetworkPolicy();
    const count = name === "weights" ? 20 : 10;
    layers[1] = { ...layers[1], [name]: base64Floats([...new Array(count - 1).fill(0), value]) };
    expect(policyParameters({ ...network, layers }, MADE_FOR)).toEqual({
      ok: false,
      error: `layers.1.${name}: expected finite numbers, got ${value}`,
    });
  });
});

describe("a belief", () => {
  it.each([
    ["an ordinary one", { rate: 0.5, depth: 2 }],
    ["one that no grid holds", { rate: 0.0001, depth: 3.37 }],
    ["a rate of zero", { rate: 0, depth: 2 }],
    ["a depth of zero", { rate: 0.5, depth: 0 }],
    ["less than one token", { rate: 0.5, depth: 0.5 }],
    ["the most that a configuration takes", { rate: 1_000_000, depth: 1_000_000 }],
  ])("fits every bucket: %s", (_, bucket) => {
    const outcome = policyParameters(belief, bucket);
    if (!outcome.ok) return expect.fail(outcome.error);
    const { threshold } = decide({ metric: 0.3, tokens: 1, elapsedSeconds: null }, null, outcome.parameters);
    expect(threshold).toBeGreaterThanOrEqual(-1);
    expect(threshold).toBeLessThanOrEqual(2);
  });

  it("is what it was before its probabilities were rounded", () => {
    const rounded = { ...belief, pace: { ...belief.pace, emissions: [0.4996, 0.4996] } };
    expect(policyParameters(rounded, MADE_FOR)).toEqual(policyParameters(belief, MADE_FOR));
  });
});
