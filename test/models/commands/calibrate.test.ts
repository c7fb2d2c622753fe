// `spillway calibrate` for one table and for a model.
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { applyCalibrator } from "@spillway/shared/calibration/calibrator";
import { meanNegativeLogLikelihood } from "@spillway/shared/calibration/fit-calibrator";
import { rowOf } from "@spillway/shared/calibration/row-major";
import { mulberry32 } from "@spillway/shared/random/mulberry32";
import { checkCalibrationText } from "@spillway/shared/schema/calibration-check";
import { describe, expect, it } from "vitest";
import { run } from "../../../models/src/commands/calibrate.ts";
import { writeEvaluation } from "../../../models/src/evaluation/evaluation-file.ts";
import { openModelFolder } from "../../../models/src/model-folder.ts";
import { temporaryFolder } from "../arrays/folder.ts";
import { SETTINGS, tinyEvaluation } from "../evaluation/tiny-family.ts";
import { captureOutput, spillway } from "./command.ts";
import { madeUpEvaluation, madeUpLabels, madeUpTable } from "./made-up.ts";

const output = captureOutput();
const { folder, writeArray } = temporaryFolder();

const PUBLISHED = path.resolve(import.meta.dirname, "../../../../shared/data/edgeboost");
const isThere = existsSync(path.join(PUBLISHED, "labels.npy"));
const note = isThere ? "" : " (skipped: ../shared/data/edgeboost, which holds its probabilities, is missing)";

/** Twice overconfident, of three classes. */
function overconfident(rows: number) {
  const labels = madeUpLabels(rows, 3, 1);
  const { probabilities } = madeUpTable(labels, 3, (u) => 0.4 + 0.59 * u, 2, 2);
  const probabilityFile = writeArray("p.npy", { shape: [rows, 3], data: probabilities });
  const logitFile = writeArray("l.npy", { shape: [rows, 3], data: probabilities.map(Math.log) });
  const labelFile = writeArray("y.npy", { shape: [rows], data: BigInt64Array.from(labels, BigInt) });
  return { probabilityFile, logitFile, labelFile };
}

async function jsonOf(...args: string[]) {
  output.stdout = "";
  await run([...args, "--json"]);
  return JSON.parse(output.stdout);
}

