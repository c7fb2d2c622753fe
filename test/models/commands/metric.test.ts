// `spillway metric` where the expected gain is known.
import { readFile } from "node:fs/promises";
import path from "node:path";
import { compareTables } from "@spillway/shared/offload/fit-metric";
import { applyMetric } from "@spillway/shared/offload/metric";
import { areaUnderCurve, sweepThresholds } from "@spillway/shared/offload/sweep";
import { foldsOf } from "@spillway/shared/random/folds";
import { metricTableSchema } from "@spillway/shared/schema/calibration";
import { describe, expect, it } from "vitest";
import { run } from "../../../models/src/commands/metric.ts";
import { gainOf, readPair } from "../../../models/src/evaluation/pair.ts";
import { captureOutput, spillway } from "./command.ts";
import { pairInFiles } from "./made-up.ts";

const output = captureOutput();
const { folder, flags } = pairInFiles(3000);
const { flags: small } = pairInFiles(200);

async function jsonOf(...args: string[]) {
  output.stdout = "";
  await run([...args, "--json"]);
  return JSON.parse(output.stdout);
}

describe("spillway metric", () => {
  it("finds a gain of 0.95 less what the edge believes of itself", async () => {
    const { table, confidence } = await jsonOf(...flags, "--confidence", "max-probability");
    expect(confidence).toBe("max-probability");
    expect(metricTableSchema.safeParse(table).success).toBe(true);
    for (const sure of [0.5, 0.7, 0.9]) {
      expect(Math.abs(applyMetric(table, sure) - (0.95 - sure))).toBeLessThan(0.08);
    }
  });

  it("ranks by error, and sees no class where no class matters", async () => {
    const { method, contenders, gainModel } = await jsonOf(...flags);
    const errors = contenders.map(({ error }: { error: number }) => error);
    expect(errors).toEqual(errors.toSorted((a: number, b: number) => a - b));
    expect(gainModel).toBeNull();
    expect(method).toMatch(/^(isotonic|kernel )/);
    for (const { area } of contenders) expect(area).toBeGreaterThan(0.85);
  });

  it("states the area of each fold for itself, and what the choice is worth", async () => {
    const { contenders, chosen } = await jsonOf(...small);
    const tables = contenders.filter(({ name }: { name: string }) => /^(isotonic|kernel)/.test(name));
    expect(chosen.map(({ name }: { name: string }) => name)).toEqual(["table, chosen", "class-aware, chosen"]);
    expect(chosen[0].error).toBeGreaterThan(Math.min(...tables.map(({ error }: { error: number }) => error)));
    const pair = await readPair({ edge: small[1], cloud: small[3], labels: small[5] }, ["margin"]);
    for (const { name, predictions } of compareTables(pair.confidence.get("margin") as Float64Array, gainOf(pair))) {
      const areas = foldsOf(pair.rows).map(({ judged }) => {
        const [edge, cloud] = [pair.edgeCorrect, pair.cloudCorrect].map((correct) =>
          Uint8Array.from(judged, (row) => correct[row]),
        );
        const reluctance = judged.map((row) => -predictions[row]);
        return areaUnderCurve(sweepThresholds(Float64Array.from(reluctance), edge, cloud));
      });
      const mean = areas.reduce((sum, area) => sum + area, 0) / areas.length;
      expect(tables.find((table: { name: string }) => table.name === name).area).toBeCloseTo(mean, 12);
    }
  });

  it("draws, prints and writes, each where it belongs", async () => {
    const [svg, out] = ["m.svg", "m.json"].map((name) => path.join(folder, name));
    const { code, stdout } = await spillway("metric", ...small, "--chart", svg, "--out", out, "--json");
    expect(code).toBe(0);
    expect(JSON.parse(await readFile(out, "utf8"))).toEqual(JSON.parse(stdout));
    for (const text of ["isotonic", "kernel 0."]) expect(await readFile(svg, "utf8")).toContain(text);
    await run(small);
    expect(output.stdout).toMatch(
      /^fitted by +squared error +area\n([\w-]+( [\d.]+)? +[\d.]+ +[\d.]+\n){10}table, chosen .*\nclass-aware, chosen .*\nbest: .*\n$/,
    );
  });
});
