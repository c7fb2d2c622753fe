// Publishing a policy into a store in memory: what the configuration then says, and what is refused or only noted.
import { createHash } from "node:crypto";
import type { Config } from "@spillway/shared/schema/config";
import { MAX_POLICY_BYTES } from "@spillway/shared/schema/policy";
import { describe, expect, it } from "vitest";
import { type PublishRequest, type PublishStore, publish } from "../../../models/src/publish/publish.ts";
import { MODEL_HASH, OTHER_HASH, validCalibration, validConfig, validManifest } from "../../shared/schema/documents.ts";
import {
  denseLayer,
  MADE_FOR,
  validBeliefPolicy,
  validMdpPolicy,
  validQNetworkPolicy,
} from "../../shared/schema/policies.ts";

const NOW = new Date("2026-11-20T12:00:00.000Z");
const mdp = validMdpPolicy();
const FALLBACK = 'the Worker will fall back to "threshold"';

const policyFile = (policy: unknown) => ({ name: "p.json", text: JSON.stringify(policy, null, 2) });
const keyOf = (text: string) => `policy:${createHash("sha256").update(text).digest("hex")}`;
const offloading = (change: Partial<Config["offload"]>): Config => {
  const config = validConfig();
  return { ...config, offload: { ...config.offload, bucket: MADE_FOR, ...change } };
};

/** Publishes into a KV of these values; what was written, in order, and what KV then holds. */
async function publishInto(values: Record<string, string>, parts: Partial<PublishRequest>) {
  const held = new Map(Object.entries(values));
  const written: string[] = [];
  const store: PublishStore = {
    get: async (key) => held.get(key) ?? null,
    async put(key, text) {
      held.set(key, text);
      written.push(key);
    },
  };
  const request: PublishRequest = {
    manifest: validManifest(),
    modelHash: MODEL_HASH,
    bundled: validCalibration(),
    config: null,
    calibration: null,
    keepThresholds: false,
    ...parts,
  };
  const publication = await publish(request, store, NOW).catch((error: unknown) => error as Error);
  return { publication, written, held, config: () => JSON.parse(held.get("config") ?? "null") as Config };
}

describe("a policy's file", () => {
  it.each([mdp, validQNetworkPolicy(), validBeliefPolicy()])(
    "goes under its hash, as it came, before the configuration that names it: $kind",
    async (policy) => {
      const file = policyFile(policy);
      const stored = offloading({ threshold: 0.25 });
      const { publication, written, held, config } = await publishInto(
        { config: JSON.stringify(stored) },
        { policy: file },
      );
      const key = keyOf(file.text);
      expect(written).toEqual([key, "config"]);
      expect(held.get(key)).toBe(file.text);
      const offload = { ...stored.offload, policy: policy.kind, policyKey: key };
      expect(config()).toEqual({ ...stored, version: NOW.toISOString(), offload });
      expect(publication).toEqual({
        version: NOW.toISOString(),
        calibration: null,
        changes: [
          { path: "version", old: "default", new: NOW.toISOString() },
          { path: "offload.policy", old: "threshold", new: policy.kind },
          { path: "offload.policyKey", old: null, new: key },
        ],
        warnings: [],
      });
    },
  );

  it("goes with a configuration and a calibration beside it, and fits the bucket of that configuration", async () => {
    const config = { name: "c.json", text: JSON.stringify({ ...offloading({}), version: "mine" }) };
    const calibration = { name: "k.json", text: JSON.stringify(validCalibration()) };
    const elsewhere = { config: JSON.stringify(offloading({ bucket: { rate: 5, depth: 20 } })) };
    const { publication, written } = await publishInto(elsewhere, { policy: policyFile(mdp), config, calibration });
    expect(publication).toMatchObject({ version: "mine", warnings: [] });
    expect(written.map((key) => key.split(":")[0])).toEqual(["calibration", "policy", "config"]);
  });

  it("takes the place of one in KV, which need not be there any more", async () => {
    const stored = offloading({ policy: "q-network", policyKey: "policy:gone" });
    const file = policyFile(mdp);
    const { publication, config } = await publishInto({ config: JSON.stringify(stored) }, { policy: file });
    expect(publication).toMatchObject({ warnings: [] });
    expect(config().offload).toMatchObject({ policy: "mdp", policyKey: keyOf(file.text) });
  });

  it.each([
    ["no JSON", "{", "expected JSON"],
    ["too many bytes", " ".repeat(MAX_POLICY_BYTES + 1), "expected at most 4194304 bytes, got 4194305"],
    ["no policy", JSON.stringify({ ...mdp, thresholds: [0] }), "thresholds: expected m - p + 1 of them"],
    [
      "a policy of another model",
      JSON.stringify({ ...mdp, model: OTHER_HASH }),
      `model: made for ${OTHER_HASH}, but this model is ${MODEL_HASH}`,
    ],
    [
      "a policy of no model",
      JSON.stringify({ ...mdp, model: null }),
      `model: made for no model, but this model is ${MODEL_HASH}`,
    ],
    [
      "a policy of another bucket",
      JSON.stringify({ ...mdp, unitSeconds: 2 }),
      "grid: made for 0.25 tokens a second and a depth of 2, but the bucket has 0.5 and 2",
    ],
    [
      "a network of no numbers",
      JSON.stringify({ ...validQNetworkPolicy(), layers: [denseLayer(6, 2, Number.NaN), denseLayer(2, 10)] }),
      "layers.0.weights: expected finite numbers, got NaN",
    ],
  ])("is refused before anything is written where it is %s", async (_, text, error) => {
    const config = { name: "c.json", text: JSON.stringify(offloading({})) };
    const { publication, written } = await publishInto({}, { policy: { name: "p.json", text }, config });
    expect(publication).toEqual(new Error(`p.json: ${error}`));
    expect(written).toEqual([]);
  });

  it("is refused where it does not fit the default bucket, and no configuration brings another", async () => {
    const { publication, written } = await publishInto({}, { policy: policyFile(mdp) });
    expect(publication).toEqual(
      new Error("p.json: grid: made for 0.5 tokens a second and a depth of 2, but the bucket has 5 and 20"),
    );
    expect(written).toEqual([]);
  });

  it("leaves the configuration alone when it cannot be written", async () => {
    const config = { name: "c.json", text: JSON.stringify(offloading({})) };
    const failing: PublishStore = { get: async () => null, put: async (key) => Promise.reject(new Error(key)) };
    const parts = { manifest: validManifest(), modelHash: MODEL_HASH, bundled: validCalibration() };
    const request = { ...parts, config, calibration: null, keepThresholds: false, policy: policyFile(mdp) };
    await expect(publish(request, failing, NOW)).rejects.toThrow(keyOf(policyFile(mdp).text));
  });
});

