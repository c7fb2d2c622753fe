import {
  type Config,
  checkConfig,
  defaultConfig,
  MAX_CONFIG_BYTES,
  MAX_IMAGE_BYTES,
  MAX_IMAGE_PIXELS,
  MAX_RETRIES,
  MAX_TIMEOUT_MS,
  MAX_VERSION_LENGTH,
} from "@spillway/shared/schema/config";
import { MAX_EXITS } from "@spillway/shared/schema/manifest";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { changed, MODEL_HASH, OTHER_HASH, pathsOf, validCalibration, validConfig, validManifest } from "./documents.ts";

const SEED = { seed: 10 };
const check = (value: unknown) => checkConfig(value, validManifest(), MODEL_HASH);

/** The one line that says why a configuration was refused. */
function refusal(value: unknown): string {
  const outcome = check(value);
  if (outcome.ok) return expect.fail("expected a refusal");
  expect(outcome.error).toMatch(/^.+$/u);
  expect(outcome.error).not.toMatch(/[\r\n\u2028\u2029]/u);
  return outcome.error;
}

describe("the default configuration", () => {
  it("is accepted, and returned as it is", () => {
    expect(check(validConfig())).toEqual({ ok: true, config: validConfig() });
  });

  it.each([1, MAX_EXITS])("fits a model of %d exits", (exits) => {
    const manifest = validManifest(exits);
    const calibration = { ...validCalibration(), vote: new Array<number>(exits).fill(1 / exits) };
    const config = defaultConfig(manifest, MODEL_HASH, calibration);
    expect(config.edge.exits).toHaveLength(exits);
    expect(config.edge.vote).toEqual(calibration.vote);
    expect(checkConfig(config, manifest, MODEL_HASH).ok).toBe(true);
  });

  it("survives JSON", () => {
    expect(check(JSON.parse(JSON.stringify(validConfig()))).ok).toBe(true);
  });

  it("is far below the size that KV values may have", () => {
    expect(JSON.stringify(validConfig()).length).toBeLessThan(MAX_CONFIG_BYTES / 10);
  });
});

// Each field: the values at its limits, then those one past them or of another kind.
const fields: [path: string, accepted: unknown[], refused: unknown[]][] = [
  [
    "version",
    ["x", "v".repeat(MAX_VERSION_LENGTH), "2026-11-20.1", "!~"],
    ["", "v".repeat(MAX_VERSION_LENGTH + 1), "a b", "a\nb", "a\x7f", "é", 1, null],
  ],
  ["model", [MODEL_HASH], [MODEL_HASH.slice(1), `${MODEL_HASH}0`, MODEL_HASH.toUpperCase(), "", null]],
  ["calibration", [null, OTHER_HASH], [OTHER_HASH.slice(1), `${OTHER_HASH}0`, OTHER_HASH.toUpperCase(), "", 0]],
  ["edge.confidence", ["max-probability", "margin", "entropy"], ["maxprob", "", null, 0]],
  ["edge.exits.0.threshold", [0, 1, 2], [-0.001, 2.001, Number.NaN, Infinity, "0.9", null]],
  [
    "edge.vote",
    [
      [0, 0, 1],
      [0.2, 0.3, 0.5],
    ],
    [[0.2, 0.3, 0.4], [0.5, 0.5, 0.5], [-0.5, 0.5, 1], [1.5, -0.5, 0], []],
  ],
  ["offload.enabled", [true, false], [0, "true", null]],
  ["offload.policy", ["threshold", "mdp", "q-network"], ["dqn", "", null]],
  ["offload.threshold", [-1, 0, 1], [-1.001, 1.001, Number.NaN, "0", null]],
  ["offload.policyKey", [null, "k", "k".repeat(256)], ["", "k".repeat(257), 1]],
  ["offload.bucket.rate", [0, 0.5, 1_000_000], [-0.001, 1_000_000.001, Number.NaN, Infinity, "5", null]],
  ["offload.bucket.depth", [0, 0.5, 1_000_000], [-0.001, 1_000_000.001, Number.NaN, Infinity, "5", null]],
  ["offload.route", ["auto", "large"], ["edge", "", null]],
  ["offload.timeoutMs", [1, MAX_TIMEOUT_MS], [0, MAX_TIMEOUT_MS + 1, 800.5, "800", null]],
  ["offload.retries", [0, MAX_RETRIES], [-1, MAX_RETRIES + 1, 0.5, null]],
  ["offload.fuse", [true, false], [1, null]],
  ["limits.maxBytes", [1, MAX_IMAGE_BYTES], [0, MAX_IMAGE_BYTES + 1, 1.5, null]],
  ["limits.maxPixels", [1, MAX_IMAGE_PIXELS], [0, MAX_IMAGE_PIXELS + 1, 1.5, null]],
  ["limits.requestsPerMinute", [1, 10_000_000], [0, 10_000_001, 1.5, null]],
];

describe.each(fields)("%s", (path, accepted, refused) => {
  it.each(accepted.map((value) => [value]))("accepts %j", (value) => {
    expect(check(changed(validConfig(), path, value))).toMatchObject({ ok: true });
  });

  it.each(refused.map((value) => [value]))("refuses %j, naming the path", (value) => {
    expect(refusal(changed(validConfig(), path, value))).toContain(path);
  });

  if (path !== "calibration")
    it("is required", () => {
      expect(refusal(changed(validConfig(), path, undefined))).toContain(path);
    });
});

