import { breakEven } from "@spillway/shared/cost/break-even";
import { costGrid, ratesForChart } from "@spillway/shared/cost/cost-grid";
import { totalsPerMillion } from "@spillway/shared/cost/costs-per-million";
import { describe, expect, it } from "vitest";
import { PRICES, WORKLOAD } from "./deployments.ts";

describe("costGrid", () => {
  it("goes through the rates, load by load", () => {
    const grid = costGrid(WORKLOAD, PRICES, [10, 100], [0.5, 1]);
    const places = grid.map(({ imagesPerSecond, utilisation }) => [imagesPerSecond, utilisation]);
    expect(places).toEqual([
      [10, 0.5],
      [100, 0.5],
      [10, 1],
      [100, 1],
    ]);
    expect(grid[1].perMillion).toEqual(totalsPerMillion(WORKLOAD, PRICES));
    expect(grid[2].perMillion).toEqual(totalsPerMillion({ ...WORKLOAD, imagesPerSecond: 10, utilisation: 1 }, PRICES));
  });

  it("names another winner on either side of each break-even", () => {
    const direct = breakEven(WORKLOAD, PRICES, "cloudOnly").imagesPerSecond ?? 0;
    const proxied = breakEven(WORKLOAD, PRICES, "cloudOnlyThroughWorker").imagesPerSecond ?? 0;
    expect(direct).toBeLessThan(proxied);
    const rates = [direct * 0.999, direct * 1.001, proxied * 0.999, proxied * 1.001];
    expect(costGrid(WORKLOAD, PRICES, rates, [WORKLOAD.utilisation]).map(({ winner }) => winner)).toEqual([
      "selective",
      "cloud-only-called-directly",
      "cloud-only-called-directly",
      "cloud-only",
    ]);
  });
});

describe("ratesForChart", () => {
  const ends = (rates: readonly number[]) => [rates[0], rates[rates.length - 1]];

  it("spans two decades to either side", () => {
    const rates = ratesForChart(300, null);
    expect(ends(rates)).toEqual([3, 30_000]);
    expect(rates).toHaveLength(101);
    expect(rates[50]).toBeCloseTo(300, 9);
  });

  it("goes further for what is also shown, but only a decade", () => {
    expect(ends(ratesForChart(100, 100_000))).toEqual([1, 200_000]);
    expect(ends(ratesForChart(100, 100_001))).toEqual([1, 10_000]);
    expect(ends(ratesForChart(100, 0.2))[0]).toBeCloseTo(0.1, 12);
    expect(ends(ratesForChart(100, 1000))).toEqual([1, 10_000]);
  });
});
