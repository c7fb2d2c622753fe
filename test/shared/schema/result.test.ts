import { type Result, reasonSchema, resultSchema } from "@spillway/shared/schema/result";
import { describe, expect, it } from "vitest";
import { changed, MODEL_HASH } from "./documents.ts";

const confident: Result = {
  id: "request-1",
  label: "dog",
  index: 1,
  confidence: 0.97,
  top: [{ label: "dog", index: 1, probability: 0.97 }],
  decision: {
    tier: "edge",
    exit: 1,
    reason: "confident",
    route: null,
    setting: null,
    metric: null,
    threshold: null,
    tokens: null,
    policy: null,
    bytesSent: null,
  },
  model: MODEL_HASH,
  configVersion: "default",
  timings: { decodeMs: 1, edgeMs: 2, gateMs: null, cloudMs: null, totalMs: 3 },
};

const accepts = (value: unknown) => resultSchema.safeParse(value).success;

describe("resultSchema", () => {
  it("accepts an answer of the edge, with null where a field does not apply", () => {
    expect(resultSchema.parse(confident)).toEqual(confident);
  });

  it("accepts an answer of the cloud", () => {
    const decision = {
      tier: "cloud",
      exit: null,
      reason: "offloaded",
      route: "large",
      setting: null,
      policy: "threshold",
    };
    const numbers = { metric: 0.25, threshold: 0.1, tokens: 4.5, bytesSent: 3172 };
    expect(accepts({ ...confident, decision: { ...decision, ...numbers } })).toBe(true);
  });

  it("knows the reasons that callers may rely on", () => {
    for (const reason of [
      "confident",
      "offloaded",
      "not-worth-it",
      "no-tokens",
      "offload-disabled",
      "cloud-timeout",
      "cloud-error",
      "cloud-overloaded",
      "circuit-open",
      "deadline",
    ]) {
      expect(reasonSchema.safeParse(reason).success, reason).toBe(true);
    }
    expect(reasonSchema.safeParse("because").success).toBe(false);
  });

  it.each([
    ["index", -1],
    ["index", 0.5],
    ["decision.exit", 0],
    ["decision.tier", "tail"],
    ["decision.route", "auto"],
    ["decision.bytesSent", -1],
    ["decision.metric", Number.NaN],
    ["decision.metric", undefined],
    ["timings.gateMs", undefined],
    ["timings.totalMs", null],
    ["top.0.probability", "0.97"],
    ["decision.extra", 1],
    ["extra", 1],
  ])("refuses %s = %j", (path, value) => {
    expect(accepts(changed(confident, path, value))).toBe(false);
  });
});
