// `spillway metric` where the expected gain is known.
import { readFile } from "node:fs/promises";
import path from "node:path";
import { applyMetric } from "@spillway/shared/offload/metric";
import { metricTableSchema } from "@spillway/shared/schema/calibration";
import { describe, expect, it } from "vitest";
import { run } from "../../../models/src/commands/metric.ts";
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

  it("draws, prints and writes, each where it belongs", async () => {
    const [svg, out] = ["m.svg", "m.json"].map((name) => path.join(folder, name));
    const { code, stdout } = await spillway("metric", ...small, "--chart", svg, "--out", out, "--json");
    expect(code).toBe(0);
    expect(JSON.parse(await readFile(out, "utf8"))).toEqual(JSON.parse(stdout));
    for (const text of ["isotonic", "kernel 0."]) expect(await readFile(svg, "utf8")).toContain(text);
    await run(small);
    expect(output.stdout).toMatch(
      /^fitted by +squared error +area\n([\w-]+( [\d.]+)? +[\d.]+ +[\d.]+\n){10}best: .*\n$/,
    );
  });
});
