// `spillway policy metrics`: metrics and rewards of an evaluated model, against the same worked out here.
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { readNumbers } from "../../../models/src/arrays/inputs.ts";
import { run } from "../../../models/src/commands/policy/metrics.ts";
import { run as runSimulate } from "../../../models/src/commands/policy/simulate.ts";
import { writeEvaluation } from "../../../models/src/evaluation/evaluation-file.ts";
import { validCalibration } from "../../shared/schema/documents.ts";
import { lineOf, temporaryFolder } from "../arrays/folder.ts";
import { captureOutput, ROOT, spillway } from "./command.ts";
import { madeUpEvaluation } from "./made-up.ts";
import { expectUsage, flagsWith } from "./policy-images.ts";

const output = captureOutput();
const { folder, write } = temporaryFolder();
const inFolder = (name: string) => path.join(folder, name);
const ROWS = 60;
const CLASSES = 100;
const evaluation = await madeUpEvaluation(ROWS);
const evaluationFile = inFolder("evaluation.npz");
await writeEvaluation(evaluationFile, evaluation, evaluation.labels, evaluation);

const knots = { confidence: [0.25, 0.5, 1], gain: [0.5, 0.25, -0.125] };
const calibration = {
  ...validCalibration(),
  model: evaluation.modelHash,
  exits: [{ temperature: 2 }, { temperature: 2 }, { temperature: 4 }],
  cloud: { temperature: 2 },
  vote: [0.5, 0.25, 0.25],
  metric: { "max-probability": knots, margin: { confidence: [0, 1], gain: [1, 0] }, entropy: knots },
  fusion: null,
};
const calibrationFile = write("calibration.json", JSON.stringify(calibration));
const RIGHT = {
  evaluation: evaluationFile,
  model: path.join(ROOT, "models/cifar100"),
  calibration: calibrationFile,
  metrics: inFolder("metrics.npy"),
  rewards: inFolder("rewards.npy"),
};

function softmax(logits: Float32Array, row: number, temperature: number): number[] {
  const powers = Array.from({ length: CLASSES }, (_, k) => Math.exp(logits[row * CLASSES + k] / temperature));
  const sum = powers.reduce((total, power) => total + power, 0);
  return powers.map((power) => power / sum);
}

/** The vote's probabilities, whether it errs, and whether the cloud does. */
function outcomesOf(row: number) {
  const exits = evaluation.exits.map((logits, exit) => softmax(logits, row, [2, 2, 4][exit]));
  const vote = exits[0].map((_, k) => 0.5 * exits[0][k] + 0.25 * exits[1][k] + 0.25 * exits[2][k]);
  const cloud = softmax(evaluation.large, row, 2);
  const errs = (scores: number[]) => (scores.indexOf(Math.max(...scores)) === evaluation.labels[row] ? 0 : 1);
  return { vote, voteLoss: errs(vote), cloud, cloudLoss: errs(cloud) };
}

/** Between the knots a straight line, beyond them the nearest. */
function gainOf(confidence: number): number {
  if (confidence <= 0.25) return 0.5;
  return confidence <= 0.5 ? 0.5 - (confidence - 0.25) : 0.25 - 0.75 * (confidence - 0.5);
}

const rows = Array.from({ length: ROWS }, (_, row) => outcomesOf(row));
const meanOf = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

