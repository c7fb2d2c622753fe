import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { DEFAULT_WORKLOAD } from "@spillway/shared/cost/workload";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { run } from "../../../models/src/commands/cost.ts";
import { UsageError } from "../../../models/src/usage.ts";

const SHIPPED = new URL("../../../models/prices/cloudflare-sagemaker-us-east-1.json", import.meta.url);

let folder: string;
let printed: string;

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "spillway-cost-"));
  printed = "";
  vi.spyOn(process.stdout, "write").mockImplementation((text) => {
    printed += text;
    return true;
  });
});

afterEach(async () => {
  vi.restoreAllMocks();
  await rm(folder, { recursive: true });
});

/** Writes a file into the test's folder. */
async function fileOf(name: string, content: unknown): Promise<string> {
  const file = path.join(folder, name);
  await writeFile(file, typeof content === "string" ? content : JSON.stringify(content));
  return file;
}

/** What `spillway thresholds` writes of a model. */
function thresholdsOf(offloadRate: number, exitShares?: number[]) {
  const performance = { accuracy: 0.9, offloadRate, meanLatencyMs: 10 };
  return {
    exits: [0.9],
    offload: 0.1,
    offloadOn: "metric",
    guarantee: null,
    expected: performance,
    baselines: { edgeOnly: performance, everythingOffloaded: performance },
    expectedOn: { rows: 10, how: "made up" },
    exitShares,
  };
}

async function jsonOf(...args: string[]) {
  await run([...args, "--json"]);
  return JSON.parse(printed);
}

describe("spillway cost", () => {
  it("prices the default deployment", async () => {
    const report = await jsonOf();
    // 1.408 dollars an hour, 300 images a second, 40 % busy.
    expect(report.perMillion.cloudOnly).toBeCloseTo((1.408 * 1e6) / (300 * 0.4 * 3600), 9);
    expect(report.items.selective.hosts).toBeCloseTo(0.3 * report.perMillion.cloudOnly, 9);
    expect(report).toMatchObject({
      host: "g5.xlarge",
      currency: "USD",
      comparedWith: "cloudOnly",
      selectivePays: true,
      throughWorker: { comparedWith: "cloudOnlyThroughWorker", selectivePays: true },
      grid: null,
    });
    expect(Object.keys(report.breakEven)).toEqual(["offloadRate", "imagesPerSecond", "edgeCpuMs", "imagesPerMonth"]);
  });

  it.each(["offload-rate", "images-per-second", "edge-cpu-ms", "images-per-month"])(
    "gives a break-even for --%s that can be put back",
    async (flag) => {
      const { breakEven } = await jsonOf();
      const field = flag.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase());
      printed = "";
      const { perMillion } = await jsonOf(`--${flag}`, String(breakEven[field]));
      expect(Math.abs(perMillion.selective - perMillion.cloudOnly)).toBeLessThan(1e-9);
    },
  );

  it("says where selective does not pay, and that nothing changes it", async () => {
    await run(["--images-per-second", "3000", "--utilisation", "1", "--images-per-month", "1e9"]);
    expect(printed).toMatch(/call the endpoint themselves, selective does NOT pay: [\d.]+ \$ a million more/);
    expect(printed).toMatch(/at no offload rate, below [\d.,]+ images\/s a host, at no ms of edge CPU/);
    expect(printed).toMatch(/Left out: transfer of payloads/);
    expect(printed).not.toMatch(/No host that always runs/);
  });

  it("says that no floor is counted, and from which volume selective pays with one", async () => {
    await run(["--hosts-minimum", "2"]);
    expect(printed).toMatch(/\n {2}With 2 hosts that always run, it pays above [\d,]+ images a month\.\n/);
    expect(printed).toMatch(/\nNo host that always runs is counted above: give --images-per-month\.\n/);
  });

  it("prints a bill whose columns add up", async () => {
    await run([]);
    const rows = printed.split("\n\n")[0].split("\n").slice(1);
    const columns = rows.map((row) =>
      row
        .split(/ {2,}/)
        .slice(1)
        .map((cell) => (cell === "-" ? 0 : Number(cell))),
    );
    const totals = columns.pop() ?? [];
    totals.forEach((total, side) => {
      const sum = columns.reduce((all, row) => all + row[side], 0);
      expect(Math.abs(sum - total)).toBeLessThan(0.0041);
    });
    expect(totals).toHaveLength(4);
  });

  it("shows who wins over hosts and loads, the given ones among them", async () => {
    const { grid } = await jsonOf("--grid", "--images-per-second", "250", "--utilisation", "0.33");
    expect(grid).toHaveLength(7 * 7);
    const winnerAt = (rate: number, load: number) =>
      grid.find((cell: Record<string, number>) => cell.imagesPerSecond === rate && cell.utilisation === load).winner;
    expect([winnerAt(10, 0.05), winnerAt(3000, 0.05), winnerAt(3000, 1)]).toEqual([
      "selective",
      "cloud-only-called-directly",
      "cloud-only",
    ]);
    expect(winnerAt(250, 0.33)).toBe("selective");
    printed = "";
    await run(["--grid"]);
    expect(printed).toMatch(/^100 % .* cloud [\d.]+$/m);
  });

  it.each([
    ["a model: what no exit answers", thresholdsOf(0.2, [0.3, 0.25, 0.05]), 0.4],
    ["a model whose undecided images are all offloaded", thresholdsOf(0.2, [0.3, 0.3, 0.2]), 0.2],
    ["a model without shares: the default", thresholdsOf(0.2), DEFAULT_WORKLOAD.gateRate],
    ["a pair: what is offloaded", { ...thresholdsOf(0.2), offloadOn: "confidence" }, 0.2],
  ])("takes the offload rate and the gate's from thresholds of %s", async (_, content, gateRate) => {
    const { workload } = await jsonOf("--thresholds", await fileOf("thresholds.json", content));
    expect(workload.offloadRate).toBe(0.2);
    expect(workload.gateRate).toBeCloseTo(gateRate, 12);
  });

  it("takes a gate rate that is given before the thresholds'", async () => {
    const thresholds = await fileOf("thresholds.json", thresholdsOf(0.2, [0.5]));
    const { workload } = await jsonOf("--thresholds", thresholds, "--gate-rate", "0.9");
    expect(workload).toMatchObject({ offloadRate: 0.2, gateRate: 0.9 });
  });

  it("reads other prices and writes its JSON", async () => {
    const list = JSON.parse(await readFile(SHIPPED, "utf8"));
    const prices = await fileOf("prices.json", { ...list, name: "ours", hostsPerHour: { a: 2 } });
    const out = path.join(folder, "cost.json");
    const report = await jsonOf("--prices", prices, "--host", "a", "--out", out);
    expect(report.prices).toMatchObject({ name: "ours", date: list.date });
    expect(JSON.parse(await readFile(out, "utf8"))).toEqual(report);
  });

  it("draws each way and the crossing", async () => {
    const chart = path.join(folder, "cost.svg");
    await run(["--chart", chart]);
    const svg = await readFile(chart, "utf8");
    const texts = [
      "What a million images cost",
      "edge only",
      "cloud only",
      "cloud by Worker",
      "selective",
      "break-even",
    ];
    for (const text of texts) expect(svg).toContain(text);
  });
});

