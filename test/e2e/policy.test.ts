// From recorded traffic to decisions: a policy learnt, published, and at work in the stack that starts on it.
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { mulberry32 } from "@spillway/shared/random/mulberry32";
import { calibrationSchema } from "@spillway/shared/schema/calibration";
import { defaultConfig } from "@spillway/shared/schema/config";
import { type Decision, resultSchema } from "@spillway/shared/schema/result";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { encodeNpy } from "../../models/src/arrays/npy.ts";
import { openModelFolder } from "../../models/src/model-folder.ts";
import { ROOT, run, type Stack, startStack } from "./stack.ts";

const MODEL = path.join(ROOT, "models/cifar100");
const IMAGE = path.join(ROOT, "test/vectors/images/drawn/orange.jpg");

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "spillway-policy-e2e-"));
});

afterAll(() => rm(folder, { recursive: true }));

/** Every image asks the gate. */
async function writeConfig(): Promise<string> {
  const { manifest, hash } = await openModelFolder(MODEL);
  const calibration = calibrationSchema.parse(JSON.parse(await readFile(path.join(MODEL, "calibration.json"), "utf8")));
  const config = defaultConfig(manifest, hash, calibration);
  for (const exit of config.edge.exits) exit.threshold = 2;
  const file = path.join(folder, "config.json");
  await writeFile(file, JSON.stringify(config));
  return file;
}

/** Images that are hard or easy for a while, and what offloading them gained. */
async function writeRecording() {
  const random = mulberry32(2);
  let isHard = false;
  const metrics = Float64Array.from({ length: 1000 }, () => {
    if (random() < 0.1) isHard = !isHard;
    return isHard ? 0.3 + 0.7 * random() : 0.5 * random();
  });
  const rewards = metrics.map((metric) => (random() < metric ? 1 : 0));
  const files = { metrics: path.join(folder, "metrics.npy"), rewards: path.join(folder, "rewards.npy") };
  await writeFile(files.metrics, encodeNpy({ shape: [1000], data: metrics }));
  await writeFile(files.rewards, encodeNpy({ shape: [1000], data: rewards }));
  return files;
}

async function decisionOf(stack: Stack): Promise<Decision> {
  const headers = { "content-type": "image/jpeg" };
  const body = new Uint8Array(await readFile(IMAGE));
  const response = await fetch(`${stack.edgeUrl}/v1/classify`, { method: "POST", headers, body });
  return resultSchema.parse(await response.json()).decision;
}

async function policyInForce(stack: Stack): Promise<unknown> {
  return ((await (await fetch(`${stack.edgeUrl}/v1/config`)).json()) as { policy: unknown }).policy;
}

test("a policy learnt from recorded traffic decides, follows the bucket live, and gives way to the threshold", async () => {
  const { metrics, rewards } = await writeRecording();
  const file = path.join(folder, "policy.json");
  const learning = ["--metrics", metrics, "--rewards", rewards, "--sequence", "recorded", "--model", MODEL];
  const learnt = await run("spillway", ["policy", "belief", ...learning, "--policy-file", file, "--json"]);
  expect(learnt).toMatchObject({ code: 0 });
  const state = path.join(folder, "state");
  const documents = ["--config", await writeConfig(), "--policy", file];
  expect(await run("spillway", ["publish", ...documents, "--state", state])).toMatchObject({ code: 0 });

  const stack = await startStack("--state", state);
  try {
    expect(await policyInForce(stack)).toMatchObject({ configured: "belief", inForce: "belief", error: null });
    // The first decisions of an isolate come before its prices.
    const byBelief = async () => (await decisionOf(stack)).policy === "belief";
    await vi.waitUntil(byBelief, { timeout: 20_000, interval: 50 });

    const slower = ["config", "set", "offload.bucket.rate=0.01", "offload.bucket.depth=2"];
    expect(await stack.spillway(...slower)).toMatchObject({ code: 0 });
    const decision = await decisionOf(stack);
    expect(decision).toMatchObject({ policy: "belief" });
    expect(decision.tokens).toBeLessThanOrEqual(2);

    expect(await stack.spillway("config", "set", "offload.policyKey=nobody")).toMatchObject({ code: 0 });
    const fallback = { configured: "belief", inForce: "threshold", key: "nobody", error: "nobody: not in KV" };
    expect(await policyInForce(stack)).toEqual(fallback);
    expect(await decisionOf(stack)).toMatchObject({ policy: "threshold", threshold: 0.1 });
  } finally {
    expect(await stack.stop()).toBe(0);
  }
});
