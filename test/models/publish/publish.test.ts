// Publishing into a store in memory: what is written, in which order, and that nothing is when anything is wrong.
import { createHash } from "node:crypto";
import type { Calibration } from "@spillway/shared/schema/calibration";
import type { Config } from "@spillway/shared/schema/config";
import { describe, expect, it } from "vitest";
import { type PublishRequest, type PublishStore, publish } from "../../../models/src/publish/publish.ts";
import { MODEL_HASH, OTHER_HASH, validCalibration, validConfig, validManifest } from "../../shared/schema/documents.ts";

const NOW = new Date("2026-11-20T12:00:00.000Z");
const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");

/** A KV of these values that remembers what was written, in order. */
function memory(values: Record<string, string> = {}) {
  const held = new Map(Object.entries(values));
  const written: string[] = [];
  const store: PublishStore = {
    get: async (key) => held.get(key) ?? null,
    async put(key, text) {
      held.set(key, text);
      written.push(key);
    },
  };
  return {
    store,
    written,
    config: () => JSON.parse(held.get("config") ?? "null"),
    text: (key: string) => held.get(key),
  };
}

const request = (parts: Partial<PublishRequest> = {}): PublishRequest => ({
  manifest: validManifest(),
  modelHash: MODEL_HASH,
  bundled: validCalibration(),
  config: null,
  calibration: null,
  keepThresholds: false,
  ...parts,
});

const configFile = (change: Partial<Config>) => ({
  name: "c.json",
  text: JSON.stringify({ ...validConfig(), ...change }),
});
const calibrationFile = (change: Partial<Calibration> = {}) => ({
  name: "k.json",
  text: JSON.stringify({ ...validCalibration(), ...change }),
});

describe("what is published", () => {
  it("is the default where KV is empty, with the time as its version", async () => {
    const { store, written, config } = memory();
    expect(await publish(request(), store, NOW)).toEqual({
      version: NOW.toISOString(),
      calibration: null,
      changes: [{ path: "version", old: "default", new: NOW.toISOString() }],
      warnings: [],
    });
    expect(config()).toEqual({ ...validConfig(), version: NOW.toISOString() });
    expect(written).toEqual(["config"]);
  });

  it("is the calibration's text as it came, under its hash, before the configuration that names it", async () => {
    const calibration = calibrationFile({ fittedOn: { ...validCalibration().fittedOn, dataset: "é" } });
    const { store, written, config, text } = memory();
    const publication = await publish(request({ calibration }), store, NOW);
    const key = `calibration:${sha256(calibration.text)}`;
    expect(written).toEqual([key, "config"]);
    expect(text(key)).toBe(calibration.text);
    expect(config().calibration).toBe(sha256(calibration.text));
    expect(publication).toMatchObject({ calibration: sha256(calibration.text) });
    expect(publication.changes).toContainEqual({ path: "calibration", old: null, new: sha256(calibration.text) });
  });

  it("is the configuration in KV, with its own calibration, when no file is given", async () => {
    const { text } = calibrationFile();
    const stored = { ...validConfig(), version: "before", calibration: sha256(text) };
    const { store, written, config } = memory({
      config: JSON.stringify(stored),
      [`calibration:${sha256(text)}`]: text,
    });
    expect(await publish(request(), store, NOW)).toMatchObject({ calibration: sha256(text) });
    expect(config()).toEqual({ ...stored, version: NOW.toISOString() });
    expect(written).toEqual(["config"]);
  });

  it("is the file's configuration; every changed field is listed", async () => {
    const { store, config } = memory({ config: JSON.stringify({ ...validConfig(), version: "before" }) });
    const offload = { ...validConfig().offload, threshold: 0.25 };
    const { changes } = await publish(request({ config: configFile({ version: "mine", offload }) }), store, NOW);
    expect(changes).toEqual([
      { path: "version", old: "before", new: "mine" },
      { path: "offload.threshold", old: 0.1, new: 0.25 },
    ]);
    expect(config()).toMatchObject({ version: "mine", offload });
  });

  it("gets the time as its version when the file still has the version in KV", async () => {
    const { store } = memory({ config: JSON.stringify({ ...validConfig(), version: "same" }) });
    const { version } = await publish(request({ config: configFile({ version: "same" }) }), store, NOW);
    expect(version).toBe(NOW.toISOString());
  });

  it("replaces a configuration in KV that is no good", async () => {
    for (const stored of ["{", "3", "null", JSON.stringify({ ...validConfig(), model: OTHER_HASH })]) {
      const { store, config } = memory({ config: stored });
      await publish(request({ config: configFile({ version: "good" }) }), store, NOW);
      expect(config()).toMatchObject({ version: "good", model: MODEL_HASH });
    }
  });
});

