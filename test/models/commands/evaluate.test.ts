// `spillway evaluate` from folders of pictures to a file, a table and JSON.
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { run } from "../../../models/src/commands/evaluate.ts";
import { readEvaluation } from "../../../models/src/evaluation/evaluation-file.ts";
import { openModelFolder } from "../../../models/src/model-folder.ts";
import { UsageError } from "../../../models/src/usage.ts";
import { SETTINGS, tinyFamily } from "../evaluation/tiny-family.ts";
import { noise, pictureOf, temporaryFolder, writeAt } from "../images/picture-folder.ts";

const root = temporaryFolder();
const out = path.join(root, "evaluation.npz");
let printed: string;
let noted: string;

beforeEach(() => {
  printed = "";
  noted = "";
  vi.spyOn(process.stdout, "write").mockImplementation((text) => {
    printed += text;
    return true;
  });
  vi.spyOn(process.stderr, "write").mockImplementation((text) => {
    noted += text;
    return true;
  });
});
afterEach(() => {
  vi.restoreAllMocks();
});

/** A folder of its own with one picture of noise for each name. */
async function picturesAt(name: string, files: readonly string[]): Promise<string> {
  for (const [seed, file] of files.entries()) {
    const picture = pictureOf(noise(40 * 30 * 3, seed), 40, 30);
    const bytes = await (file.endsWith(".png") ? picture.png() : picture.jpeg()).toBuffer();
    writeAt(root, path.join(name, file), bytes);
  }
  return path.join(root, name);
}

const THREE = ["apple/1.png", "bear/1.jpg", "bear/2.png"];

describe("spillway evaluate", () => {
  it("writes what all networks said, and prints how often they are right on either half", async () => {
    const images = await picturesAt("three", THREE);
    await run(["--images", images, "--out", out, "--no-tail"]);
    const { hash, manifest } = await openModelFolder("models/cifar100");
    const evaluation = await readEvaluation(out);
    expect(evaluation).toMatchObject({ rows: 3, classes: 100, modelHash: hash, dataset: "three" });
    expect([...evaluation.labels]).toEqual(["apple", "bear", "bear"].map((label) => manifest.labels.indexOf(label)));
    const [header, ...rows] = printed.trimEnd().split("\n");
    expect(header).toMatch(/^top-1 % +calibration \(n = 1\) +report \(n = 2\)$/);
    expect(rows.map((row) => row.split("  ")[0])).toEqual(["exit 1", "exit 2", "exit 3", "large"]);
    for (const row of rows) expect(row).toMatch(/ {2}\d+\.\d\d ± 0\.00 +\d+\.\d\d ± \d+\.\d\d$/);
    expect(noted).toContain("98 of 100 classes have no image: aquarium_fish, baby");
    expect(noted).toMatch(/\nwrote .*evaluation\.npz: 3 images\n$/);
  });

  it("prints the same as one JSON object", async () => {
    const images = await picturesAt("json", THREE);
    await run(["--images", images, "--out", out, "--no-tail", "--json"]);
    const { rows, skipped, out: file, accuracy, frames } = JSON.parse(printed);
    expect([rows, skipped, file, frames]).toEqual([3, 0, out, []]);
    expect(accuracy).toHaveLength(8);
    expect(accuracy[0]).toEqual({ model: "exit 1", half: "calibration", top1: expect.any(Number), n: 1 });
    expect(accuracy[7]).toEqual({ model: "large", half: "report", top1: expect.any(Number), n: 2 });
  });

  it("ends with a broken image, and goes on with --skip-broken, naming and counting it", async () => {
    const images = await picturesAt("broken", THREE);
    const broken = writeAt(root, "broken/apple/0.jpg", "no picture");
    const refused = path.join(root, "refused.npz");
    const message = `${broken}: expected a JPEG, PNG or WebP image`;
    await expect(run(["--images", images, "--out", refused, "--no-tail"])).rejects.toThrow(message);
    await expect(readEvaluation(refused)).rejects.toThrow(refused);
    await run(["--images", images, "--out", out, "--skip-broken", "--no-tail", "--json"]);
    expect(noted).toContain(`left out: ${message}\n`);
    expect(noted).toMatch(/: 3 images, 1 left out\n$/);
    expect(JSON.parse(printed)).toMatchObject({ rows: 3, skipped: 1 });
    expect((await readEvaluation(out)).labels).toHaveLength(3);
  });

  it("also asks a tail at each of its settings, and says how long the frames are", async () => {
    const { path: model } = await tinyFamily(root);
    const images = await picturesAt("tiny-images", ["red/1.png", "green/1.png", "blue/1.png", "blue/2.png"]);
    await run(["--images", images, "--out", out, "--model", model, "--json"]);
    const { accuracy, frames } = JSON.parse(printed);
    const { tail } = await readEvaluation(out);
    expect(tail.map(({ setting }) => setting)).toEqual(SETTINGS);
    expect(accuracy.map((entry: { model: string }) => entry.model)).toEqual(
      ["exit 1", "exit 2", "large", ...SETTINGS.map((setting) => `tail ${setting}`)].flatMap((name) => [name, name]),
    );
    const lengths = tail.map(({ frameBytes }) => Array.from(frameBytes ?? []));
    expect(frames).toEqual(
      lengths.map((all, index) => ({
        setting: SETTINGS[index],
        smallest: Math.min(...all),
        mean: all.reduce((sum, length) => sum + length, 0) / 4,
        largest: Math.max(...all),
      })),
    );
    printed = "";
    await run(["--images", images, "--out", out, "--model", model]);
    expect(printed).toMatch(/\ntail 4x4 .*\n\nbytes of a frame +smallest +mean +largest\n2x1 .*\n2x8 .*\n4x4 .*\n$/);
    printed = "";
    await run(["--images", images, "--out", out, "--model", model, "--no-tail"]);
    expect(printed).not.toContain("tail");
    expect((await readEvaluation(out)).tail).toEqual([]);
  });

  it("needs two images that can be used", async () => {
    const images = await picturesAt("single", ["apple/1.png"]);
    await expect(run(["--images", images, "--out", out])).rejects.toThrow(
      new Error(`${images}: expected at least 2 images that can be used, got 1`),
    );
  });

  it.each([
    [["--out", "x.npz"], "--images is needed; see spillway evaluate --help"],
    [["--images", "x"], "--out is needed; see spillway evaluate --help"],
    [["--image", "x"], "Unknown option '--image'; see --help"],
  ])("%j: %s", async (args, message) => {
    await expect(run(args)).rejects.toThrow(new UsageError(message));
  });

  it("says before it begins that the result has no place", async () => {
    const nowhere = path.join(root, "nowhere/evaluation.npz");
    await expect(run(["--images", root, "--out", nowhere])).rejects.toThrow(
      new Error(`${nowhere}: cannot be written (ENOENT)`),
    );
  });

  it("says in one line which images are not there", async () => {
    const missing = path.join(root, "missing");
    await expect(run(["--images", missing, "--out", out])).rejects.toThrow(`${missing}: cannot be read (ENOENT`);
  });
});
