// Whatever is wrong with arrays, flags and files ends a command in one clear line, before anything is printed.
import { existsSync, readdirSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { run as calibrate } from "../../../models/src/commands/calibrate.ts";
import { run as fuse } from "../../../models/src/commands/fuse.ts";
import { run as metric } from "../../../models/src/commands/metric.ts";
import { run as reliability } from "../../../models/src/commands/reliability.ts";
import { run as sweep } from "../../../models/src/commands/sweep.ts";
import { run as thresholds } from "../../../models/src/commands/thresholds.ts";
import { run as tune } from "../../../models/src/commands/tune.ts";
import { UsageError } from "../../../models/src/usage.ts";
import { npyBytes } from "../arrays/folder.ts";
import { captureOutput, spillway } from "./command.ts";
import { pairInFiles } from "./made-up.ts";

const output = captureOutput();
const ROWS = 12;
const { folder, files, flags: pair, edge, write, writeArray } = pairInFiles(ROWS);
const table = ["--probabilities", files.edge, "--labels", files.labels];

type Run = (args: string[]) => Promise<void>;

/** Each command with flags that are right, to which something wrong is added; the last of a flag counts. */
const COMMANDS: [string, Run, string[]][] = [
  ["calibrate", calibrate, table],
  ["reliability", reliability, table],
  ["sweep", sweep, pair],
  ["thresholds", thresholds, [...pair, "--max-offload", "0.5"]],
  ["metric", metric, pair],
  ["fuse", fuse, pair],
];

/** The rows of the edge with one number changed. */
function spoilt(name: string, row: number, column: number, value: number): string {
  const data = edge.probabilities.slice();
  data[row * 4 + column] = value;
  return writeArray(name, { shape: [ROWS, 4], data });
}

function labelFile(name: string, values: number[]): string {
  return writeArray(name, { shape: [values.length], data: BigInt64Array.from(values, BigInt) });
}

const zeros = Array.from({ length: ROWS }, () => 0);
const ARRAYS: [string, string, RegExp][] = [
  ["NaN", spoilt("nan.npy", 3, 2, Number.NaN), /nan\.npy: row 3: expected probabilities, got NaN in column 2$/],
  [
    "negative",
    spoilt("negative.npy", 0, 1, -0.1),
    /negative\.npy: row 0: expected probabilities, got -0\.1 in column 1$/,
  ],
  [
    "no sum of 1",
    spoilt("sum.npy", 11, 0, 2),
    /sum\.npy: row 11: expected probabilities that sum to 1 .*, got a sum of/,
  ],
  [
    "one-dimensional",
    writeArray("flat.npy", { shape: [48], data: new Float64Array(48) }),
    /flat\.npy: expected shape \(/,
  ],
  [
    "whole numbers",
    writeArray("whole.npy", { shape: [ROWS, 4], data: new BigInt64Array(ROWS * 4) }),
    /whole\.npy: expected float32 or float64 numbers, got integers$/,
  ],
  ["missing", path.join(folder, "missing.npy"), /missing\.npy: no such file$/],
  ["a folder", folder, /: expected a file, got a directory$/],
  ["no array", write("text.npy", "probabilities"), /text\.npy: /],
  [
    "empty",
    write("empty.npy", npyBytes("{'descr': '<f8', 'fortran_order': False, 'shape': (0, 4), }\n", new Uint8Array())),
    /empty\.npy: /,
  ],
];
const LABELS: [string, string, RegExp][] = [
  ["too large", labelFile("large.npy", zeros.with(5, 4)), /large\.npy: row 5: expected a label from 0 to 3, got 4$/],
  ["negative", labelFile("below.npy", zeros.with(0, -1)), /below\.npy: row 0: expected a label from 0 to 3, got -1$/],
  ["too few", labelFile("few.npy", zeros.slice(1)), /few\.npy: expected 12 labels.*, got 11$/],
  ["missing", path.join(folder, "no-labels.npy"), /no-labels\.npy: no such file$/],
];

async function expectLine(run: Run, args: string[], line: RegExp) {
  const error: Error = await run(args).then(
    () => new Error("nothing was wrong"),
    (reason) => reason,
  );
  expect(error.message).toMatch(line);
  expect(error.message).not.toMatch(/[\r\n]/);
  expect(output.stdout).toBe("");
}

describe.each(COMMANDS)("spillway %s", (name, run, right) => {
  const tableFlag = right.includes("--edge") ? "--edge" : "--probabilities";

  it.each(ARRAYS)(`refuses a table that is %s`, (_, file, line) => expectLine(run, [...right, tableFlag, file], line));

  it.each(LABELS)("refuses labels that are %s", (_, file, line) => expectLine(run, [...right, "--labels", file], line));

  it("refuses a word that belongs to no flag, and a flag that it does not know", async () => {
    await expect(run([...right, "stray"])).rejects.toThrow(
      new UsageError(`unexpected "stray"; see spillway ${name} --help`),
    );
    await expect(run([...right, "--speed", "1"])).rejects.toThrow(
      new UsageError("Unknown option '--speed'; see --help"),
    );
    await expect(run([...right, "--labels"])).rejects.toThrow(UsageError);
  });

  it("says which flag is missing", async () => {
    const at = right.indexOf("--labels");
    const without = right.toSpliced(at, 2);
    await expect(run(without)).rejects.toThrow(new UsageError(`--labels is needed; see spillway ${name} --help`));
  });

  it("cannot write where there is no folder, or onto one, and leaves nothing behind", async () => {
    const nowhere = path.join(folder, "nowhere/out.json");
    await expectLine(run, [...right, "--out", nowhere], /nowhere\/out\.json: cannot be written \(ENOENT\)$/);
    await expectLine(run, [...right, "--out", folder], /: cannot be written \(EISDIR\)$/);
    expect(existsSync(`${folder}.partial`)).toBe(false);
  });

  it("ends with code 2 for its caller's mistakes and 1 for bad data", async () => {
    const usage = await spillway(name, ...right, "stray");
    expect(usage).toEqual({
      code: 2,
      stdout: "",
      stderr: `spillway: unexpected "stray"; see spillway ${name} --help\n`,
    });
    const [, nan] = ARRAYS[0];
    const data = await spillway(name, ...right, tableFlag, nan, "--json");
    expect(data).toEqual({
      code: 1,
      stdout: "",
      stderr: `spillway: ${nan}: row 3: expected probabilities, got NaN in column 2\n`,
    });
  });

  it("answers --help on stdout, all flags in it", async () => {
    await run(["--help"]);
    expect(output.stdout).toMatch(new RegExp(`^spillway ${name} --`));
    for (const flag of [...right.filter((word) => word.startsWith("--")), "--json", "--out FILE"]) {
      expect(output.stdout).toContain(flag);
    }
  });
});

describe("pairs", () => {
  it.each(COMMANDS.filter(([, , right]) => right.includes("--edge")))("have one shape: %s", async (_, run, right) => {
    const narrow = writeArray("narrow.npy", { shape: [ROWS * 2, 2], data: new Float64Array(ROWS * 4).fill(0.5) });
    const line = new RegExp(`narrow\\.npy: expected 12 x 4 like ${files.edge}, got 24 x 2$`);
    await expectLine(run, [...right, "--cloud", narrow], line);
    const nan = spoilt("nan-cloud.npy", 7, 0, Number.NaN);
    await expectLine(run, [...right, "--cloud", nan], /nan-cloud\.npy: row 7: /);
  });

  it.each([metric, fuse])("have five rows where some must be left out", async (run) => {
    const four = writeArray("four.npy", { shape: [4, 2], data: new Float64Array(8).fill(0.5) });
    const labels = labelFile("four-labels.npy", [0, 1, 0, 1]);
    const args = ["--edge", four, "--cloud", four, "--labels", labels];
    await expectLine(run, args, /four\.npy: expected at least 5 rows to fit, got 4$/);
  });
});

describe("flags", () => {
  const CHART = '--chart: expected a file name in .svg or .png, got "x.gif"';
  it.each<[Run, string[], string]>([
    [calibrate, [...table, "--method", "platt"], '--method: expected temperature, vector, isotonic, auto; got "platt"'],
    [
      calibrate,
      [...table, "--logits", "l.npy"],
      "expected --probabilities or --logits, not both; see spillway calibrate --help",
    ],
    [
      calibrate,
      [...table, "--evaluation", "e.npz"],
      "expected --probabilities, --logits, --images or --evaluation of one table or of a model, not both; see spillway calibrate --help",
    ],
    [
      calibrate,
      [...table, "--part", "calibration"],
      "--part: expected with a model only; see spillway calibrate --help",
    ],
    [calibrate, [...table, "--model", "m"], "--model: expected with a model only; see spillway calibrate --help"],
    [
      calibrate,
      ["--evaluation", "e.npz", "--labels", "y.npy"],
      "--labels: expected with one table only; see spillway calibrate --help",
    ],
    [
      calibrate,
      ["--labels", files.labels],
      "expected --probabilities, --logits, --images or --evaluation; see spillway calibrate --help",
    ],
    [calibrate, ["--evaluation", "e.npz", "--part", "report"], '--part: expected calibration, fit; got "report"'],
    [
      reliability,
      [...table, "--logits", "l.npy"],
      "expected --probabilities or --logits, not both; see spillway reliability --help",
    ],
    [reliability, ["--labels", "y"], "expected --probabilities or --logits; see spillway reliability --help"],
    [reliability, [...table, "--chart", "x.gif"], CHART],
    [sweep, [...pair, "--thresholds", "abc"], '--thresholds: expected a number from 0 to 2, got "abc"'],
    [sweep, [...pair, "--thresholds", "0.1,"], '--thresholds: expected a number from 0 to 2, got ""'],
    [sweep, [...pair, "--thresholds", "2.01"], '--thresholds: expected a number from 0 to 2, got "2.01"'],
    [sweep, [...pair, "--confidence", "sure"], '--confidence: expected max-probability, margin, entropy; got "sure"'],
    [sweep, [...pair, "--chart", "x.svg", "--chart", "x.gif"], CHART],
    [metric, [...pair, "--confidence", "sure"], '--confidence: expected max-probability, margin, entropy; got "sure"'],
    [metric, [...pair, "--chart", "x.gif"], CHART],
    [tune, [], "expected --images or --evaluation; see spillway tune --help"],
    [tune, ["--images", "i", "--remote", "--state", "s"], "--state is of the local KV, not of --remote"],
    [tune, ["--evaluation", "e", "stray"], 'unexpected "stray"; see spillway tune --help'],
    [tune, ["--evaluation", "e", "--max-offload", "1.1"], '--max-offload: expected a number from 0 to 1, got "1.1"'],
    [tune, ["--evaluation", "e", "--confidence-level", "0.9"], "--confidence-level needs --max-accuracy-loss"],
  ])("%# are the caller's mistake", async (run, args, message) => {
    await expect(run(args)).rejects.toThrow(new UsageError(message));
    expect(output.stdout).toBe("");
    expect(existsSync("tuned") || existsSync("x.svg")).toBe(false);
  });

  it("name a command that there is", async () => {
    for (const name of ["constructor", "sweeps", "-h"]) {
      const stderr = `spillway: no command "${name}"; see spillway --help\n`;
      expect(await spillway(name)).toEqual({ code: 2, stdout: "", stderr });
    }
  });

  it("leave no half-written file", () => {
    expect(readdirSync(folder).filter((name) => name.endsWith(".partial"))).toEqual([]);
  });
});
