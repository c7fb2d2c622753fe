// `spillway reliability`: its bins, and its diagram.
import { readFile } from "node:fs/promises";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { run } from "../../../models/src/commands/reliability.ts";
import { UsageError } from "../../../models/src/usage.ts";
import { captureOutput, spillway } from "./command.ts";
import { pairInFiles } from "./made-up.ts";

const output = captureOutput();
const { folder, files, writeArray } = pairInFiles();
const flags = ["--probabilities", files.edge, "--labels", files.labels];

interface Bin {
  count: number;
  confidence: number | null;
  accuracy: number | null;
}

async function jsonOf(...args: string[]) {
  output.stdout = "";
  await run([...args, "--json"]);
  return JSON.parse(output.stdout);
}

describe("spillway reliability", () => {
  it.each([1, 15, 100])("has %d bins that hold all rows and make up the ECE", async (count) => {
    const { before, after } = await jsonOf(...flags, "--bins", String(count));
    for (const { ece, bins } of [before, after] as { ece: number; bins: Bin[] }[]) {
      expect(bins).toHaveLength(count);
      expect(bins.reduce((sum, bin) => sum + bin.count, 0)).toBe(400);
      const gaps = bins.map((bin) => bin.count * Math.abs((bin.accuracy ?? 0) - (bin.confidence ?? 0)));
      expect(ece).toBeCloseTo(gaps.reduce((sum, gap) => sum + gap, 0) / 400, 12);
    }
  });

  it.each([
    ["0", '--bins: expected a number from 1 to 100, got "0"'],
    ["101", '--bins: expected a number from 1 to 100, got "101"'],
    ["1.5", '--bins: expected a whole number, got "1.5"'],
    ["", '--bins: expected a number from 1 to 100, got ""'],
  ])("does not take --bins %j", async (bins, message) => {
    await expect(run([...flags, "--bins", bins])).rejects.toThrow(new UsageError(message));
  });

  it("shows what cross-validation left of a sure and wrong classifier", async () => {
    const labels = writeArray("all-first.npy", { shape: [50], data: new BigInt64Array(50) });
    const rows = Array.from({ length: 50 }, (_, row) => (row % 2 === 0 ? [0.999, 0.001] : [0.001, 0.999])).flat();
    const sure = writeArray("sure.npy", { shape: [50, 2], data: Float64Array.from(rows) });
    const { before, after } = await jsonOf("--probabilities", sure, "--labels", labels);
    expect(before.ece).toBeCloseTo(0.499, 6);
    expect(after.ece).toBeLessThan(0.1);
  });

  it("draws, prints and writes, each where it belongs", async () => {
    const [svg, png, out] = ["r.svg", "r.png", "r.json"].map((name) => path.join(folder, name));
    const args = ["reliability", ...flags, "--chart", svg, "--chart", png, "--out", out, "--json"];
    const { code, stdout, stderr } = await spillway(...args);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(JSON.parse(await readFile(out, "utf8"))).toEqual(JSON.parse(stdout));
    expect(await readFile(svg, "utf8")).toContain("Reliability, 400 rows");
    expect((await readFile(png)).subarray(1, 4).toString()).toBe("PNG");
    await run(flags);
    expect(output.stdout.split("\n")).toHaveLength(1 + 15 + 1 + 1);
    expect(output.stdout).toMatch(/\nECE 0\.\d{5} -> 0\.\d{5}\n$/);
  });
});