describe("bad input", () => {
  it.each<[string[], string]>([
    [["--offload-rate", "1.01"], "--offload-rate: expected a share from 0 to 1, got 1.01"],
    [["--offload-rate=-0.01"], "--offload-rate: expected a share from 0 to 1, got -0.01"],
    [["--gate-rate", "0.29"], "--gate-rate: expected at least the offload rate of 0.3, got 0.29"],
    [["--images-per-second", "0"], "--images-per-second: expected a finite number above 0, got 0"],
    [["--config-age-s=-1"], "--config-age-s: expected a finite number of at least 0, got -1"],
    [["--edge-cpu-ms", "fast"], '--edge-cpu-ms: expected a number, got "fast"'],
    [["--edge-cpu-ms", ""], '--edge-cpu-ms: expected a number, got ""'],
    [["--host", "p5"], "--host: expected one of g4dn.xlarge, g6.xlarge, g5.xlarge, got p5"],
    [["0.3"], 'expected flags only, got "0.3"'],
    [["--egress", "1"], "Unknown option '--egress'; see --help"],
  ])("is the caller's: %j", async (args, message) => {
    await expect(run(args)).rejects.toThrow(new UsageError(message));
    expect(printed).toBe("");
  });

  it("is two offload rates", async () => {
    const thresholds = await fileOf("thresholds.json", thresholdsOf(0.3));
    const both = run(["--thresholds", thresholds, "--offload-rate", "0.3"]);
    await expect(both).rejects.toThrow(new UsageError("expected --thresholds or --offload-rate, got both"));
  });

  it("is named with its file", async () => {
    const missing = path.join(folder, "missing.json");
    await expect(run(["--prices", missing])).rejects.toThrow(`${missing}: cannot be read (ENOENT)`);
    const text = await fileOf("text.json", "prices");
    await expect(run(["--prices", text])).rejects.toThrow(`${text}: expected JSON`);
    const more = await fileOf("more.json", { ...JSON.parse(await readFile(SHIPPED, "utf8")), egress: 1 });
    await expect(run(["--prices", more])).rejects.toThrow(/more\.json: .*"egress"/);
    const thresholds = await fileOf("thresholds.json", thresholdsOf(1.5));
    await expect(run(["--thresholds", thresholds])).rejects.toThrow(/thresholds\.json: expected\.offloadRate: /);
  });

  it("is a chart of an unknown kind", async () => {
    await expect(run(["--chart", path.join(folder, "cost.pdf")])).rejects.toThrow(/cost\.pdf/);
  });
});