describe("the vote", () => {
  const vote = [0.5, 0.25, 0.25];

  it("is the new calibration's where the configuration is the default", async () => {
    const { store, config } = memory();
    const { warnings, changes } = await publish(request({ calibration: calibrationFile({ vote }) }), store, NOW);
    expect(config().edge.vote).toEqual(vote);
    expect(warnings).toEqual([]);
    expect(changes.map((change) => change.path)).toEqual(["version", "calibration", "edge.vote.0", "edge.vote.2"]);
  });

  it("stays an operator's own, with a warning, where it is not what the calibration was fitted with", async () => {
    const { store, config } = memory({ config: JSON.stringify(validConfig()) });
    const parts = { calibration: calibrationFile({ vote }), keepThresholds: true };
    const { warnings } = await publish(request(parts), store, NOW);
    expect(config().edge.vote).toEqual(validCalibration().vote);
    expect(warnings.at(-1)).toBe("edge.vote is [0.25,0.25,0.5], but the calibration was fitted with [0.5,0.25,0.25]");
  });
});

describe("a calibration alone", () => {
  const other = calibrationFile({ fittedOn: { ...validCalibration().fittedOn, dataset: "other" } });
  const { text } = calibrationFile();
  const withOwn = {
    config: JSON.stringify({ ...validConfig(), calibration: sha256(text) }),
    [`calibration:${sha256(text)}`]: text,
  };
  const withBundled = { config: JSON.stringify(validConfig()) };
  const stale =
    "the thresholds in force were chosen with another calibration, and nothing promised of them holds with this one";

  it.each([
    ["of KV", withOwn],
    ["of the bundle", withBundled],
  ])("is refused where the thresholds in force were chosen with that %s", async (_, kv) => {
    const { store, written } = memory(kv);
    await expect(publish(request({ calibration: other }), store, NOW)).rejects.toThrow(
      new Error(`k.json: ${stale}; give the --config chosen with it, or --keep-thresholds`),
    );
    expect(written).toEqual([]);
    const { warnings } = await publish(request({ calibration: other, keepThresholds: true }), store, NOW);
    expect(warnings).toEqual([stale]);
    expect(written).toEqual([`calibration:${sha256(other.text)}`, "config"]);
  });

  it.each([
    ["in KV", withOwn],
    ["in the bundle", withBundled],
  ])("goes where it is the one %s already", async (_, kv) => {
    const { store } = memory(kv);
    expect(await publish(request({ calibration: calibrationFile() }), store, NOW)).toMatchObject({ warnings: [] });
  });

  it("goes with a configuration beside it", async () => {
    const { store } = memory(withOwn);
    const parts = { calibration: other, config: configFile({ version: "chosen" }) };
    expect(await publish(request(parts), store, NOW)).toMatchObject({ version: "chosen", warnings: [] });
    const named = { ...parts, config: configFile({ version: "b", calibration: sha256(other.text) }) };
    expect(await publish(request(named), store, NOW)).toMatchObject({ warnings: [] });
  });

  it("goes, with a warning, beside a configuration that names another", async () => {
    const { store, config } = memory();
    const parts = { calibration: other, config: configFile({ calibration: sha256(text) }) };
    const warning = `c.json names calibration ${sha256(text)}, with which its thresholds were chosen; k.json is not it`;
    expect(await publish(request(parts), store, NOW)).toMatchObject({ warnings: [warning] });
    expect(config().calibration).toBe(sha256(other.text));
  });
});

describe("nothing is written, and one line says why, for", () => {
  const { text } = calibrationFile();
  const inKv = { config: JSON.stringify({ ...validConfig(), calibration: sha256(text) }) };
  const refused: [what: string, parts: Partial<PublishRequest>, kv: Record<string, string>, error: string][] = [
    [
      "a configuration of another model",
      { config: configFile({ model: OTHER_HASH }) },
      {},
      `c.json: model: made for ${OTHER_HASH}, but this Worker runs ${MODEL_HASH}`,
    ],
    [
      "a calibration of another model",
      { calibration: calibrationFile({ model: OTHER_HASH }) },
      {},
      `k.json: model: fitted for ${OTHER_HASH}, but this model is ${MODEL_HASH}`,
    ],
    [
      "a calibration of another number of exits",
      { calibration: calibrationFile({ exits: [{ temperature: 1 }] }), config: configFile({ version: "good" }) },
      {},
      "k.json: exits: expected 3 calibrators for this model, got 1",
    ],
    ["a configuration that is no JSON", { config: { name: "c.json", text: "{" } }, {}, "c.json: expected JSON"],
    ["a bad configuration in KV", {}, { config: "{" }, "the configuration in KV (--config replaces it): expected JSON"],
    ["a calibration that KV lacks", {}, inKv, `calibration:${sha256(text)}: not in KV; publish it with --calibration`],
    [
      "a calibration that is damaged in KV",
      {},
      { ...inKv, [`calibration:${sha256(text)}`]: `${text} ` },
      `calibration:${sha256(text)}: damaged in KV, its SHA-256 is ${sha256(`${text} `)}`,
    ],
  ];

  it.each(refused)("%s", async (_, parts, kv, error) => {
    const { store, written } = memory(kv);
    await expect(publish(request(parts), store, NOW)).rejects.toThrow(new Error(error));
    expect(written).toEqual([]);
  });
});

it("leaves the configuration alone when the calibration cannot be written", async () => {
  const { store, config } = memory();
  const failing: PublishStore = {
    get: store.get,
    put: (key, text) => (key === "config" ? store.put(key, text) : Promise.reject(new Error("KV is down"))),
  };
  await expect(publish(request({ calibration: calibrationFile() }), failing, NOW)).rejects.toThrow("KV is down");
  expect(config()).toBeNull();
});
