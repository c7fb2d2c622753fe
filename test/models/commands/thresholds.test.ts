// `spillway thresholds` for a pair and for a model. What its guarantee is worth is tested with choosePair.
import { readFile } from "node:fs/promises";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { run as calibrate } from "../../../models/src/commands/calibrate.ts";
import { run } from "../../../models/src/commands/thresholds.ts";
import { writeEvaluation } from "../../../models/src/evaluation/evaluation-file.ts";
import { thresholdResultSchema } from "../../../models/src/tuning/threshold-result.ts";
import { UsageError } from "../../../models/src/usage.ts";
import { captureOutput, spillway } from "./command.ts";
import { madeUpEvaluation, pairInFiles } from "./made-up.ts";

const output = captureOutput();
const { folder, flags, labels, edge, cloud, files } = pairInFiles();
const share = (flagged: Uint8Array) => flagged.reduce((sum, flag) => sum + flag, 0) / flagged.length;

async function jsonOf(...args: string[]) {
  output.stdout = "";
  await run([...args, "--json"]);
  return JSON.parse(output.stdout);
}

describe("a pair", () => {
  it("offloads nothing at --max-offload 0, and as much as serves at 1", async () => {
    const nothing = await jsonOf(...flags, "--max-offload", "0");
    expect(nothing).toMatchObject({ exits: [0], offload: 0, guarantee: null, attainable: true });
    expect(nothing.expected).toEqual({ accuracy: share(edge.correct), offloadRate: 0, meanLatencyMs: 3 });
    const all = await jsonOf(...flags, "--max-offload", "1");
    expect(Math.abs(all.expected.accuracy - share(cloud.correct))).toBeLessThan(0.05);
    expect(all.expected.offloadRate).toBeGreaterThan(0.5);
    expect(thresholdResultSchema.safeParse(all).success).toBe(true);
  });

  it("keeps to what is asked for, on rows that chose nothing", async () => {
    const { expected, expectedOn, exits, offload } = await jsonOf(...flags, "--max-offload", "0.3", "--cloud-ms", "20");
    expect(Math.abs(expected.offloadRate - 0.3)).toBeLessThan(0.03);
    expect(expected.meanLatencyMs).toBeCloseTo(3 + 20 * expected.offloadRate, 12);
    expect(expected.accuracy).toBeGreaterThan(share(edge.correct));
    expect(exits).toEqual([offload]);
    expect(expectedOn.rows).toBe(labels.length);
    const latency = await jsonOf(...flags, "--max-mean-latency", "10", "--stage-ms", "5", "--cloud-ms", "10");
    expect(Math.abs(latency.expected.offloadRate - 0.5)).toBeLessThan(0.05);
    const fast = await jsonOf(...flags, "--min-accuracy", "0.8");
    const best = await jsonOf(...flags, "--max-offload", "1");
    expect(fast.expected.offloadRate).toBeLessThan(best.expected.offloadRate);
  });

  it("certifies with --max-accuracy-loss", async () => {
    const asked = ["--max-accuracy-loss", "0.1", "--confidence-level", "0.9", "--risk-method", "binomial"];
    const { guarantee, offload, expected } = await jsonOf(...flags, ...asked);
    expect(guarantee).toEqual({ maxAccuracyLoss: 0.1, confidenceLevel: 0.9, method: "binomial" });
    expect(offload).toBeLessThan(1);
    expect(expected.offloadRate).toBeLessThan(1);
    await run([...flags, ...asked]);
    expect(output.stdout).toMatch(/\nguarantee at most 10 points of accuracy below .* level 0\.9 \(binomial\)\n/);
  });

  it("says what is not attainable in one line, as JSON and in the file", async () => {
    const out = path.join(folder, "refused.json");
    const asked = [...flags, "--max-accuracy-loss", "0.001", "--json", "--out", out];
    const { code, stdout, stderr } = await spillway("thresholds", ...asked);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^spillway: not attainable: 400 rows cannot certify .*; it takes at least \d+, .*\n$/);
    expect(JSON.parse(stdout)).toMatchObject({ attainable: false, reason: expect.stringMatching(/^not attainable/) });
    expect(JSON.parse(await readFile(out, "utf8"))).toEqual(JSON.parse(stdout));
    const wish = await spillway("thresholds", ...flags, "--min-accuracy", "1");
    expect(wish).toMatchObject({ code: 1, stdout: "" });
    expect(wish.stderr).toMatch(/^spillway: not attainable: no thresholds fulfil all wishes on these rows; .*\n$/);
    await expect(run([...flags, "--max-mean-latency", "2.9"])).rejects.toThrow(/^not attainable: /);
    await expect(run([...flags, "--max-mean-latency", "3"])).resolves.toBeUndefined();
  });
});

