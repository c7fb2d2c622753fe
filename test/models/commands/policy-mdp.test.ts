// `spillway policy mdp`: the published thresholds, and the file that a Worker takes.
import { readFileSync } from "node:fs";
import path from "node:path";
import { decide } from "@spillway/shared/policy/decide";
import { policyParameters } from "@spillway/shared/policy/policy-parameters";
import { checkPolicyText, type PolicyFile } from "@spillway/shared/schema/policy";
import { describe, expect, it } from "vitest";
import { run } from "../../../models/src/commands/policy/mdp.ts";
import { run as runPolicy } from "../../../models/src/commands/policy.ts";
import { openModelFolder } from "../../../models/src/model-folder.ts";
import { lineOf } from "../arrays/folder.ts";
import { isThere, readEdgeBoost, referenceCases, skipNote } from "../simulation/edgeboost.ts";
import { captureOutput, ROOT, spillway } from "./command.ts";
import { expectUsage, flagsWith, imagesInFiles } from "./policy-images.ts";

const output = captureOutput();
const { folder, column, files } = imagesInFiles();
const RIGHT = { metrics: files.metrics, rewards: files.rewards, rate: "0.5", depth: "2" };
const inFolder = (name: string) => path.join(folder, name);

async function jsonOf(args: string[]) {
  output.stdout = "";
  await run([...args, "--json"]);
  return JSON.parse(output.stdout);
}

function policyIn(file: string): PolicyFile {
  const checked = checkPolicyText(readFileSync(file, "utf8"));
  if (!checked.ok) return expect.fail(checked.error);
  return checked.file;
}

describe("spillway policy mdp", () => {
  it("says the grid and a threshold for each of its levels, and no more", async () => {
    const out = inFolder("out.json");
    const result = await jsonOf(flagsWith(RIGHT, { out }));
    expect(result).toEqual({ scaled: { q: 1, p: 2, m: 4 }, thresholds: expect.any(Array) });
    expect(result.thresholds).toHaveLength(3);
    expect(result.thresholds).toEqual(result.thresholds.toSorted((a: number, b: number) => b - a));
    expect(JSON.parse(readFileSync(out, "utf8"))).toEqual(result);
  });

  it("writes a policy that decides as its thresholds say", async () => {
    const file = inFolder("mdp.json");
    const { thresholds } = await jsonOf(flagsWith(RIGHT, { "policy-file": file, arrival: "geometric:0.5" }));
    const policy = policyIn(file);
    const trainedOn = { images: 300, arrival: "geometric:0.5", rate: 0.5, depth: 2, settle: "thresholds" };
    expect(policy).toMatchObject({ kind: "mdp", model: null, unitSeconds: 1, thresholds, trainedOn });
    const fit = policyParameters(policy, { rate: 0.5, depth: 2 });
    if (!fit.ok) return expect.fail(fit.error);
    for (const [level, threshold] of thresholds.entries()) {
      const observation = { metric: threshold, tokens: 1 + level / 2, elapsedSeconds: 1 };
      expect(decide(observation, null, fit.parameters)).toEqual({ offload: true, threshold, state: null });
    }
  });

  it("names the model, and what a time unit lasts", async () => {
    const file = inFolder("unit.json");
    const model = path.join(ROOT, "models/cifar100");
    await run(flagsWith(RIGHT, { "policy-file": file, "unit-seconds": "0.25", model }));
    const policy = policyIn(file);
    expect(policy).toMatchObject({ unitSeconds: 0.25, model: (await openModelFolder(model)).hash });
    // Half a token in a quarter of a second.
    expect(policyParameters(policy, { rate: 2, depth: 2 })).toMatchObject({ ok: true });
    expect(policyParameters(policy, { rate: 0.5, depth: 2 })).toMatchObject({ ok: false });
  });

  it("tells people where the threshold changes", async () => {
    await run(flagsWith(RIGHT));
    expect(output.stdout).toMatch(
      /^tokens from +offload from metric\n1\.00 +0\.\d{4}\n1\.50 +0\.\d{4}\n2\.00 +0\.\d{4}\n$/,
    );
  });

  it("can wait until no threshold can move any more", async () => {
    const [published, settled] = [
      await jsonOf(flagsWith(RIGHT, { settle: "thresholds" })),
      await jsonOf(flagsWith(RIGHT, { settle: "values" })),
    ];
    expect(published).toEqual(await jsonOf(flagsWith(RIGHT)));
    expect(settled.scaled).toEqual(published.scaled);
    settled.thresholds.forEach((threshold: number, level: number) => {
      expect(Math.abs(threshold - published.thresholds[level])).toBeLessThan(0.1);
    });
  });
});

