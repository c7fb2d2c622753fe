// Policies from KV in the whole Worker: what decides, who is told, and that nobody who is confident asks.
import type { Config, PolicyName } from "@spillway/shared/schema/config";
import { policyKeyOf } from "@spillway/shared/schema/policy";
import { beforeEach, describe, expect, inject, test, vi } from "vitest";
import type { GateReport, GateRequest } from "../../../edge-worker/src/bucket/offload-gate.ts";
import { MAX_REPORTED_IMAGES } from "../../../edge-worker/src/limits.ts";
import { beliefFile, mdpFile, qNetworkFile, storePolicy } from "../config/policies.ts";
import { ADMIN_TOKEN, alwaysOffload, env, reset, startApp, storeConfig, type TestApp } from "../setup/app.ts";
import { noisePng } from "../setup/png.ts";

beforeEach(reset);

/** No exit is ever confident; this policy decides about a bucket of two tokens. */
const by = (policy: PolicyName, policyKey: string | null) =>
  storeConfig((config) => {
    alwaysOffload(config);
    Object.assign(config.offload, { policy, policyKey, bucket: { rate: 1, depth: 2 } });
  });
const policyOf = async (app: TestApp) => (await (await app.fetch("/v1/config")).json<{ policy: unknown }>()).policy;
const withCloud = () => startApp({ CLOUD_URL: inject("cloudUrl") });

test.each([
  ["mdp", mdpFile(-1)],
  ["q-network", qNetworkFile()],
  ["belief", beliefFile()],
] as const)("%s decides, and answer and configuration say so", async (policy, file) => {
  const key = await storePolicy(file);
  await by(policy, key);
  const app = withCloud();
  expect(await policyOf(app)).toEqual({ configured: policy, inForce: policy, key, error: null });
  const image = await noisePng(1);
  const decided = () => app.classify(image).then(({ decision }) => decision.policy);
  await vi.waitUntil(async () => (await decided()) === policy, { timeout: 20_000 });
});

test.each([
  ["no key", null, "policyKey: expected the key of a mdp policy, got null"],
  ["a missing one", "gone", "gone: not in KV"],
])("with %s the threshold decides, and answer and configuration say so", async (_name, key, error) => {
  await by("mdp", key);
  const app = withCloud();
  const { decision } = await app.classify(await noisePng(2));
  expect(decision).toMatchObject({ tier: "cloud", policy: "threshold", threshold: -1 });
  expect(await policyOf(app)).toEqual({ configured: "mdp", inForce: "threshold", key, error });
});

test("PUT answers with the policy that it puts in force, and a live change needs no restart", async () => {
  const config = await by("threshold", null);
  const app = withCloud();
  const image = await noisePng(3);
  expect((await app.classify(image)).decision).toMatchObject({ policy: "threshold", threshold: -1 });
  const put = async (change: Partial<Config["offload"]>) => {
    const headers = { authorization: `Bearer ${ADMIN_TOKEN}`, "if-match": "*" };
    const body = JSON.stringify({ ...config, offload: { ...config.offload, ...change } });
    const response = await app.fetch("/v1/config", { method: "PUT", headers, body });
    return (await response.json<{ policy: unknown }>()).policy;
  };
  for (const threshold of [-0.5, -0.75]) {
    const key = await storePolicy(mdpFile(threshold));
    expect(await put({ policy: "mdp", policyKey: key })).toMatchObject({ inForce: "mdp", key, error: null });
    const { decision } = await app.classify(image);
    expect(decision.policy).toBe("mdp");
    expect([threshold, threshold / 2]).toContain(decision.threshold);
  }
  const unknown = policyKeyOf("0".repeat(64));
  const error = `${unknown}: not in KV`;
  expect(await put({ policy: "mdp", policyKey: unknown })).toMatchObject({ inForce: "threshold", error });
  expect((await app.classify(image)).decision).toMatchObject({ policy: "threshold", threshold: -1 });
});

describe("images that an exit is confident of", () => {
  /** A Worker whose objects only write down what they are told. */
  function listening() {
    const calls = { decide: [] as GateRequest[], report: [] as GateReport[] };
    const stub = {
      decide: async (request: GateRequest) => {
        calls.decide.push(request);
        return { offload: false, reason: "no-tokens", threshold: null, tokens: 0, policy: "belief" };
      },
      report: async (report: GateReport) => void calls.report.push(report),
    };
    const app = startApp({ OFFLOAD_GATE: { idFromName: () => null, get: () => stub } } as never);
    return { app, calls };
  }
  const confidentBy = (policy: PolicyName, enabled = true) =>
    storeConfig((config) => {
      config.edge.exits[0].threshold = 0;
      Object.assign(config.offload, { policy, enabled });
    });

  test.each([
    ["threshold", true],
    ["mdp", true],
    ["belief", false],
  ] as const)("cost no call by %s while offloading is enabled: %s", async (policy, enabled) => {
    await confidentBy(policy, enabled);
    const { app, calls } = listening();
    const image = await noisePng(5);
    for (let k = 0; k <= MAX_REPORTED_IMAGES; k++) await app.classify(image);
    expect(calls).toEqual({ decide: [], report: [] });
  });

  test("are reported together, with the gain that they would have had and when they came", async () => {
    await confidentBy("belief");
    const { app, calls } = listening();
    const image = await noisePng(6);
    const before = Date.now();
    for (let k = 1; k < MAX_REPORTED_IMAGES; k++) await app.classify(image);
    expect(calls.report).toEqual([]);
    expect((await app.classify(image)).decision).toMatchObject({ reason: "confident", metric: null, policy: null });
    expect(calls.report).toHaveLength(1);
    const { seen, offload } = calls.report[0];
    expect(seen).toHaveLength(MAX_REPORTED_IMAGES);
    expect(offload).toMatchObject({ policy: "belief", policyKey: null });
    expect(seen.every(({ atMs }) => atMs >= before && atMs <= Date.now())).toBe(true);
    expect(new Set(seen.map(({ metric }) => metric)).size).toBe(1);
    expect(calls.decide).toEqual([]);
  });

  test("ride along with the next that asks", async () => {
    await confidentBy("belief");
    const { app, calls } = listening();
    const image = await noisePng(7);
    await app.classify(image);
    await app.classify(image);
    await env.CONFIG.delete("config");
    const config = await by("belief", null);
    const headers = { authorization: `Bearer ${ADMIN_TOKEN}`, "if-match": "*" };
    await app.fetch("/v1/config", { method: "PUT", headers, body: JSON.stringify(config) });
    const { decision } = await app.classify(image);
    expect(calls.decide).toHaveLength(1);
    expect(calls.decide[0].seen).toHaveLength(2);
    expect(calls.decide[0].metric).toBe(decision.metric);
    expect(calls.report).toEqual([]);
  });
});

test("the document of the interface knows the policy", async () => {
  const { components } = await (await startApp().fetch("/openapi.json")).json<{
    components: { schemas: Record<string, { properties: Record<string, { required?: string[] }> }> };
  }>();
  const { policy } = components.schemas.EffectiveConfig.properties;
  expect(policy.required).toEqual(["configured", "inForce", "key", "error"]);
});
