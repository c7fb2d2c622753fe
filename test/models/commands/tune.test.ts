// `spillway tune` from an evaluation to files, and once to a real KV and back.
import { createHash } from "node:crypto";
import { copyFile, mkdir, readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { checkCalibrationText } from "@spillway/shared/schema/calibration-check";
import { CONFIG_KEY, checkConfigText } from "@spillway/shared/schema/config";
import { beforeAll, describe, expect, it } from "vitest";
import { run } from "../../../models/src/commands/tune.ts";
import { readEvaluation, writeEvaluation } from "../../../models/src/evaluation/evaluation-file.ts";
import { systemCosts } from "../../../models/src/evaluation/system.ts";
import { type ModelFolder, openModelFolder } from "../../../models/src/model-folder.ts";
import { createWranglerKv } from "../../../models/src/publish/wrangler-kv.ts";
import { thresholdResultSchema } from "../../../models/src/tuning/threshold-result.ts";
import { tuneModel } from "../../../models/src/tuning/tune-model.ts";
import { temporaryFolder } from "../arrays/folder.ts";
import { SETTINGS, tinyEvaluation } from "../evaluation/tiny-family.ts";
import { captureOutput, spillway } from "./command.ts";
import { madeUpEvaluation } from "./made-up.ts";

const output = captureOutput();
const { folder } = temporaryFolder();
const source = path.join(folder, "source.npz");
let model: ModelFolder;

beforeAll(async () => {
  model = await openModelFolder("models/cifar100");
  const evaluation = await madeUpEvaluation(400);
  await writeEvaluation(source, evaluation, evaluation.labels, evaluation);
});

async function filesOf(tuned: string) {
  const text = (name: string) => readFile(path.join(tuned, name), "utf8");
  const calibrationText = await text("calibration.json");
  const calibration = checkCalibrationText(calibrationText, model.manifest, model.hash);
  const config = checkConfigText(await text("config.json"), model.manifest, model.hash);
  if (!calibration.ok || !config.ok)
    throw new Error(`expected valid files, got ${JSON.stringify([calibration, config])}`);
  const sha256 = createHash("sha256").update(calibrationText).digest("hex");
  const thresholds = thresholdResultSchema.parse(JSON.parse(await text("thresholds.json")));
  return { calibration: calibration.calibration, config: config.config, sha256, thresholds };
}

describe("spillway tune --no-publish", () => {
  it("writes four files that agree, for --max-offload 0.3 unless told", async () => {
    const tuned = path.join(folder, "deep/tuned");
    const out = path.join(folder, "tuned.json");
    await run(["--evaluation", source, "--folder", tuned, "--no-publish", "--json", "--out", out]);
    const result = JSON.parse(output.stdout);
    expect(JSON.parse(await readFile(out, "utf8"))).toEqual(result);
    expect(result.published).toBeNull();
    expect(await readEvaluation(path.join(tuned, "evaluation.npz"))).toEqual(await readEvaluation(source));
    const { calibration, config, sha256, thresholds } = await filesOf(tuned);
    expect(calibration.fittedOn).toMatchObject({ dataset: "calibration part of made up", n: 200, part: "calibration" });
    expect(result).toMatchObject(thresholds);
    expect(config.edge.exits.map(({ threshold }) => threshold)).toEqual(thresholds.exits);
    expect(config.edge).toMatchObject({ vote: calibration.vote, confidence: "max-probability" });
    expect(config.offload.threshold).toBe(thresholds.offload);
    expect(config.calibration).toBe(sha256);
    expect(config.version).not.toBe("default");
    const { edgeOnly, everythingOffloaded } = result.baselines;
    expect([edgeOnly.offloadRate, everythingOffloaded.offloadRate]).toEqual([0, 1]);
    expect(thresholds.expected.offloadRate).toBeGreaterThan(0.1);
    expect(thresholds.expected.offloadRate).toBeLessThan(0.45);
    expect(thresholds.expected.accuracy).toBeGreaterThan(edgeOnly.accuracy - 0.02);
  });

  it("certifies on rows that the calibration has not seen", async () => {
    const tuned = path.join(folder, "certified");
    const asked = ["--max-accuracy-loss", "0.2", "--confidence", "margin", "--method", "isotonic"];
    const ended = await spillway(
      "tune",
      "--evaluation",
      source,
      "--folder",
      tuned,
      "--no-publish",
      "--no-tail",
      ...asked,
    );
    expect({ code: ended.code, stderr: ended.stderr }).toEqual({ code: 0, stderr: "" });
    expect(ended.stdout).toMatch(/\nguarantee at most 20 points .*\n +accuracy .*\nedge only.*\neverything.*\nthese/);
    const { calibration, config, thresholds } = await filesOf(tuned);
    expect(calibration.fittedOn).toMatchObject({ n: 100, part: "fit" });
    expect(config.edge.confidence).toBe("margin");
    expect(thresholds.guarantee).toEqual({ maxAccuracyLoss: 0.2, confidenceLevel: 0.95, method: "paired-exact" });
  });

  it("says what is not attainable, also as JSON", async () => {
    const refused = path.join(folder, "refused");
    const asked = ["--evaluation", source, "--folder", refused, "--no-publish"];
    await run(asked);
    output.stdout = "";
    await expect(run([...asked, "--max-accuracy-loss", "0.01", "--json"])).rejects.toThrow(
      /^not attainable: 100 rows cannot certify .*; it takes at least \d+/,
    );
    expect(JSON.parse(output.stdout)).toMatchObject({ attainable: false });
    // What the run before chose would look like its result.
    expect((await readdir(refused)).sort()).toEqual(["calibration.json", "evaluation.npz"]);
  });

  it("refuses before it writes", async () => {
    const other = path.join(folder, "other.npz");
    const evaluation = await readEvaluation(source);
    await writeEvaluation(other, evaluation, evaluation.labels, { modelHash: "0".repeat(64), dataset: "other" });
    const tuned = path.join(folder, "other");
    await expect(run(["--evaluation", other, "--folder", tuned, "--no-publish"])).rejects.toThrow(
      /made with model 000/,
    );
    await expect(readFile(path.join(tuned, "config.json"))).rejects.toThrow(/ENOENT/);
  });
});

describe("a model without calibration.json", () => {
  it("gets the one that was fitted, when there is something to do with it", async () => {
    const own = path.join(folder, "my-model");
    await mkdir(own);
    await copyFile("models/cifar100/manifest.json", path.join(own, "manifest.json"));
    const tuned = path.join(folder, "mine");
    const flags = ["--model", own, "--evaluation", source, "--folder", tuned, "--no-publish", "--no-tail"];
    await expect(run([...flags, "--max-accuracy-loss", "0.01"])).rejects.toThrow(/^not attainable/);
    const made = path.join(own, "calibration.json");
    await expect(readFile(made)).rejects.toThrow(/ENOENT/);
    await run(flags);
    expect(output.stderr).toContain(`wrote ${made}: the model had no calibration\n`);
    expect(await readFile(made, "utf8")).toBe(await readFile(path.join(tuned, "calibration.json"), "utf8"));
    output.stderr = "";
    await run([...flags, "--method", "isotonic"]);
    expect(output.stderr).toBe("");
    expect(await readFile(made, "utf8")).not.toBe(await readFile(path.join(tuned, "calibration.json"), "utf8"));
  });
});

describe("a model with a tail", () => {
  const tuned = path.join(folder, "with-tail");
  const rule = "max-probability" as const;

  it("gets a calibration that describes it, and thresholds that are said to be the large model's", async () => {
    const { family, file } = await tinyEvaluation(folder, "tiny-tuned");
    const flags = ["--model", family.path, "--folder", tuned, "--evaluation", file, "--no-publish"];
    await run(flags);
    expect(output.stdout).toContain("the report half, which chose nothing; what is offloaded goes to the large model;");
    const calibrationOf = async () => {
      const text = await readFile(path.join(tuned, "calibration.json"), "utf8");
      const checked = checkCalibrationText(text, family.manifest, family.hash);
      return checked.ok ? checked.calibration : checked.error;
    };
    expect(await calibrationOf()).toMatchObject({ tail: SETTINGS.map((setting) => ({ setting })) });
    // The evaluation that is kept still has all of it.
    expect(await readEvaluation(path.join(tuned, "evaluation.npz"))).toEqual(await readEvaluation(file));
    await run([...flags, "--no-tail"]);
    expect(await calibrationOf()).toMatchObject({ tail: null });
  });

  it("is told that a configuration's route is not what the thresholds were chosen for", async () => {
    const { family, file } = await tinyEvaluation(folder, "tiny-route");
    const source = { evaluation: file, withTail: true };
    const demand = { wishes: { maxOffload: 0.3 }, limit: null };
    const costs = systemCosts(family.manifest);
    const request = { model: family, bundled: null, source, demand, method: "temperature" as const, rule, costs };
    const keys = new Map<string, string>();
    const store = {
      get: async (key: string) => keys.get(key) ?? null,
      put: async (key: string, text: string) => void keys.set(key, text),
    };
    expect(await tuneModel(request, store, tuned)).toMatchObject({ ok: true });
    const remark = 'note: offload.route is "tail", but these thresholds were chosen for the large model\n';
    expect(output.stderr).not.toContain(remark);
    const config = JSON.parse(keys.get(CONFIG_KEY) ?? "");
    keys.set(CONFIG_KEY, JSON.stringify({ ...config, offload: { ...config.offload, route: "tail" } }));
    expect(await tuneModel(request, store, tuned)).toMatchObject({ ok: true });
    expect(output.stderr).toContain(remark);
    expect(JSON.parse(keys.get(CONFIG_KEY) ?? "").offload.route).toBe("tail");
  });
});

describe("spillway tune", () => {
  it("puts into KV what publish then finds unchanged, and keeps what it did not choose", {
    timeout: 240_000,
  }, async () => {
    const tuned = path.join(folder, "published");
    const state = path.join(folder, "state");
    const flags = ["--evaluation", source, "--folder", tuned, "--state", state];
    const first = await spillway("tune", ...flags, "--json");
    expect(first.code).toBe(0);
    const { published } = JSON.parse(first.stdout);
    const { config, sha256 } = await filesOf(tuned);
    expect(published).toMatchObject({ version: config.version, calibration: sha256 });
    const kv = createWranglerKv({ kind: "local", state });

    const named = ["--config", path.join(tuned, "config.json"), "--calibration", path.join(tuned, "calibration.json")];
    const again = await spillway("publish", "--dry-run", "--state", state, "--json", ...named);
    expect(JSON.parse(again.stdout).changes.map((change: { path: string }) => change.path)).toEqual(["version"]);

    const offload = { ...config.offload, policy: "mdp", bucket: { rate: 1, depth: 2 }, fuse: false };
    const changed = { ...config, offload, limits: { ...config.limits, requestsPerMinute: 77 } };
    await kv.put(CONFIG_KEY, JSON.stringify(changed));
    const second = await spillway("tune", ...flags, "--max-offload", "0.1");
    expect(second.code).toBe(0);
    expect(second.stderr).toMatch(/^note: offload.policy is "mdp", but these thresholds were chosen for "threshold"$/m);
    const { config: kept } = await filesOf(tuned);
    expect(kept.limits).toEqual(changed.limits);
    expect(kept.offload).toEqual({ ...offload, threshold: kept.offload.threshold });
    expect(kept.version).not.toBe(config.version);

    await kv.put(CONFIG_KEY, JSON.stringify({ ...changed, model: "0".repeat(64) }));
    const third = await spillway("tune", ...flags);
    expect(third.code).toBe(0);
    expect(third.stderr).toMatch(/^note: the configuration in KV is replaced: model: made for 0{64}/m);
  });
});
