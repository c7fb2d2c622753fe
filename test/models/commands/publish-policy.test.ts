// `spillway publish --policy` with the real wrangler: what is in KV afterwards, and that a dry run leaves nothing there.
import path from "node:path";
import { describe, expect, it } from "vitest";
import { run } from "../../../models/src/commands/publish.ts";
import { openModelFolder } from "../../../models/src/model-folder.ts";
import { createWranglerKv } from "../../../models/src/publish/wrangler-kv.ts";
import { sha256Hex } from "../../../models/src/sha256.ts";
import { validMdpPolicy } from "../../shared/schema/policies.ts";
import { lineOf, temporaryFolder } from "../arrays/folder.ts";
import { captureOutput, ROOT } from "./command.ts";

const output = captureOutput();
const { folder, write } = temporaryFolder();
const state = path.join(folder, "state");
const model = path.join(ROOT, "models/cifar100");
const publish = (...args: string[]) => run(["--model", model, "--state", state, ...args]);

/** A policy of the shipped model for the default bucket: 5 tokens a second, 20 at most. */
async function shippedPolicy(): Promise<string> {
  const { hash } = await openModelFolder(model);
  const thresholds = new Array(20).fill(0.25);
  return JSON.stringify({ ...validMdpPolicy(), model: hash, grid: { q: 5, p: 1, m: 20 }, thresholds });
}

describe("spillway publish --policy", () => {
  it("puts the policy and the configuration that names it into KV, and neither in a dry run", {
    timeout: 180_000,
  }, async () => {
    const text = await shippedPolicy();
    const key = `policy:${sha256Hex(text)}`;
    const kv = createWranglerKv({ kind: "local", state });
    const file = write("p.json", text);
    const changes = [
      { path: "offload.policy", old: "threshold", new: "mdp" },
      { path: "offload.policyKey", old: null, new: key },
    ];

    await publish("--policy", file, "--dry-run", "--json");
    expect(JSON.parse(output.stdout).changes.slice(1)).toEqual(changes);
    expect(output.stderr).toContain(`offload.policyKey: null -> "${key}"\n`);
    expect(await kv.get(key)).toBeNull();
    expect(await kv.get("config")).toBeNull();

    output.stdout = "";
    await publish("--policy", file, "--json");
    expect(JSON.parse(output.stdout).changes.slice(1)).toEqual(changes);
    expect(await kv.get(key)).toBe(text);
    expect(JSON.parse((await kv.get("config")) ?? "")).toMatchObject({ offload: { policy: "mdp", policyKey: key } });

    output.stderr = "";
    await publish();
    expect(output.stderr).toMatch(/^version: .*\nversion .* is in force in the local KV\n$/);
    await kv.put(key, "{");
    output.stderr = "";
    await publish();
    expect(output.stderr).toContain(
      `note: ${key}: damaged in KV, its SHA-256 is ${sha256Hex("{")}: the Worker will fall back to "threshold"\n`,
    );
  });

  it("is one line for a file that cannot be read, and for one that is no policy of this model", async () => {
    const missing = path.join(folder, "missing.json");
    expect(await lineOf(() => publish("--policy", missing))).toBe(`${missing}: cannot be read (ENOENT)`);
    const other = write("other.json", JSON.stringify(validMdpPolicy()));
    expect(await lineOf(() => publish("--policy", other))).toMatch(/other\.json: model: made for [0-9a-f]{64}, but/);
    expect(output).toEqual({ stdout: "", stderr: "" });
  });
});