describe("a model", async () => {
  const evaluation = await madeUpEvaluation(600);
  const file = path.join(folder, "evaluation.npz");
  await writeEvaluation(file, evaluation, evaluation.labels, evaluation);

  it("chooses on one half and reports on the other", async () => {
    const calibration = path.join(folder, "calibration.json");
    await calibrate(["--evaluation", file, "--out", calibration]);
    const asked = ["--evaluation", file, "--calibration", calibration, "--max-offload", "0.3"];
    const result = await jsonOf(...asked, "--stage-ms", "1,1,1", "--cloud-ms", "50");
    expect(thresholdResultSchema.parse(result)).toMatchObject({ offloadOn: "metric", expectedOn: { rows: 300 } });
    expect(result.exits).toHaveLength(3);
    expect(Math.abs(result.expected.offloadRate - 0.3)).toBeLessThan(0.15);
    expect(result.expected.accuracy).toBeGreaterThan(0.8);
    const [first, second, third] = result.exitShares;
    const edgeMs = first + 2 * second + 3 * (1 - first - second);
    expect(result.expected.meanLatencyMs).toBeCloseTo(edgeMs + 50 * result.expected.offloadRate, 9);
    expect(first + second + third + result.expected.offloadRate).toBeLessThanOrEqual(1 + 1e-12);
    const ended = await spillway("thresholds", ...asked);
    expect(ended.code).toBe(0);
    expect(ended.stdout).toMatch(
      /^exits( +[\d.]+( \(closed\))?,?){3}\noffload +-?[\d.]+ \(expected gain[\s\S]*\nthese thresholds [\s\S]*\non 300 rows: the report half/,
    );
  });

  it("certifies only on rows that the calibration has not seen", async () => {
    const asked = ["--evaluation", file, "--max-accuracy-loss", "0.15"];
    const seen = path.join(folder, "seen.json");
    await calibrate(["--evaluation", file, "--out", seen]);
    const refused = await spillway("thresholds", ...asked, "--calibration", seen);
    expect(refused).toMatchObject({ code: 1, stdout: "" });
    expect(refused.stderr).toMatch(/^spillway: a guarantee needs .*`spillway calibrate --part fit --out FILE`, .*\n$/);
    const unseen = path.join(folder, "unseen.json");
    await calibrate(["--evaluation", file, "--out", unseen, "--part", "fit"]);
    const { guarantee, expected } = await jsonOf(...asked, "--calibration", unseen);
    expect(guarantee).toEqual({ maxAccuracyLoss: 0.15, confidenceLevel: 0.95, method: "paired-exact" });
    expect(expected.offloadRate).toBeLessThan(1);
    const strict = ["--evaluation", file, "--max-accuracy-loss", "0.02", "--calibration", unseen];
    // 150 of the 600 rows certify.
    await expect(run(strict)).rejects.toThrow(/^not attainable: 150 rows cannot certify .*; it takes at least \d+/);
  });

  it("certifies only on the evaluation that the calibration was fitted on", async () => {
    const other = path.join(folder, "another.npz");
    const shifted = { ...evaluation, large: evaluation.large.map((value, at) => (at === 0 ? value + 1 : value)) };
    await writeEvaluation(other, shifted, evaluation.labels, evaluation);
    const unseen = path.join(folder, "of-another.json");
    await calibrate(["--evaluation", other, "--out", unseen, "--part", "fit"]);
    const asked = ["--evaluation", file, "--max-accuracy-loss", "0.15", "--calibration", unseen];
    await expect(run(asked)).rejects.toThrow(/^a guarantee needs a calibration of the same evaluation: /);
  });

  it("is the one that the evaluation and the calibration are of", async () => {
    const other = path.join(folder, "other.npz");
    await writeEvaluation(other, evaluation, evaluation.labels, { modelHash: "0".repeat(64), dataset: "other" });
    await expect(run(["--evaluation", other, "--max-offload", "0.3"])).rejects.toThrow(
      `${other}: made with model ${"0".repeat(64)}, but models/cifar100 is ${evaluation.modelHash}`,
    );
    const shallow = path.join(folder, "shallow.npz");
    const fewer = { ...evaluation, exits: evaluation.exits.slice(1) };
    await writeEvaluation(shallow, fewer, evaluation.labels, evaluation);
    await expect(run(["--evaluation", shallow, "--max-offload", "0.3"])).rejects.toThrow(
      `${shallow}: expected 3 exits and 100 classes like the model, got 2 and 100`,
    );
    const missing = path.join(folder, "missing.json");
    const asked = ["--evaluation", file, "--max-offload", "0.3", "--calibration", missing];
    await expect(run(asked)).rejects.toThrow(new Error(`${missing}: cannot be read (ENOENT)`));
  });
});

describe("what is asked for", () => {
  it.each<[string[], string]>([
    [[], "ask for something, such as --max-offload 0.3; see spillway thresholds --help"],
    [["--max-offload", "1.1"], '--max-offload: expected a number from 0 to 1, got "1.1"'],
    [["--max-offload=-0.1"], '--max-offload: expected a number from 0 to 1, got "-0.1"'],
    [["--min-accuracy", "90%"], '--min-accuracy: expected a number from 0 to 1, got "90%"; 30 % is 0.3'],
    [
      ["--max-accuracy-loss", "0"],
      "--max-accuracy-loss: expected a fraction between 0 and 1, ends excluded, got 0; 0.01 is one point",
    ],
    [
      ["--max-accuracy-loss", "1"],
      "--max-accuracy-loss: expected a fraction between 0 and 1, ends excluded, got 1; 0.01 is one point",
    ],
    [["--confidence-level", "0.9", "--max-offload", "1"], "--confidence-level needs --max-accuracy-loss"],
    [
      ["--confidence-level", "1", "--max-accuracy-loss", "0.1"],
      "--confidence-level: expected a fraction between 0 and 1, ends excluded, got 1; 0.01 is one point",
    ],
    [
      ["--risk-method", "best", "--max-offload", "1"],
      '--risk-method: expected paired-exact, binomial, hoeffding-bentkus; got "best"',
    ],
    [["--stage-ms", "1,2", "--max-offload", "1"], '--stage-ms: expected a number from 0 to 1000000, got "1,2"'],
    [
      ["--confidence", "margin,entropy", "--max-offload", "1"],
      '--confidence: expected max-probability, margin, entropy; got "margin,entropy"',
    ],
    [
      ["--evaluation", "e.npz", "--max-offload", "1"],
      "expected --edge, --evaluation or --images; see spillway thresholds --help",
    ],
  ])("is not %j", async (asked, message) => {
    await expect(run([...flags, ...asked])).rejects.toThrow(new UsageError(message));
  });

  it("is of one kind, and whole", async () => {
    const wish = ["--max-offload", "0.3"];
    await expect(run(wish)).rejects.toThrow(UsageError);
    await expect(run(["--edge", files.edge, ...wish])).rejects.toThrow(
      new UsageError("--cloud is needed; see spillway thresholds --help"),
    );
    await expect(run(["--evaluation", "e.npz", "--images", "i", ...wish])).rejects.toThrow(
      new UsageError("expected --evaluation or --images"),
    );
    await expect(run(["--evaluation", "e.npz", "--stage-ms", "1,2", ...wish])).rejects.toThrow(
      new UsageError("--stage-ms: expected 3 numbers, one a stage, got 2"),
    );
  });
});
