// The parts that labelled images are split into: none may see what it is to judge.
import path from "node:path";
import { describe, expect, it, vi } from "vitest";
import { type Evaluation, writeEvaluation } from "../../../models/src/evaluation/evaluation-file.ts";
import { loadEvaluation, type Part, rowsOfPart } from "../../../models/src/evaluation/load-evaluation.ts";
import { splitForGuarantee, splitInHalves } from "../../../models/src/images/split.ts";
import { openModelFolder } from "../../../models/src/model-folder.ts";
import { noise, pictureOf, temporaryFolder, writeAt } from "../images/picture-folder.ts";
import { CLASSES, SETTINGS, tinyFamily } from "./tiny-family.ts";

const root = temporaryFolder();

/** Row r is labelled r and says r everywhere, so that a part shows which rows it holds. */
function numbered(rows: number): Evaluation {
  const table = () => Float32Array.from({ length: rows * 2 }, (_, at) => Math.floor(at / 2));
  return {
    rows,
    classes: 2,
    exits: [table(), table()],
    large: table(),
    tail: [{ setting: "2x1", logits: table(), frameBytes: Int32Array.from({ length: rows }, (_, row) => row + 1) }],
    labels: Int32Array.from({ length: rows }, (_, row) => row),
    modelHash: "0".repeat(64),
    dataset: "numbered",
  };
}

const rising = (a: number, b: number) => a - b;

describe("loadEvaluation", () => {
  it("names absent classes, and a broken picture, which ends all unless it may be left out", async () => {
    const stderr = vi.spyOn(process.stderr, "write").mockReturnValue(true);
    const noted = () => stderr.mock.calls.map(([text]) => text).join("");
    for (const [seed, name] of ["apple/1.png", "apple/2.png", "bear/1.png"].entries()) {
      writeAt(
        root,
        name,
        await pictureOf(noise(40 * 30 * 3, seed), 40, 30)
          .png()
          .toBuffer(),
      );
    }
    const message = `${writeAt(root, "bear/0.jpg", "no picture")}: expected a JPEG, PNG or WebP image`;
    const model = await openModelFolder("models/cifar100");
    await expect(loadEvaluation(model, { images: root })).rejects.toThrow(message);
    expect(noted()).toContain("98 of 100 classes have no image: aquarium_fish, baby");
    expect(await loadEvaluation(model, { images: root, "skip-broken": true })).toMatchObject({ rows: 3 });
    expect(noted()).toContain(`left out: ${message}\n`);
    vi.restoreAllMocks();
  });
});

describe("an evaluation's tail", () => {
  /** In the tiny family's file, as said by two networks and the tail at the settings named. */
  async function written(name: string, settings: readonly string[], frameBytes: Int32Array | null) {
    const family = await tinyFamily(root, `${name}-family`);
    const table = () => new Float32Array(12 * CLASSES);
    const evaluation: Evaluation = {
      rows: 12,
      classes: CLASSES,
      exits: [table(), table()],
      large: table(),
      tail: settings.map((setting) => ({ setting, logits: table(), frameBytes })),
      labels: new Int32Array(12),
      modelHash: family.hash,
      dataset: "written",
    };
    const file = path.join(root, `${name}.npz`);
    await writeEvaluation(file, evaluation, evaluation.labels, evaluation);
    return { family, file };
  }
  const lengths = new Int32Array(12).fill(30);

  it("comes in the manifest's order, if asked for", async () => {
    const { family, file } = await written("reversed", SETTINGS.toReversed(), lengths);
    const evaluation = await loadEvaluation(family, { evaluation: file, withTail: true });
    expect(evaluation.tail.map(({ setting }) => setting)).toEqual(SETTINGS);
    expect((await loadEvaluation(family, { evaluation: file })).tail).toEqual([]);
  });

  it("may be missing, which is said where it is asked for", async () => {
    const stderr = vi.spyOn(process.stderr, "write").mockReturnValue(true);
    const { family, file } = await written("none", [], null);
    expect((await loadEvaluation(family, { evaluation: file })).tail).toEqual([]);
    expect(stderr).not.toHaveBeenCalled();
    expect((await loadEvaluation(family, { evaluation: file, withTail: true })).tail).toEqual([]);
    expect(stderr.mock.calls.join("")).toMatch(/none\.npz: does not say what the tail answers[^\n]*\n/);
    vi.restoreAllMocks();
  });

  it.each([
    ["too-few", SETTINGS.slice(1), lengths, "tail-2x1 is missing: evaluate with `spillway evaluate`"],
    ["too-many", [...SETTINGS, "4x8"], lengths, "tail-4x8: not a setting of the model"],
    ["no-lengths", SETTINGS, null, "bytes-2x1 is missing: evaluate with `spillway evaluate`"],
  ])("is refused where it is %s, unless it is not asked for", async (name, settings, frameBytes, message) => {
    const { family, file } = await written(name, settings, frameBytes);
    const wanted = loadEvaluation(family, { evaluation: file, withTail: true });
    await expect(wanted).rejects.toThrow(`${file}: ${message}`);
    expect((await loadEvaluation(family, { evaluation: file })).rows).toBe(12);
  });
});