describe("a configuration that names a policy by itself", () => {
  const { text } = policyFile(mdp);
  const key = keyOf(text);
  const named = offloading({ policy: "mdp", policyKey: key });

  it.each<[what: string, config: Config, kv: Record<string, string>]>([
    ["the policy is there and fits", named, { [key]: text }],
    ["it is under a key of its own", offloading({ policy: "mdp", policyKey: "mine" }), { mine: text }],
    ["thresholds decide, whatever the key", offloading({ policyKey: "gone" }), {}],
  ])("is published without a word where %s", async (_, config, kv) => {
    const { publication, written } = await publishInto({ ...kv, config: JSON.stringify(config) }, {});
    expect(publication).toMatchObject({ warnings: [] });
    expect(written).toEqual(["config"]);
  });

  it.each<[what: string, config: Config, kv: Record<string, string>, warning: string]>([
    ["is not there", named, {}, `${key}: not in KV, publish it with --policy`],
    ["has no key", offloading({ policy: "mdp" }), {}, 'offload.policy is "mdp", but offload.policyKey is null'],
    [
      "is another than its key says",
      named,
      { [key]: `${text} ` },
      `${key}: damaged in KV, its SHA-256 is ${keyOf(`${text} `).slice("policy:".length)}`,
    ],
    ["is no policy", offloading({ policy: "mdp", policyKey: "mine" }), { mine: "{" }, "mine: expected JSON"],
    [
      "is of another model",
      offloading({ policy: "mdp", policyKey: "mine" }),
      { mine: JSON.stringify({ ...mdp, model: OTHER_HASH }) },
      `mine: model: made for ${OTHER_HASH}, but this model is ${MODEL_HASH}`,
    ],
    [
      "is of another kind",
      offloading({ policy: "q-network", policyKey: key }),
      { [key]: text },
      `${key}: kind: it is "mdp", but offload.policy is "q-network"`,
    ],
    [
      "is for another bucket",
      offloading({ policy: "mdp", policyKey: key, bucket: { rate: 0, depth: 2 } }),
      { [key]: text },
      `${key}: grid: made for 0.5 tokens a second and a depth of 2, but the bucket has 0 and 2`,
    ],
  ])("is published with a warning where it %s", async (_, config, kv, warning) => {
    const warnings = [`${warning}: ${FALLBACK}`];
    const inKv = await publishInto({ ...kv, config: JSON.stringify(config) }, {});
    expect(inKv.publication).toMatchObject({ warnings });
    expect(inKv.written).toEqual(["config"]);
    const inFile = await publishInto(kv, { config: { name: "c.json", text: JSON.stringify(config) } });
    expect(inFile.publication).toMatchObject({ warnings });
  });
});
