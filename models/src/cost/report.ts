// What `spillway cost` finds out: the JSON it prints, and what its tables and its chart are made of.
import { breakEven } from "@spillway/shared/cost/break-even";
import { costGrid } from "@spillway/shared/cost/cost-grid";
import { type CloudSide, costsPerMillion, extraCost, totalsPerMillion } from "@spillway/shared/cost/costs-per-million";
import type { Prices } from "@spillway/shared/cost/prices";
import type { Workload } from "@spillway/shared/cost/workload";
import { breakEvenImagesPerMonth } from "./break-even-volume.ts";

export type CostReport = ReturnType<typeof costReport>;

/** Who wins over these, and over the given rate and load, when a grid is asked for. */
const GRID_RATES = [10, 30, 100, 300, 1000, 3000];
const GRID_LOADS = [0.05, 0.1, 0.2, 0.4, 0.7, 1];

/**
 * `selectivePays` and `breakEven` compare with clients that call the endpoint themselves: the cheaper
 * cloud, so what pays against it also pays against an endpoint behind a Worker (`throughWorker`).
 */
export function costReport(workload: Workload, prices: Prices, hasGrid: boolean) {
  const { imagesPerSecond, utilisation } = workload;
  const grid = () =>
    costGrid(workload, prices, rising([...GRID_RATES, imagesPerSecond]), rising([...GRID_LOADS, utilisation]));
  return {
    perMillion: totalsPerMillion(workload, prices),
    items: costsPerMillion(workload, prices),
    ...verdict(workload, prices, "cloudOnly"),
    throughWorker: verdict(workload, prices, "cloudOnlyThroughWorker"),
    workload,
    grid: hasGrid ? grid() : null,
  };
}

function verdict(workload: Workload, prices: Prices, comparedWith: CloudSide) {
  return {
    comparedWith,
    selectivePays: extraCost(workload, prices, comparedWith) < 0,
    breakEven: {
      ...breakEven(workload, prices, comparedWith),
      /** The only one above which selective pays. */
      imagesPerMonth: breakEvenImagesPerMonth(workload, prices, comparedWith),
    },
  };
}

function rising(values: readonly number[]): number[] {
  return [...new Set(values)].sort((a, b) => a - b);
}