it("names no calibration unless it says so", () => {
  expect(check(changed(validConfig(), "calibration", undefined))).toEqual({ ok: true, config: validConfig() });
  expect(validConfig().calibration).toBeNull();
});

it("has a row for every field above", () => {
  const leaves = pathsOf(validConfig()).filter((path, _, all) => !all.some((other) => other.startsWith(`${path}.`)));
  expect(leaves.map((path) => path.replace("vote.0", "vote"))).toEqual(fields.map(([path]) => path));
});

it("has the limits that are documented", () => {
  expect([MAX_CONFIG_BYTES, MAX_VERSION_LENGTH, MAX_TIMEOUT_MS, MAX_RETRIES]).toEqual([65_536, 64, 60_000, 3]);
  expect([MAX_IMAGE_BYTES, MAX_IMAGE_PIXELS]).toEqual([16_777_216, 16_000_000]);
});

describe("checkConfig", () => {
  it.each(["", "edge", "edge.exits.0", "offload", "offload.bucket", "limits"])(
    "refuses an unknown key in '%s'",
    (path) => {
      const error = refusal(changed(validConfig(), path === "" ? "extra" : `${path}.extra`, 1));
      expect(error).toContain('"extra"');
      expect(error).toContain(path);
    },
  );

  it.each([[undefined], [null], ["{}"], [[]], [0], [{}]])("refuses %j", (value) => {
    expect(refusal(value)).not.toBe("");
  });

  it("refuses a configuration made for another model, naming both", () => {
    expect(refusal(changed(validConfig(), "model", OTHER_HASH))).toBe(
      `model: made for ${OTHER_HASH}, but this Worker runs ${MODEL_HASH}`,
    );
  });

  it.each([2, 4])("refuses %d thresholds for three exits", (count) => {
    const exits = new Array(count).fill({ threshold: 0.9 });
    expect(refusal(changed(validConfig(), "edge.exits", exits))).toBe(
      `edge.exits: expected 3 thresholds for this model, got ${count}`,
    );
  });

  it.each([2, 4])("refuses %d votes for three exits", (count) => {
    expect(refusal(changed(validConfig(), "edge.vote", new Array(count).fill(1 / count)))).toBe(
      `edge.vote: expected 3 weights for this model, got ${count}`,
    );
  });

  it.each(["exits", "vote"])("refuses none, and more than any model has, of edge.%s", (name) => {
    const element = name === "exits" ? { threshold: 0.9 } : 1 / (MAX_EXITS + 1);
    for (const count of [0, MAX_EXITS + 1]) {
      expect(refusal(changed(validConfig(), `edge.${name}`, new Array(count).fill(element)))).toContain(`edge.${name}`);
    }
  });

  it("refuses the tail route for a model without a tail", () => {
    expect(refusal(changed(validConfig(), "offload.route", "tail"))).toBe("offload.route: this model has no tail");
  });

  it("accepts weights that add up to one but for rounding", () => {
    expect(check(changed(validConfig(), "edge.vote", [0.1, 0.2, 0.7])).ok).toBe(true);
    expect(check(changed(validConfig(), "edge.vote", [0.333333, 0.333333, 0.333333])).ok).toBe(false);
    expect(check(changed(validConfig(), "edge.vote", [0.3333333, 0.3333333, 0.3333333])).ok).toBe(true);
  });

  it("refuses the whole for one wrong part", () => {
    const outcome = check(changed(validConfig(), "limits.maxBytes", 0));
    expect(outcome).not.toHaveProperty("config");
  });

  it("names several problems in its one line, and counts those beyond eight", () => {
    const two = changed(changed(validConfig(), "limits.maxBytes", 0), "offload.retries", -1);
    expect(refusal(two)).toMatch(/offload\.retries: .+; limits\.maxBytes: .+/);
    const many = { ...validConfig(), edge: { ...validConfig().edge, exits: new Array(16).fill({}) } };
    const error = refusal(many);
    expect(error.split("; ")).toHaveLength(9);
    expect(error).toMatch(/and 8 more$/);
  });

  it("stays on one line when a key holds line breaks", () => {
    expect(refusal({ ...validConfig(), "a\r\nb\u2028c\u001b[2J": 1 })).toContain("a");
  });

  it("answers in one line for the most problems that 64 KiB can hold", () => {
    const text = `{"edge":{"exits":[${"0,".repeat(MAX_CONFIG_BYTES / 2 - 16)}0]}}`;
    expect(text.length).toBeLessThanOrEqual(MAX_CONFIG_BYTES);
    expect(refusal(JSON.parse(text)).length).toBeLessThan(1000);
  });

  it("never throws, whatever it is given", () => {
    fc.assert(
      fc.property(fc.anything(), (value) => {
        expect(check(value).ok).toBe(false);
      }),
      SEED,
    );
  });

  it("never throws, whichever field of a good configuration is replaced", () => {
    const path = fc.constantFrom(...pathsOf(validConfig()));
    fc.assert(
      fc.property(path, fc.jsonValue(), (at, value) => {
        const outcome = check(changed(validConfig(), at, value));
        if (outcome.ok) expect((outcome.config satisfies Config).edge.exits).toHaveLength(3);
        else expect(outcome.error).toMatch(/^.+: .+$/u);
      }),
      { ...SEED, numRuns: 500 },
    );
  });
});
