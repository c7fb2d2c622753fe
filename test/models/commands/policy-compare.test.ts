// `spillway policy compare`: which settings it goes through, and what it makes of them.
import { readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { run } from "../../../models/src/commands/policy/compare.ts";
import { run as runSimulate } from "../../../models/src/commands/policy/simulate.ts";
import { validQNetworkPolicy } from "../../shared/schema/policies.ts";
import { lineOf } from "../arrays/folder.ts";
import { captureOutput, spillway } from "./command.ts";
import { expectUsage, flagsWith, imagesInFiles } from "./policy-images.ts";

const output = captureOutput();
const { folder, write, column, files } = imagesInFiles();
const inFolder = (name: string) => path.join(folder, name);
const LOCATION = "location-reset:0.2,0.1";
const RIGHT = {
  metrics: files.metrics,
  rewards: files.rewards,
  rate: "0.5",
  depth: "2",
  policy: "threshold,mdp",
  sequences: "2",
  frames: "60",
};

async function jsonOf(args: string[]) {
  output.stdout = "";
  await run([...args, "--json"]);
  return JSON.parse(output.stdout);
}

type Figures = { figures: { varied: string; cells: { value: number }[] }[] };
const settingsOf = ({ figures }: Figures) =>
  figures.map(({ varied, cells }) => [varied, cells.map(({ value }) => value)]);

describe("spillway policy compare", () => {
  it("goes through all that there is, where nothing is asked for", async () => {
    const common: [string, number[]][] = [
      ["rate", [0.05, 0.1, 0.15, 0.2, 0.25, 0.3]],
      ["depth", [1, 2, 4, 10, 20]],
    ];
    expect(settingsOf(await jsonOf(flagsWith(RIGHT, { policy: "threshold" })))).toEqual(common);
    expect(settingsOf(await jsonOf(flagsWith(RIGHT, { policy: "threshold", sequence: LOCATION })))).toEqual([
      ...common,
      ["spread", [0.05, 0.1, 0.2, 0.5, 1]],
      ["reset", [0.003, 0.01, 0.03, 0.1, 0.3, 1]],
    ]);
  });

  it("goes through what is asked for, and reports as simulate does", async () => {
    const out = inFolder("out.json");
    const change = { sequence: LOCATION, "edge-loss": files.edgeLoss, depths: "3,1", resets: "0.5", out };
    const result = await jsonOf(flagsWith(RIGHT, change));
    expect(settingsOf(result)).toEqual([
      ["depth", [3, 1]],
      ["reset", [0.5]],
    ]);
    expect(JSON.parse(readFileSync(out, "utf8"))).toEqual(result);
    const [{ cells }, { cells: resets }] = result.figures;
    for (const [cell, setting] of [
      [cells[0], { depth: "3", sequence: LOCATION }],
      [cells[1], { depth: "1", sequence: LOCATION }],
      [resets[0], { sequence: "location-reset:0.2,0.5" }],
    ] as const) {
      output.stdout = "";
      await runSimulate([...flagsWith(RIGHT, { "edge-loss": files.edgeLoss, ...setting }), "--json"]);
      expect(cell).toEqual({ value: cell.value, report: JSON.parse(output.stdout) });
    }
  });

  it("has a point of a trained network where it was trained, and a dash elsewhere", async () => {
    const trainedOn = { arrival: "periodic", sequence: "iid" };
    const file = write("network.json", JSON.stringify({ ...validQNetworkPolicy(), trainedOn }));
    await run(flagsWith(RIGHT, { policy: "threshold,q-network", "policy-file": file, rates: "0.25,0.5" }));
    expect(output.stdout).toMatch(
      /^rate +threshold +q-network +lower bound +offline optimum\n0\.25 +\S+ ± \S+ +- +\S+ +\S+\n0\.5 +\S+ ± \S+ +\S+ ± \S+ +\S+ +\S+\n$/,
    );
    const { figures } = await jsonOf(
      flagsWith(RIGHT, { policy: "threshold,q-network", "policy-file": file, rates: "0.25,0.5" }),
    );
    const names = figures[0].cells.map(({ report }: { report: { policies: object } }) => Object.keys(report.policies));
    expect(names).toEqual([["threshold"], ["threshold", "q-network"]]);
  });

  it("draws a panel for each setting that changes", async () => {
    const chart = inFolder("figures.svg");
    await run(flagsWith(RIGHT, { sequence: LOCATION, rates: "0.25,0.5", spreads: "0.1,1", chart }));
    const svg = readFileSync(chart, "utf8");
    for (const text of ["by rate", "by spread", "threshold", "mdp", "lower bound"]) expect(svg).toContain(text);
    expect(svg).not.toContain("by depth");
  });

  it("draws one value alone", async () => {
    const chart = inFolder("one.svg");
    await run(flagsWith(RIGHT, { sequence: LOCATION, depths: "2", chart }));
    expect(readFileSync(chart, "utf8")).toContain("by depth");
  });
});

describe("what is wrong", () => {
  it.each<[string, string | undefined, string | RegExp]>([
    ["metrics", undefined, "--metrics is needed; see spillway policy compare --help"],
    ["rewards", undefined, "--rewards is needed; see spillway policy compare --help"],
    ["rate", undefined, "--rate is needed; see spillway policy compare --help"],
    ["depth", undefined, "--depth is needed; see spillway policy compare --help"],
    ["spreads", "0.1", "--spreads: needs --sequence location-reset:SPREAD,RESET"],
    ["resets", "0.1", "--resets: needs --sequence location-reset:SPREAD,RESET"],
    ["rates", "0.1,0", '--rates: expected a number from 0.000001 to 1000000, got "0"'],
    ["rates", "", '--rates: expected a number from 0.000001 to 1000000, got ""'],
    ["rates", "0.1,", '--rates: expected a number from 0.000001 to 1000000, got ""'],
    ["depths", "0.99", '--depths: expected a number from 1 to 1000000, got "0.99"'],
    ["frames", "0", '--frames: expected a number from 1 to 10000000, got "0"'],
    ["policy", "best", '--policy: expected threshold, mdp, q-network, belief; got "best"'],
    ["chart", "x.gif", '--chart: expected a file name in .svg or .png, got "x.gif"'],
    ["arrival", "weekly", /^--arrival: expected periodic, .*; got "weekly"$/],
    ["speed", "1", "Unknown option '--speed'; see --help"],
  ])("--%s %s is the caller's mistake", async (name, value, line) => {
    await expectUsage(run, flagsWith(RIGHT, { [name]: value }), line);
    expect(output.stdout).toBe("");
  });

  it.each([
    ["spreads", "1.01", '--spreads: expected a number from 0.000001 to 1, got "1.01"'],
    ["spreads", "0", '--spreads: expected a number from 0.000001 to 1, got "0"'],
    ["resets", "-0.1", '--resets: expected a number from 0.000001 to 1, got "-0.1"'],
  ])("--%s %s is the caller's mistake where images come together", async (name, value, line) => {
    await expectUsage(run, flagsWith(RIGHT, { sequence: LOCATION, [name]: value }), line);
  });

  it.each([
    ["metrics", "none.npy", /none\.npy: no such file$/],
    ["rewards", column("short.npy", Float64Array.of(1)), /short\.npy: expected 300 rows, one a metric, got 1$/],
    ["policy-file", write("text.json", "policy"), /text\.json: expected JSON$/],
    ["out", inFolder("nowhere/o.json"), /nowhere\/o\.json: cannot be written \(ENOENT\)$/],
  ])("in --%s is named, case %#", async (name, value, line) => {
    expect(await lineOf(() => run(flagsWith(RIGHT, { rates: "0.5", [name]: value })))).toMatch(line);
    expect(output.stdout).toBe("");
  });

  it("ends with code 2 for the caller's mistakes and 1 for bad data", async () => {
    const [usage, data] = await Promise.all([
      spillway("policy", "compare", ...flagsWith(RIGHT, { spreads: "0.1" })),
      spillway("policy", "compare", ...flagsWith(RIGHT, { metrics: "none.npy" })),
    ]);
    expect(usage).toEqual({
      code: 2,
      stdout: "",
      stderr: "spillway: --spreads: needs --sequence location-reset:SPREAD,RESET\n",
    });
    expect(data).toEqual({ code: 1, stdout: "", stderr: "spillway: none.npy: no such file\n" });
  });
});
