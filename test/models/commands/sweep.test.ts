// `spillway sweep` against a plain count of who is right.
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { confidenceOf } from "@spillway/shared/calibration/confidence";
import { rowOf } from "@spillway/shared/calibration/row-major";
import { describe, expect, it } from "vitest";
import { run } from "../../../models/src/commands/sweep.ts";
import { captureOutput, spillway } from "./command.ts";
import { pairInFiles } from "./made-up.ts";

const output = captureOutput();
const { folder, flags, labels, edge, cloud } = pairInFiles();
const ROWS = labels.length;

const PUBLISHED = path.resolve(import.meta.dirname, "../../../../shared/data/edgeboost");
const isThere = existsSync(path.join(PUBLISHED, "labels.npy"));
const note = isThere ? "" : " (skipped: ../shared/data/edgeboost, which holds its probabilities, is missing)";

async function jsonOf(...args: string[]) {
  output.stdout = "";
  await run([...args, "--json"]);
  return JSON.parse(output.stdout);
}

const share = (flagged: readonly number[]) => flagged.reduce((sum, flag) => sum + flag, 0) / flagged.length;

/** Row by row, as a reader would do it by hand. */
function counted(rule: "margin" | "max-probability" | "entropy", threshold: number) {
  const rows = Array.from(labels.keys());
  const kept = rows.filter((row) => confidenceOf(rowOf(edge.probabilities, row, 4), rule) >= threshold);
  const isKept = new Set(kept);
  return {
    threshold,
    accuracy: share(rows.map((row) => (isKept.has(row) ? edge : cloud).correct[row])),
    offloadRate: 1 - kept.length / ROWS,
    keptAccuracy: kept.length === 0 ? null : share(kept.map((row) => edge.correct[row])),
  };
}

function expectRow(row: Record<string, number | null>, expected: ReturnType<typeof counted>) {
  expect(row.threshold).toBe(expected.threshold);
  expect(row.accuracy).toBeCloseTo(expected.accuracy, 12);
  expect(row.offloadRate).toBeCloseTo(expected.offloadRate, 12);
  if (expected.keptAccuracy === null) expect(row.keptAccuracy).toBeNull();
  else expect(row.keptAccuracy).toBeCloseTo(expected.keptAccuracy, 12);
}

describe("spillway sweep", () => {
  it.each(["margin", "max-probability", "entropy"] as const)("counts by %s", async (rule) => {
    const thresholds = [0, 0.3, 0.9, 1, 2];
    const { rows } = await jsonOf(...flags, "--confidence", rule, "--thresholds", thresholds.join(","));
    expect(rows).toHaveLength(thresholds.length);
    for (const [index, threshold] of thresholds.entries()) expectRow(rows[index], counted(rule, threshold));
    expect(rows[0].offloadRate).toBe(0);
    expect(rows[4]).toMatchObject({ offloadRate: 1, keptAccuracy: null });
  });

  it("has every threshold by default, and the area under them", async () => {
    const { rows, area, n, randomArea, oracleArea } = await jsonOf(...flags);
    expect(n).toBe(ROWS);
    expect(rows).toHaveLength(new Set(rows.map((row: { threshold: number }) => row.threshold)).size);
    for (const at of [0, 100, rows.length - 1]) expectRow(rows[at], counted("margin", rows[at].threshold));
    let sum = 0;
    for (let at = 1; at < rows.length; at++) {
      const width = rows[at].offloadRate - rows[at - 1].offloadRate;
      sum += (width * (rows[at].accuracy + rows[at - 1].accuracy)) / 2;
    }
    expect(area).toBeCloseTo(sum, 12);
    expect(randomArea).toBeCloseTo((share([...edge.correct]) + share([...cloud.correct])) / 2, 12);
    expect(oracleArea).toBeGreaterThan(area);
    expect(area).toBeGreaterThan(randomArea);
  });

  it("compares rules, each once, the first in front", async () => {
    const { rules, rows, area } = await jsonOf(...flags, "--confidence", "entropy, margin,entropy");
    expect(rules.map((rule: { confidence: string }) => rule.confidence)).toEqual(["entropy", "margin"]);
    expect({ rows, area }).toEqual({ rows: rules[0].rows, area: rules[0].area });
  });

  it("draws, prints and writes, each where it belongs", async () => {
    const [svg, out] = ["s.svg", "s.json"].map((name) => path.join(folder, name));
    const { code, stdout, stderr } = await spillway("sweep", ...flags, "--chart", svg, "--out", out, "--json");
    expect(code).toBe(0);
    expect(stderr).toMatch(/^(rows of edge and cloud 800 in [\d.]+ s\n)?$/);
    expect(JSON.parse(await readFile(out, "utf8"))).toEqual(JSON.parse(stdout));
    for (const text of ["margin, area 0.", "oracle", "random"]) expect(await readFile(svg, "utf8")).toContain(text);
    await run([...flags, "--thresholds", "2"]);
    expect(output.stdout).toMatch(/^margin, 400 rows, area 0\.\d{4}\nthreshold .*\n2 +\d\d\.\d\d % +100\.00 % +-\n$/);
  });

  it.skipIf(!isThere)(`has EdgeBoost's published row${note}`, async () => {
    const [e, c, y] = ["edge-calibrated", "cloud", "labels"].map((name) => path.join(PUBLISHED, `${name}.npy`));
    const { rows } = await jsonOf("--edge", e, "--cloud", c, "--labels", y, "--thresholds", "0.298");
    expect(Math.abs(100 * rows[0].offloadRate - 24.4)).toBeLessThan(0.006);
    expect(Math.abs(100 * rows[0].accuracy - 84.6)).toBeLessThan(0.06);
    expect(Math.abs(100 * rows[0].keptAccuracy - 85.81)).toBeLessThan(0.006);
  });
});
