// `spillway controller simulate|compare`: what they say, and what they refuse.
import { readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { run as runCompare } from "../../../models/src/commands/controller/compare.ts";
import { run as runSimulate } from "../../../models/src/commands/controller/simulate.ts";
import { run } from "../../../models/src/commands/controller.ts";
import { lineOf, temporaryFolder } from "../arrays/folder.ts";
import { captureOutput, ROOT, spillway } from "./command.ts";
import { expectUsage, flagsWith } from "./policy-images.ts";

const output = captureOutput();
const { folder, write } = temporaryFolder();
const OPTIONS = path.join(ROOT, "test/vectors/send-options.json");
const lines = (throughput: (second: number) => number) =>
  Array.from({ length: 31 }, (_, second) => `${second} ${throughput(second).toFixed(3)}`).join("\n");
const trace = write(
  "a.txt",
  lines((second) => 1 + 0.5 * Math.sin(second)),
);
write(
  "b.txt",
  lines((second) => (second % 10 < 5 ? 2 : 0.5)),
);
const SIMULATE = { trace, options: OPTIONS, frames: "150" };
const COMPARE = { traces: folder, options: OPTIONS, frames: "60", multiples: "1,4", deadlines: "100" };

async function jsonOf(command: typeof run, args: string[]) {
  output.stdout = "";
  await command([...args, "--json"]);
  return JSON.parse(output.stdout);
}

describe("spillway controller simulate", () => {
  it("says what became of every frame", async () => {
    const out = path.join(folder, "out.json");
    const result = await jsonOf(runSimulate, flagsWith(SIMULATE, { out }));
    expect(JSON.parse(readFileSync(out, "utf8"))).toEqual(result);
    const number = expect.any(Number);
    expect(result).toMatchObject({
      rule: "mpc",
      score: { gain: number, missRate: number, net: number, bytes: number, accuracy: null },
      optimum: number,
    });
    expect(result.frames).toHaveLength(150);
    expect(result.frames[1].atMs).toBeCloseTo(result.intervalMs, 9);
    // Twice the mean throughput by default.
    const meanBytesPerMs = 4096 / 2 / result.intervalMs;
    expect(meanBytesPerMs).toBeGreaterThan(110);
    expect(meanBytesPerMs).toBeLessThan(140);
    const counts = Object.values<number>(result.choices).reduce((sum, count) => sum + count, 0);
    expect(counts).toBe(150);
    expect(result.score.net).toBeLessThan(result.optimum);
    expect(output.stderr).toBe("note: metrics are assumed, not measured\n");
  });

  it("plays any rule, at a frame rate of one's own, and the same for the same seed", async () => {
    const fixed = { rule: "fixed 16x4", fps: "10", "jitter-ms": "0" };
    const [one, again] = [
      await jsonOf(runSimulate, flagsWith(SIMULATE, fixed)),
      await jsonOf(runSimulate, flagsWith(SIMULATE, fixed)),
    ];
    expect(again).toEqual(one);
    expect(one).toMatchObject({ rule: "fixed 16x4", intervalMs: 100, choices: { "16x4": 150 } });
    const other = await jsonOf(runSimulate, flagsWith(SIMULATE, { ...fixed, seed: "2" }));
    expect(other.frames.map((frame: { metric: number }) => frame.metric)).not.toEqual(
      one.frames.map((frame: { metric: number }) => frame.metric),
    );
  });

  it("tells people, and draws the course", async () => {
    const chart = path.join(folder, "course.svg");
    await runSimulate(flagsWith(SIMULATE, { chart, rule: "rate", multiple: "4" }));
    expect(output.stdout).toMatch(
      /^rate: 150 frames, one every \d+\.\d ms\nnet gain -?0\.\d{5} a frame, -?\d+\.\d % of the optimum's 0\.\d{5}\n/,
    );
    const svg = readFileSync(chart, "utf8");
    for (const text of ["throughput", "sent", "queue", "deadline", "rate on a"]) expect(svg).toContain(text);
  });
});

describe("spillway controller compare", () => {
  it("has every rule in every cell, and a report of all", async () => {
    const { cells, report } = await jsonOf(runCompare, flagsWith(COMPARE));
    expect(
      cells.map(({ trace: name, multiple, deadlineMs }: Record<string, unknown>) => [name, multiple, deadlineMs]),
    ).toEqual([
      ["a", 1, 100],
      ["a", 4, 100],
      ["b", 1, 100],
      ["b", 4, 100],
    ]);
    expect(Object.keys(cells[0].rules)).toEqual(Object.keys(report.rules));
    expect(Object.keys(report.rules)).toHaveLength(17 + 3);
    const { mpc, rate } = report.rules;
    expect(mpc.shareOfOptimum).toBeCloseTo(mpc.net / report.optimum, 12);
    expect(mpc.net).toBeGreaterThan(rate.net);
    expect(report).toMatchObject({ traces: 2, cells: 4, edgeAccuracy: 0.7 });
    const tokens = await jsonOf(runCompare, flagsWith(COMPARE, { rate: "5", depth: "5" }));
    expect(tokens.report.optimum).toBeLessThan(report.optimum);
    expect(tokens.report.rules.mpc.bytes).toBeLessThan(mpc.bytes);
  });

  it("names no share of what cannot be gained", async () => {
    const { report } = await jsonOf(runCompare, flagsWith(COMPARE, { deadlines: "20" }));
    expect(report).toMatchObject({ optimum: 0, rules: { mpc: { shareOfOptimum: null, meanShare: null } } });
  });

  it("takes one half of the traces or the other", async () => {
    const names = async (half: string) => {
      const { cells } = await jsonOf(runCompare, flagsWith(COMPARE, { half, multiples: "1" }));
      return cells.map(({ trace: name }: { trace: string }) => name);
    };
    expect([...(await names("tuning")), ...(await names("report"))].sort()).toEqual(["a", "b"]);
  });

  it("tells people, and draws both charts", async () => {
    const chart = path.join(folder, "compare.svg");
    await runCompare(flagsWith(COMPARE, { chart }));
    for (const name of ["fixed 8x1", "fixed large", "rate", "buffer", "mpc", "optimum", "misses against rate"]) {
      expect(output.stdout).toContain(name);
    }
    const svg = readFileSync(chart, "utf8");
    for (const text of ["net gain by trace", "gain against deadline misses", "optimum"]) expect(svg).toContain(text);
  });
});

describe("what is wrong", () => {
  it.each<[string, string | undefined, string | RegExp]>([
    ["trace", undefined, "--trace is needed; see spillway controller simulate --help"],
    ["options", undefined, "--options or --model is needed; see spillway controller simulate --help"],
    ["rule", "best", /^--rule: expected fixed 8x1, .*, rate, buffer, mpc; got "best"$/],
    ["deadline-ms", "0", '--deadline-ms: expected a number from 1 to 60000, got "0"'],
    ["service-ms", "3", '--service-ms: expected two numbers, of tail and large, got "3"'],
    ["horizon", "17", '--horizon: expected a number from 1 to 16, got "17"'],
    ["horizon", "1.5", '--horizon: expected a whole number, got "1.5"'],
    ["frames", "0", '--frames: expected a number from 1 to 1000000, got "0"'],
    ["rate", "5", "--depth is needed; see spillway controller simulate --help"],
    ["miss-penalty", "2", '--miss-penalty: expected a number from 0 to 1, got "2"'],
    ["evaluation", "e.npz", "--evaluation: needs --model"],
    ["chart", "x.gif", '--chart: expected a file name in .svg or .png, got "x.gif"'],
  ])("--%s %s is the caller's mistake", async (name, value, line) => {
    await expectUsage(runSimulate, flagsWith(SIMULATE, { [name]: value }), line);
  });

  it("is two ways to say how fast frames come, half a folder, or no such half", async () => {
    await expectUsage(
      runSimulate,
      flagsWith(SIMULATE, { fps: "5", multiple: "1" }),
      "--fps and --multiple: expected one of them",
    );
    await expectUsage(
      runCompare,
      flagsWith(COMPARE, { half: "best" }),
      '--half: expected all, tuning, report; got "best"',
    );
    await expectUsage(run, ["guess"], 'no command "controller guess"; see spillway controller --help');
  });

  const spoilt = write("spoilt.json", '[{"route":"tail","setting":"8x1","bytes":0,"gainShare":1}]');
  it.each([
    ["options", spoilt, /spoilt\.json: .*bytes/],
    ["options", path.join(folder, "none.json"), /none\.json: cannot be read \(ENOENT\)$/],
    ["trace", spoilt, /spoilt\.json: expected at least 2 lines of time and throughput, got 1$/],
    ["out", path.join(folder, "nowhere/o.json"), /nowhere\/o\.json: cannot be written \(ENOENT\)$/],
  ])("in --%s is named, case %#", async (name, value, line) => {
    await expect(runSimulate(flagsWith(SIMULATE, { [name]: value }))).rejects.toThrow(line);
  });

  it("is a folder without traces, or none", async () => {
    expect(await lineOf(() => runCompare(flagsWith(COMPARE, { traces: path.join(folder, "none") })))).toMatch(
      /none: cannot be read \(ENOENT\)$/,
    );
    expect(await lineOf(() => runCompare(flagsWith(COMPARE, { traces: path.join(ROOT, "models/src") })))).toMatch(
      /src: expected at least 1 \.txt files, got 0$/,
    );
  });

  it("ends with code 2, and the commands are listed", async () => {
    const { code, stderr } = await spillway("controller", "simulate", ...flagsWith(SIMULATE, { frames: "0" }));
    expect([code, stderr.split("\n").length]).toEqual([2, 2]);
    await run([]);
    expect(output.stdout).toContain("simulate");
    expect(output.stdout).toContain("compare");
  });
});