describe("one table", () => {
  it("finds the temperature that made it overconfident, and mends what that did", async () => {
    const { probabilityFile, labelFile } = overconfident(4000);
    const { temperature, before, after } = await jsonOf("--probabilities", probabilityFile, "--labels", labelFile);
    expect(Math.abs(temperature - 2)).toBeLessThan(0.15);
    expect(before.ece).toBeGreaterThan(0.1);
    expect(after.ece).toBeLessThan(0.03);
    expect(after.nll).toBeLessThan(before.nll);
    expect(after.accuracy).toBe(before.accuracy);
    expect(Object.keys(before)).toEqual(["accuracy", "nll", "ece", "adaptiveEce", "brier"]);
    expect(Object.keys(after)).toEqual(Object.keys(before));
  });

  it("says the same of logits and of their probabilities", async () => {
    const { probabilityFile, logitFile, labelFile } = overconfident(500);
    const ofLogits = await jsonOf("--logits", logitFile, "--labels", labelFile);
    const ofProbabilities = await jsonOf("--probabilities", probabilityFile, "--labels", labelFile);
    expect(ofLogits.temperature).toBeCloseTo(ofProbabilities.temperature, 9);
    expect(ofLogits.before.nll).toBeCloseTo(ofProbabilities.before.nll, 9);
    expect(ofLogits.after.nll).toBeCloseTo(ofProbabilities.after.nll, 9);
  });

  it("finds nothing to learn from noise", async () => {
    const [rows, classes] = [60, 10];
    const random = mulberry32(3);
    const logits = Float64Array.from({ length: rows * classes }, () => 2 * random() - 1);
    const labels = madeUpLabels(rows, classes, 4);
    const logitFile = writeArray("noise.npy", { shape: [rows, classes], data: logits });
    const labelFile = writeArray("noise-labels.npy", { shape: [rows], data: BigInt64Array.from(labels, BigInt) });
    const flags = ["--logits", logitFile, "--labels", labelFile];
    const { after, calibrator } = await jsonOf(...flags, "--method", "vector");
    const inSample = new Float64Array(rows * classes);
    for (let row = 0; row < rows; row++) {
      inSample.set(applyCalibrator(rowOf(logits, row, classes), calibrator), row * classes);
    }
    // The rows that were fitted look better than chance; what is reported must not.
    expect(meanNegativeLogLikelihood(inSample, labels, classes)).toBeLessThan(Math.log(classes) - 0.1);
    expect(after.nll).toBeGreaterThan(Math.log(classes) - 0.01);
  });

  it("chooses a method by likelihood and says which", async () => {
    const { probabilityFile, labelFile } = overconfident(500);
    const flags = ["--probabilities", probabilityFile, "--labels", labelFile, "--method", "auto"];
    const { method, crossValidatedNll, after } = await jsonOf(...flags);
    const nlls = Object.values<number>(crossValidatedNll);
    expect(nlls).toHaveLength(3);
    expect(crossValidatedNll[method]).toBe(Math.min(...nlls));
    // Reported is what choosing is worth, not what the folds that chose say of their choice.
    expect(Object.values(crossValidatedNll)).not.toContain(after.nll);
  });

  it("bears probabilities of 0 and logits of -Infinity, also for the label", async () => {
    const labelFile = writeArray("zero-labels.npy", { shape: [6], data: new BigInt64Array(6) });
    const table = Float64Array.from([0, 1, ...Array.from({ length: 5 }, () => [0.75, 0.25]).flat()]);
    const probabilityFile = writeArray("zeros.npy", { shape: [6, 2], data: table });
    const logitFile = writeArray("infinities.npy", { shape: [6, 2], data: table.map(Math.log) });
    for (const method of ["temperature", "vector", "isotonic"]) {
      const flags = ["--labels", labelFile, "--method", method];
      const ofProbabilities = await jsonOf("--probabilities", probabilityFile, ...flags);
      const ofLogits = await jsonOf("--logits", logitFile, ...flags);
      expect(Number.isFinite(ofProbabilities.after.nll)).toBe(true);
      expect(ofLogits.after.nll).toBeCloseTo(ofProbabilities.after.nll, 6);
    }
  });

  it.each([
    [0, "lower end, 0.01: the largest logit is always right"],
    [1, "upper end, 100: the logits say nothing of the label"],
  ])("says where no temperature would do: labels moved by %d", async (shift, end) => {
    const rows = Array.from({ length: 10 }, (_, row) => (row % 2 === 0 ? [0.75, 0.25] : [0.25, 0.75])).flat();
    const probabilityFile = writeArray("ends.npy", { shape: [10, 2], data: Float64Array.from(rows) });
    const data = BigInt64Array.from({ length: 10 }, (_, row) => BigInt((row + shift) % 2));
    const labelFile = writeArray("ends-labels.npy", { shape: [10], data });
    await jsonOf("--probabilities", probabilityFile, "--labels", labelFile);
    expect(output.stderr).toBe(`note: ${probabilityFile}: the temperature is at its ${end}\n`);
  });

  it("is fitted from five rows on", async () => {
    const five = overconfident(5);
    expect((await jsonOf("--probabilities", five.probabilityFile, "--labels", five.labelFile)).rows).toBe(5);
    const four = overconfident(4);
    await expect(run(["--probabilities", four.probabilityFile, "--labels", four.labelFile])).rejects.toThrow(
      `${four.labelFile}: expected at least 5 rows to fit, got 4`,
    );
  });

  it("prints a table, or pure JSON that --out holds too", async () => {
    const { probabilityFile, labelFile } = overconfident(100);
    const flags = ["calibrate", "--probabilities", probabilityFile, "--labels", labelFile];
    const text = await spillway(...flags);
    expect(text.stdout).toMatch(
      /^temperature [\d.]+, 100 rows, 3 classes\n +accuracy .*\nbefore .*\nafter \(temp.*\n$/,
    );
    const out = path.join(folder, "calibrated.json");
    const json = await spillway(...flags, "--json", "--out", out);
    expect(json).toMatchObject({ code: 0, stderr: "" });
    expect(JSON.parse(await readFile(out, "utf8"))).toEqual(JSON.parse(json.stdout));
  });
});

describe.skipIf(!isThere)(`EdgeBoost's published outputs${note}`, () => {
  it.each([
    ["edge-uncalibrated", 0.149194, 1.2324],
    ["edge-calibrated", 0.02872, 0.91541],
    ["cloud", 0.055286, 0.3973],
  ])("%s", async (name, ece, nll) => {
    const labels = path.join(PUBLISHED, "labels.npy");
    const result = await spillway(
      ...["calibrate", "--probabilities", path.join(PUBLISHED, `${name}.npy`), "--labels", labels, "--json"],
    );
    const { temperature, before } = JSON.parse(result.stdout);
    expect(Math.abs(before.ece - ece)).toBeLessThan(1e-5);
    expect(Math.abs(before.nll - nll)).toBeLessThan(1e-5);
    if (name === "edge-uncalibrated") expect(Math.abs(temperature - 2.00613)).toBeLessThan(1e-4);
  });
});

describe("a model", () => {
  it.each(["calibration", "fit"])("writes a calibration of the %s part that the Worker takes", async (part) => {
    const file = path.join(folder, "evaluation.npz");
    const evaluation = await madeUpEvaluation(120);
    await writeEvaluation(file, evaluation, evaluation.labels, evaluation);
    const out = path.join(folder, `${part}.json`);
    const flags = ["--evaluation", file, "--out", out, "--part", part, "--method", "isotonic", "--no-tail"];
    const fit = await jsonOf(...flags);
    const { manifest, hash } = await openModelFolder("models/cifar100");
    const checked = checkCalibrationText(await readFile(out, "utf8"), manifest, hash);
    const fittedOn = { dataset: `${part} part of made up`, n: part === "fit" ? 30 : 60, part };
    expect(checked).toMatchObject({
      ok: true,
      calibration: { ...fit.calibration, fittedOn: { ...fit.calibration.fittedOn, ...fittedOn } },
    });
    expect(fit.members.map(({ name }: { name: string }) => name)).toEqual(["exit 1", "exit 2", "exit 3", "large"]);
    expect(output.stderr.split("\n")[0]).toBe(`wrote ${out}`);
    const lowest =
      fit.calibration.cloud.temperature === 0.01 ? ["note: large: the temperature is at its lower end"] : [];
    expect(output.stderr.match(/^note: [^,]+/gm) ?? []).toEqual(lowest);
  });

  it("describes the tail at each setting, in a table too", async () => {
    const { family: model, file } = await tinyEvaluation(folder, "with-tail");
    const out = path.join(folder, "with-tail.json");
    const flags = ["--evaluation", file, "--model", model.path, "--out", out];
    const fit = await jsonOf(...flags);
    const checked = checkCalibrationText(await readFile(out, "utf8"), model.manifest, model.hash);
    expect(checked).toEqual({ ok: true, calibration: fit.calibration });
    const { tail } = fit.calibration;
    expect(tail.map(({ setting }: { setting: string }) => setting)).toEqual(SETTINGS);
    expect(tail.map(({ frameBytes }: { frameBytes: number }) => frameBytes)).toEqual([40, 41, 42]);
    for (const { gainShare } of tail) expect(Math.abs(gainShare - 1)).toBeLessThan(0.4);
    expect(fit.tail).toHaveLength(SETTINGS.length);
    expect(fit.tail[0]).toMatchObject({ calibration: tail[0], alone: { nll: expect.any(Number) } });
    output.stdout = "";
    await run(flags);
    const table = output.stdout.split("\n\n")[1].trimEnd().split("\n");
    expect(table[0]).toMatch(/^tail +accuracy +NLL +fused +accuracy +NLL +share of the metric +bytes of a frame$/);
    expect(table.slice(1).map((line) => line.split(" ")[0])).toEqual(SETTINGS);
    expect(table[3]).toMatch(/ 42\.0$/);
    expect(output.stderr).not.toContain("note: ");
  });

  it("leaves the tail out where that is asked for", async () => {
    const { family: model, file } = await tinyEvaluation(folder, "no-tail");
    const out = path.join(folder, "no-tail.json");
    const fit = await jsonOf("--evaluation", file, "--model", model.path, "--out", out, "--no-tail");
    expect([fit.calibration.tail, fit.tail]).toEqual([null, []]);
    const table = ["--logits", "l.npy", "--labels", "y.npy"];
    await expect(run([...table, "--no-tail"])).rejects.toThrow("--no-tail: expected with a model only");
  });
});
