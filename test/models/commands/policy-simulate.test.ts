// `spillway policy simulate`: the shape of what it says, and that it says what a simulation gives.
import { readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { run as runMdp } from "../../../models/src/commands/policy/mdp.ts";
import { run } from "../../../models/src/commands/policy/simulate.ts";
import { readArrival } from "../../../models/src/simulation/arrivals.ts";
import { sortImages } from "../../../models/src/simulation/images.ts";
import { learnMdp, learnThreshold } from "../../../models/src/simulation/learn.ts";
import { reportOf } from "../../../models/src/simulation/report.ts";
import { simulate } from "../../../models/src/simulation/simulate.ts";
import { validQNetworkPolicy } from "../../shared/schema/policies.ts";
import { lineOf } from "../arrays/folder.ts";
import { captureOutput, spillway } from "./command.ts";
import { expectUsage, flagsWith, imagesInFiles } from "./policy-images.ts";

const output = captureOutput();
const { folder, write, column, files, metrics, rewards } = imagesInFiles();
const inFolder = (name: string) => path.join(folder, name);
const RIGHT = {
  metrics: files.metrics,
  rewards: files.rewards,
  rate: "0.5",
  depth: "2",
  policy: "threshold,mdp",
  sequences: "3",
  frames: "200",
};

async function jsonOf(args: string[]) {
  output.stdout = "";
  await run([...args, "--json"]);
  return JSON.parse(output.stdout);
}

describe("spillway policy simulate", () => {
  it("says what a simulation gives, in the shape that scripts read", async () => {
    const arrival = await readArrival("geometric:0.5");
    const images = sortImages(metrics, rewards);
    const bucket = { rate: 0.5, depth: 2 };
    const source = { images, sequence: { kind: "location-reset", spread: 0.2, reset: 0.1 } as const, arrival };
    const policies = { threshold: learnThreshold(source, bucket), mdp: learnMdp(source, bucket) };
    const simulation = simulate(source, bucket, policies, { sequences: 40, frames: 500, seed: 9 });
    const edgeLoss = rewards.reduce((sum, reward) => sum + reward, 0) / rewards.length;
    const out = inFolder("out.json");
    const change = {
      "edge-loss": files.edgeLoss,
      arrival: "geometric:0.5",
      sequence: "location-reset:0.2,0.1",
      seed: "9",
      sequences: "40",
      frames: "500",
    };
    const result = await jsonOf(flagsWith(RIGHT, { ...change, out }));
    expect(result).toEqual(reportOf(simulation, edgeLoss));
    expect(JSON.parse(readFileSync(out, "utf8"))).toEqual(result);
    const number = expect.any(Number);
    const policy = { loss: number, offloadRate: number, standardError: number, reward: number, gapClosed: number };
    expect(result).toEqual({
      policies: { threshold: policy, mdp: policy },
      lowerBound: number,
      offlineOptimum: number,
      edgeLoss: number,
      cloudLoss: number,
      lossFrom: "edge-loss",
      sequences: 40,
      frames: 20_000,
    });
    // All that the cloud gains here is what the edge lost.
    expect(result.cloudLoss).toBeCloseTo(0, 12);
    expect(output.stderr).toBe("note: learnt on the same images that judge\n");
  });

  it("counts losses from the edge's where they are not given", async () => {
    const [without, with_] = [
      await jsonOf(flagsWith(RIGHT)),
      await jsonOf(flagsWith(RIGHT, { "edge-loss": files.edgeLoss })),
    ];
    expect(without).toMatchObject({ lossFrom: "edge", edgeLoss: 0 });
    for (const name of ["threshold", "mdp"]) {
      expect(without.policies[name].loss).toBeCloseTo(with_.policies[name].loss - with_.edgeLoss, 12);
      expect(without.policies[name].loss).toBeCloseTo(-without.policies[name].reward, 12);
    }
  });

  it("draws the same for the same seed, which is 1 unless said otherwise", async () => {
    const [first, again, other] = [
      await jsonOf(flagsWith(RIGHT)),
      await jsonOf(flagsWith(RIGHT, { seed: "1" })),
      await jsonOf(flagsWith(RIGHT, { seed: "2" })),
    ];
    expect(again).toEqual(first);
    expect(other.policies).not.toEqual(first.policies);
    expect(other.lowerBound).toBe(first.lowerBound);
  });

  it("plays a recording in its own order, with all policies that can be learnt from it", async () => {
    const seconds = column(
      "seconds.npy",
      Float64Array.from(metrics, (_, image) => image % 3),
    );
    const change = { policy: undefined, sequence: "recorded", arrival: `intervals:${seconds}` };
    const result = await jsonOf(flagsWith(RIGHT, { ...change, frames: undefined }));
    expect(result).toMatchObject({ sequences: 1, frames: 300 });
    expect(Object.keys(result.policies)).toEqual(["threshold", "mdp", "belief"]);
    for (const { standardError } of Object.values<{ standardError: unknown }>(result.policies)) {
      expect(standardError).toBeNull();
    }
    expect(await jsonOf(flagsWith(RIGHT, { ...change, frames: "100" }))).toMatchObject({ sequences: 3, frames: 300 });
  });

  it("takes policies from files, and says nothing of learning then", async () => {
    const file = inFolder("mdp.json");
    const { policy: _, sequences: __, frames: ___, ...bucket } = RIGHT;
    await runMdp(flagsWith(bucket, { "policy-file": file }));
    const learnt = await jsonOf(flagsWith(RIGHT, { policy: "mdp" }));
    expect(output.stderr).toMatch(/^note: /);
    output.stderr = "";
    expect(await jsonOf(flagsWith(RIGHT, { policy: "mdp", "policy-file": file }))).toEqual(learnt);
    expect(output.stderr).toBe("");
  });

  it("learns on other images than those that judge", async () => {
    const halves = column(
      "halves.npy",
      metrics.map((metric) => metric / 2),
    );
    const learn = { "learn-metrics": halves, "learn-rewards": files.rewards };
    const result = await jsonOf(flagsWith(RIGHT, { policy: "threshold", ...learn }));
    expect(output.stderr).toBe("");
    const own = await jsonOf(flagsWith(RIGHT, { policy: "threshold" }));
    // A threshold at half of the metrics lets far more through.
    expect(result.policies.threshold.offloadRate).toBeGreaterThan(own.policies.threshold.offloadRate + 0.05);
    expect(result.lowerBound).toBe(own.lowerBound);
  });

  it("tells people the same in a table", async () => {
    await run(flagsWith(RIGHT, { "edge-loss": files.edgeLoss }));
    const rows = ["threshold", "mdp", "edge alone", "lower bound", "offline optimum", "cloud alone"];
    const lines = output.stdout.trimEnd().split("\n");
    expect(lines[0]).toMatch(/^ +loss +standard error +offloaded +gap closed$/);
    expect(lines.slice(1).map((line) => line.split(/ {2,}/)[0])).toEqual(rows);
    expect(lines[2]).toMatch(/^mdp +0\.\d{5} +0\.\d{5} +\d+\.\d % +-?\d+\.\d %$/);
  });

  it("draws a chart of all policies and bounds", async () => {
    const chart = inFolder("losses.svg");
    await run(flagsWith(RIGHT, { chart }));
    const svg = readFileSync(chart, "utf8");
    for (const text of ["threshold", "mdp", "lower bound", "offline optimum", "edge alone"])
      expect(svg).toContain(text);
  });
});

describe("what is wrong", () => {
  it.each<[string, string | undefined, string | RegExp]>([
    ["metrics", undefined, "--metrics is needed; see spillway policy simulate --help"],
    ["rewards", undefined, "--rewards is needed; see spillway policy simulate --help"],
    ["rate", undefined, "--rate is needed; see spillway policy simulate --help"],
    ["depth", undefined, "--depth is needed; see spillway policy simulate --help"],
    ["rate", "0", "--rate: expected above 0: without new tokens there is nothing to decide"],
    ["rate", "0.001", /^rate and depth: expected a pair that a grid can hold .*, got 0\.001 and 2$/],
    ["depth", "0.5", '--depth: expected a number from 1 to 1000000, got "0.5"'],
    ["sequences", "0", '--sequences: expected a number from 1 to 100000, got "0"'],
    ["sequences", "100001", '--sequences: expected a number from 1 to 100000, got "100001"'],
    ["sequences", "1.5", '--sequences: expected a whole number, got "1.5"'],
    ["frames", "0", '--frames: expected a number from 1 to 10000000, got "0"'],
    ["frames", "10000001", '--frames: expected a number from 1 to 10000000, got "10000001"'],
    ["frames", "many", '--frames: expected a number from 1 to 10000000, got "many"'],
    ["seed", "4294967296", '--seed: expected a number from 0 to 4294967295, got "4294967296"'],
    ["seed", "0.5", '--seed: expected a whole number, got "0.5"'],
    ["arrival", "weekly", /^--arrival: expected periodic, .*; got "weekly"$/],
    ["sequence", "location-reset:2,1", /^--sequence: expected iid, .*; got "location-reset:2,1"$/],
    ["policy", "best", '--policy: expected threshold, mdp, q-network, belief; got "best"'],
    ["policy", "q-network", "--policy q-network needs its --policy-file; see spillway policy dqn --help"],
    ["learn-metrics", files.metrics, "--learn-metrics and --learn-rewards belong together"],
    ["learn-rewards", files.rewards, "--learn-metrics and --learn-rewards belong together"],
    ["chart", "x.gif", '--chart: expected a file name in .svg or .png, got "x.gif"'],
    ["speed", "1", "Unknown option '--speed'; see --help"],
  ])("--%s %s is the caller's mistake", async (name, value, line) => {
    await expectUsage(run, flagsWith(RIGHT, { [name]: value }), line);
    expect(output.stdout).toBe("");
  });

  const spoilt = (name: string, ...values: number[]) => column(name, Float64Array.from(values));
  const network = write("network.json", JSON.stringify(validQNetworkPolicy()));
  it.each([
    ["metrics", spoilt("below.npy", -1.01), /below\.npy: row 0: expected a metric from -1 to 1, got -1\.01$/],
    ["rewards", spoilt("short.npy", 1, 0), /short\.npy: expected 300 rows, one a metric, got 2$/],
    ["edge-loss", spoilt("losses.npy", 1), /losses\.npy: expected 300 rows, one a metric, got 1$/],
    ["policy-file", write("text.json", "policy"), /text\.json: expected JSON$/],
    ["policy-file", inFolder("none.json"), /none\.json: cannot be read \(ENOENT\)$/],
    ["out", inFolder("nowhere/o.json"), /nowhere\/o\.json: cannot be written \(ENOENT\)$/],
  ])("in --%s is named, case %#", async (name, value, line) => {
    expect(await lineOf(() => run(flagsWith(RIGHT, { [name]: value })))).toMatch(line);
    expect(output.stdout).toBe("");
  });

  it("is a file that no policy asks for, or of another bucket", async () => {
    await expectUsage(
      run,
      flagsWith(RIGHT, { "policy-file": network }),
      /^--policy-file .*network\.json: its policy is q-network, which --policy does not name$/,
    );
    const change = { policy: "q-network", "policy-file": network, rate: "0.25" };
    expect(await lineOf(() => run(flagsWith(RIGHT, change)))).toMatch(
      /network\.json: grid: made for 0\.5 tokens a second and a depth of 2, but the bucket has 0\.25 and 2$/,
    );
  });

  it("ends with code 2 for the caller's mistakes and 1 for bad data", async () => {
    const [usage, data] = await Promise.all([
      spillway("policy", "simulate", ...flagsWith(RIGHT, { frames: "0" })),
      spillway("policy", "simulate", ...flagsWith(RIGHT, { metrics: "none.npy" })),
    ]);
    expect(usage).toMatchObject({ code: 2, stdout: "" });
    expect(usage.stderr).toMatch(/^spillway: --frames: .*\n$/);
    expect(data).toEqual({ code: 1, stdout: "", stderr: "spillway: none.npy: no such file\n" });
  });
});