describe("rowsOfPart", () => {
  it.each([20, 21, 22, 23, 101, 5000])("splits %d images without overlap", (rows) => {
    const of = (part: Part) => [...rowsOfPart(numbered(rows), part).labels];
    const all = Array.from({ length: rows }, (_, row) => row);
    expect([...of("calibration"), ...of("report")].sort(rising)).toEqual(all);
    expect([...of("fit"), ...of("certification")].sort(rising)).toEqual(of("calibration"));
    const reported = new Set(of("report"));
    const proposing = new Set(of("fit"));
    expect([...of("fit"), ...of("certification")].filter((row) => reported.has(row))).toEqual([]);
    expect(of("certification").filter((row) => proposing.has(row))).toEqual([]);
  });

  it.each(["calibration", "report", "fit", "certification"] as const)(
    "keeps the rows of the %s part together",
    (part) => {
      const taken = rowsOfPart(numbered(40), part);
      expect(taken.dataset).toBe(`${part} part of numbered`);
      expect(taken.rows).toBe(taken.labels.length);
      const [tail] = taken.tail;
      for (const member of [...taken.exits, taken.large, tail.logits]) {
        expect([...member]).toEqual([...taken.labels].flatMap((row) => [row, row]));
      }
      expect([...(tail.frameBytes ?? [])]).toEqual([...taken.labels].map((row) => row + 1));
    },
  );

  it("knows no lengths where there were none", () => {
    const evaluation = numbered(40);
    evaluation.tail[0].frameBytes = null;
    expect(rowsOfPart(evaluation, "report").tail[0].frameBytes).toBeNull();
  });

  it.each<[Part, number]>([
    ["calibration", 10],
    ["report", 10],
    ["fit", 20],
    ["certification", 20],
  ])("needs rows to fit on for the %s part", (part, fewest) => {
    expect(rowsOfPart(numbered(fewest), part).rows).toBeGreaterThanOrEqual(5);
    const line = `numbered: expected at least ${fewest} images to fit on the ${part} part, got ${fewest - 1}`;
    expect(() => rowsOfPart(numbered(fewest - 1), part)).toThrow(new Error(line));
  });
});

describe("splitForGuarantee", () => {
  it.each([2, 3, 2500])("cuts %d rows of the calibration half into two that share none", (rows) => {
    const { calibration } = splitInHalves(2 * rows);
    const { fit, certification } = splitForGuarantee(calibration);
    expect([fit.length, certification.length]).toEqual([Math.floor(rows / 2), Math.ceil(rows / 2)]);
    expect([...fit, ...certification].sort(rising)).toEqual(calibration);
    expect(fit).toEqual(fit.toSorted(rising));
    expect(certification).toEqual(certification.toSorted(rising));
  });

  it("does so the same way every time, and refuses a single row", () => {
    const { calibration } = splitInHalves(1000);
    expect(splitForGuarantee(calibration)).toEqual(splitForGuarantee(calibration));
    expect(() => splitForGuarantee([7])).toThrow(RangeError);
  });
});
