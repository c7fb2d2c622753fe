// `spillway fuse` where fusing helps, and where it cannot.
import { readFile } from "node:fs/promises";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { run } from "../../../models/src/commands/fuse.ts";
import { captureOutput, spillway } from "./command.ts";
import { madeUpTable, pairInFiles } from "./made-up.ts";

const output = captureOutput();
const { folder, labels, files, flags, edge, writeArray } = pairInFiles(1000);
const share = (flagged: Uint8Array) => flagged.reduce((sum, flag) => sum + flag, 0) / flagged.length;

async function jsonOf(...args: string[]) {
  output.stdout = "";
  await run([...args, "--json"]);
  return JSON.parse(output.stdout);
}

describe("spillway fuse", () => {
  it("multiplies two that are independent, and states the gain with its error", async () => {
    const other = madeUpTable(labels, 4, (u) => 0.4 + 0.4 * u, 8);
    const otherFile = writeArray("other.npy", { shape: [labels.length, 4], data: other.probabilities });
    const result = await jsonOf("--edge", files.edge, "--cloud", otherFile, "--labels", files.labels);
    expect(result.method).toBe("log-linear");
    expect(Math.abs(result.fusion.edgePower - 1)).toBeLessThan(0.2);
    expect(Math.abs(result.fusion.cloudPower - 1)).toBeLessThan(0.2);
    expect(result.accuracy.edge).toBe(share(edge.correct));
    expect(result.accuracy.cloud).toBe(share(other.correct));
    expect(result.accuracy.fused - result.accuracy.cloud).toBeCloseTo(result.gain, 12);
    expect(result.gain).toBeGreaterThan(0.1);
    const alone = result.contenders.find(({ method }: { method: string }) => method === "none");
    expect(alone).toMatchObject({ gain: 0, standardError: 0, accuracy: result.accuracy.cloud });
    // Outcomes change by -1, 0 or 1 with this mean: their standard deviation lies between these.
    const leastVariance = result.gain * (1 - result.gain);
    expect(result.standardError).toBeGreaterThanOrEqual(Math.sqrt(leastVariance / labels.length) - 1e-12);
    expect(result.standardError).toBeLessThanOrEqual(Math.sqrt(1 / labels.length));
  });

  it("gains nothing from an edge that guesses", async () => {
    const guess = madeUpTable(labels, 4, () => 0.25, 7).probabilities;
    const guesses = writeArray("guesses.npy", { shape: [labels.length, 4], data: guess });
    const { gain, standardError } = await jsonOf("--edge", guesses, "--cloud", files.cloud, "--labels", files.labels);
    expect(Math.abs(gain)).toBeLessThanOrEqual(2 * standardError);
  });

  it("bears certainties that contradict each other", async () => {
    const certain = (shift: number) =>
      Float64Array.from({ length: 400 }, (_, at) => ((Math.floor(at / 4) + shift) % 4 === at % 4 ? 1 : 0));
    const e = writeArray("certain-edge.npy", { shape: [100, 4], data: certain(0) });
    const c = writeArray("certain-cloud.npy", { shape: [100, 4], data: certain(1) });
    const y = writeArray("cycle.npy", {
      shape: [100],
      data: BigInt64Array.from({ length: 100 }, (_, row) => BigInt(row % 4)),
    });
    const { accuracy, contenders } = await jsonOf("--edge", e, "--cloud", c, "--labels", y);
    expect(accuracy).toEqual({ edge: 1, cloud: 0, fused: 1 });
    for (const { nll } of contenders) expect(nll).toEqual(expect.any(Number));
  });

  it("prints a table, or pure JSON that --out holds too", async () => {
    const out = path.join(folder, "f.json");
    const { code, stdout, stderr } = await spillway("fuse", ...flags, "--out", out, "--json");
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(JSON.parse(await readFile(out, "utf8"))).toEqual(JSON.parse(stdout));
    await run(flags);
    expect(output.stdout).toMatch(
      /^answer +NLL .*\n(.* ± .*\n){3}chosen in each fold .* ± .*\n1000 rows, fitted: \{"edgePower":.*\}\n$/,
    );
  });
});