describe("what is wrong", () => {
  it.each<[string, string | undefined, string | RegExp]>([
    ["metrics", undefined, "--metrics is needed; see spillway policy mdp --help"],
    ["rewards", undefined, "--rewards is needed; see spillway policy mdp --help"],
    ["rate", undefined, "--rate is needed; see spillway policy mdp --help"],
    ["depth", undefined, "--depth is needed; see spillway policy mdp --help"],
    ["rate", "fast", '--rate: expected a number from 0 to 1000000, got "fast"'],
    ["rate", "", '--rate: expected a number from 0 to 1000000, got ""'],
    ["rate", "-1", '--rate: expected a number from 0 to 1000000, got "-1"'],
    ["rate", "0", "--rate: expected above 0: without new tokens there is nothing to decide"],
    ["rate", "0.001", /^rate and depth: expected a pair that a grid can hold .*, got 0\.001 and 2$/],
    ["depth", "0.99", '--depth: expected a number from 1 to 1000000, got "0.99"'],
    ["depth", "NaN", '--depth: expected a number from 1 to 1000000, got "NaN"'],
    ["depth", "1000001", '--depth: expected a number from 1 to 1000000, got "1000001"'],
    ["arrival", "weekly", /^--arrival: expected periodic, .*; got "weekly"$/],
    ["settle", "soon", '--settle: expected thresholds, values; got "soon"'],
    ["unit-seconds", "0", /^--unit-seconds: expected a number from 0\.000001 to 86400, got "0"$/],
    ["unit-seconds", "86401", /^--unit-seconds: expected a number from 0\.000001 to 86400, got "86401"$/],
    ["speed", "1", "Unknown option '--speed'; see --help"],
  ])("--%s %s is the caller's mistake", async (name, value, line) => {
    await expectUsage(run, flagsWith(RIGHT, { [name]: value }), line);
    expect(output.stdout).toBe("");
  });

  it("is a word that belongs to no flag, and a command that there is none of", async () => {
    await expectUsage(run, [...flagsWith(RIGHT), "stray"], 'unexpected "stray"; see spillway policy mdp --help');
    await expectUsage(runPolicy, ["learn"], 'no command "policy learn"; see spillway policy --help');
  });

  const spoilt = (name: string, ...values: number[]) => column(name, Float64Array.from(values));
  it.each([
    ["metrics", spoilt("above.npy", 0, 1.01), /above\.npy: row 1: expected a metric from -1 to 1, got 1\.01$/],
    ["metrics", spoilt("nan.npy", Number.NaN), /nan\.npy: row 0: expected a finite number, got NaN$/],
    ["rewards", spoilt("short.npy", 1, 0), /short\.npy: expected 300 rows, one a metric, got 2$/],
    ["rewards", spoilt("infinite.npy", 1, Number.POSITIVE_INFINITY), /infinite\.npy: row 1: expected a finite number/],
    ["metrics", "none.npy", /none\.npy: no such file$/],
    ["policy-file", inFolder("nowhere/p.json"), /nowhere\/p\.json: cannot be written \(ENOENT\)$/],
    ["out", inFolder("nowhere/o.json"), /nowhere\/o\.json: cannot be written \(ENOENT\)$/],
    ["model", inFolder("nowhere"), /nowhere\/manifest\.json: cannot be read/],
  ])("in --%s is named, case %#", async (name, value, line) => {
    expect(await lineOf(() => run(flagsWith(RIGHT, { [name]: value })))).toMatch(line);
    expect(output.stdout).toBe("");
  });

  it("ends with code 2 for the caller's mistakes, 1 for bad data, and help with 0", async () => {
    const [usage, data, help] = await Promise.all([
      spillway("policy", "mdp", ...flagsWith(RIGHT, { rate: "0.001" })),
      spillway("policy", "mdp", ...flagsWith(RIGHT, { metrics: "none.npy" })),
      spillway("policy", "--help"),
    ]);
    expect(usage).toMatchObject({ code: 2, stdout: "" });
    expect(usage.stderr).toMatch(/^spillway: rate and depth: .*\n$/);
    expect(data).toEqual({ code: 1, stdout: "", stderr: "spillway: none.npy: no such file\n" });
    expect(help).toMatchObject({ code: 0, stderr: "" });
    for (const name of ["metrics", "mdp", "dqn", "belief", "simulate", "compare"]) {
      expect(help.stdout).toMatch(new RegExp(`^ {2}${name} +\\S`, "m"));
    }
  });

  it("is answered by --help, all flags in it", async () => {
    await run(["--help"]);
    const names = [...Object.keys(RIGHT), "arrival", "policy-file", "model", "unit-seconds", "settle", "json", "out"];
    for (const name of names) expect(output.stdout).toContain(`--${name}`);
  });
});

describe.skipIf(!isThere)(`the published thresholds${skipNote}`, () => {
  const { metrics, rewards } = isThere ? readEdgeBoost() : { metrics: new Float64Array(), rewards: new Float64Array() };
  const sorted = metrics.toSorted();
  const rankOf = (threshold: number) => sorted.findIndex((metric) => metric >= threshold - 1e-6);
  const cases = referenceCases().map((each) => ({ ...each, kind: each.arrival.kind }));

  it.each(cases)("come out to within one image: rate $rate, depth $depth, $kind", async (each) => {
    const { rate, depth, arrival } = each;
    const sampled = (n1: number, n3: number) => new Float64Array(n1 + n3).fill(1, 0, n1).fill(3, n1);
    const arrivalText =
      arrival.kind === "geometric"
        ? `geometric:${arrival.p}`
        : arrival.kind === "sampled"
          ? `intervals:${column("sampled.npy", sampled(arrival.n1, arrival.n3))}`
          : "periodic";
    const { scaled, thresholds } = await jsonOf(
      flagsWith({
        metrics: column("edgeboost-metrics.npy", metrics),
        rewards: column("edgeboost-rewards.npy", rewards),
        rate: `${rate}`,
        depth: `${depth}`,
        arrival: arrivalText,
      }),
    );
    expect(scaled).toEqual(each.scaled);
    expect(thresholds).toHaveLength(each.mdpThresholds.length);
    thresholds.forEach((threshold: number, level: number) => {
      expect(rankOf(threshold)).toBeGreaterThanOrEqual(0);
      expect(Math.abs(rankOf(threshold) - rankOf(each.mdpThresholds[level]))).toBeLessThanOrEqual(1);
    });
  });
});