describe("spillway policy metrics", () => {
  it("writes expected gains and gains of all images in their order", async () => {
    const [edgeLoss, out] = [inFolder("edge-loss.npy"), inFolder("out.json")];
    await run([...flagsWith(RIGHT, { "edge-loss": edgeLoss, out }), "--json"]);
    const metrics = await readNumbers(RIGHT.metrics);
    const rewards = await readNumbers(RIGHT.rewards);
    const expected = rows.map(({ vote }) => gainOf(Math.max(...vote)));
    expect(metrics.length).toBe(ROWS);
    for (const [row, gain] of expected.entries()) expect(metrics[row]).toBeCloseTo(gain, 9);
    expect(Array.from(rewards)).toEqual(rows.map(({ voteLoss, cloudLoss }) => voteLoss - cloudLoss));
    expect(Array.from(await readNumbers(edgeLoss))).toEqual(rows.map(({ voteLoss }) => voteLoss));
    const result = JSON.parse(output.stdout);
    expect(result).toEqual({
      images: ROWS,
      meanMetric: expect.closeTo(meanOf(expected), 9),
      meanReward: expect.closeTo(meanOf([...rewards]), 12),
      edgeLoss: expect.closeTo(meanOf(rows.map(({ voteLoss }) => voteLoss)), 12),
    });
    expect(JSON.parse(readFileSync(out, "utf8"))).toEqual(result);
    // Both kinds of images are among them, or nothing was shown.
    expect(new Set(rewards).size).toBeGreaterThan(1);
  });

  it("measures confidence as the configuration would", async () => {
    await run(flagsWith(RIGHT, { confidence: "margin" }));
    const metrics = await readNumbers(RIGHT.metrics);
    rows.forEach(({ vote }, row) => {
      const [first, second] = vote.toSorted((a, b) => b - a);
      expect(metrics[row]).toBeCloseTo(1 - (first - second), 9);
    });
  });

  it("counts what edge and cloud answer together, where they do", async () => {
    const fused = write("fused.json", JSON.stringify({ ...calibration, fusion: { edgeWeight: 0.75 } }));
    await run(flagsWith(RIGHT, { calibration: fused }));
    const expected = rows.map(({ vote, voteLoss, cloud }, row) => {
      const both = vote.map((probability, k) => 0.75 * probability + 0.25 * cloud[k]);
      return voteLoss - (both.indexOf(Math.max(...both)) === evaluation.labels[row] ? 0 : 1);
    });
    expect(Array.from(await readNumbers(RIGHT.rewards))).toEqual(expected);
  });

  it("is what the other commands take, and a line for people", async () => {
    await run(flagsWith(RIGHT, { "edge-loss": inFolder("loss.npy") }));
    expect(output.stdout).toMatch(/^60 images: expected gain -?0\.\d{4}, gain -?0\.\d{4}, edge loss 0\.\d{4}\n$/);
    output.stdout = "";
    const { metrics, rewards } = RIGHT;
    const asked = { metrics, rewards, "edge-loss": inFolder("loss.npy"), rate: "0.5", depth: "2", frames: "50" };
    await runSimulate([...flagsWith(asked, { policy: "mdp", sequences: "2" }), "--json"]);
    expect(JSON.parse(output.stdout).edgeLoss).toBeCloseTo(meanOf(rows.map(({ voteLoss }) => voteLoss)), 12);
  });

  it("takes the calibration of the model's folder unless another is named", async () => {
    await run(flagsWith(RIGHT, { calibration: undefined }));
    expect(output.stdout).toMatch(/^60 images: /);
  });
});

describe("what is wrong", () => {
  it.each<[string, string | undefined, string | RegExp]>([
    ["metrics", undefined, "--metrics is needed; see spillway policy metrics --help"],
    ["rewards", undefined, "--rewards is needed; see spillway policy metrics --help"],
    ["evaluation", undefined, "expected --evaluation or --images"],
    ["images", "photos", "expected --evaluation or --images"],
    ["confidence", "luck", '--confidence: expected max-probability, margin, entropy; got "luck"'],
    ["rate", "1", "Unknown option '--rate'; see --help"],
  ])("--%s %s is the caller's mistake", async (name, value, line) => {
    await expectUsage(run, flagsWith(RIGHT, { [name]: value }), line);
    expect(output.stdout).toBe("");
  });

  it.each([
    ["metrics", inFolder("nowhere/m.npy"), /nowhere\/m\.npy: cannot be written \(ENOENT\)$/],
    ["rewards", folder, /: cannot be written \(EISDIR\)$/],
    ["edge-loss", inFolder("nowhere/l.npy"), /nowhere\/l\.npy: cannot be written \(ENOENT\)$/],
    ["model", inFolder("nowhere"), /nowhere\/manifest\.json: cannot be read/],
    ["calibration", inFolder("none.json"), /none\.json: cannot be read \(ENOENT\)$/],
    ["calibration", write("other.json", JSON.stringify(validCalibration())), /other\.json: model: fitted for /],
    ["evaluation", path.join(ROOT, "test/vectors/evaluation.npz"), /evaluation\.npz: made with model (ab){32}, but /],
    ["evaluation", inFolder("none.npz"), /none\.npz: /],
  ])("in --%s is named, case %#", async (name, value, line) => {
    const flags = flagsWith(RIGHT, { metrics: inFolder("unwritten.npy"), [name]: value });
    expect(await lineOf(() => run(flags))).toMatch(line);
    expect(output.stdout).toBe("");
    expect(existsSync(inFolder("unwritten.npy"))).toBe(false);
  });

  it("ends with code 2 for the caller's mistakes and 1 for bad data", async () => {
    const [usage, data] = await Promise.all([
      spillway("policy", "metrics", ...flagsWith(RIGHT, { confidence: "luck" })),
      spillway("policy", "metrics", ...flagsWith(RIGHT, { calibration: inFolder("none.json") })),
    ]);
    expect(usage).toMatchObject({ code: 2, stdout: "" });
    expect(usage.stderr).toMatch(/^spillway: --confidence: .*\n$/);
    expect(data).toMatchObject({ code: 1, stdout: "" });
    expect(data.stderr).toMatch(/^spillway: .*none\.json: cannot be read \(ENOENT\)\n$/);
  });
});
