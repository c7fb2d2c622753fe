// Who is cheaper over a range of hosts and loads, for a table and a chart.
import { type Side, totalsPerMillion } from "./costs-per-million.ts";
import type { Prices } from "./prices.ts";
import type { Workload } from "./workload.ts";

export interface CostGridCell {
  imagesPerSecond: number;
  utilisation: number;
  perMillion: Record<Side, number>;
  winner: Winner;
}

/**
 * `selective`: cheaper than the cloud alone, called either way. `cloud-only-called-directly`: dearer than an
 * endpoint that clients call themselves, cheaper than one behind a Worker. `cloud-only`: dearer than both.
 */
export type Winner = "selective" | "cloud-only-called-directly" | "cloud-only";

/** Row by row of utilisation, each over all the hosts' rates. @throws RangeError for a quantity that cannot be */
export function costGrid(
  workload: Workload,
  prices: Prices,
  imagesPerSecond: readonly number[],
  utilisation: readonly number[],
): CostGridCell[] {
  return utilisation.flatMap((load) =>
    imagesPerSecond.map((rate) => {
      const perMillion = totalsPerMillion({ ...workload, imagesPerSecond: rate, utilisation: load }, prices);
      return { imagesPerSecond: rate, utilisation: load, perMillion, winner: winnerOf(perMillion) };
    }),
  );
}

function winnerOf({ selective, cloudOnly, cloudOnlyThroughWorker }: Record<Side, number>): Winner {
  if (selective < cloudOnly) return "selective";
  return selective < cloudOnlyThroughWorker ? "cloud-only-called-directly" : "cloud-only";
}

/**
 * Rates of a host for a chart, evenly spaced in their logarithm: two decades to either side of the given one,
 * or as far as `alsoShown` where that is no more than another decade away.
 */
export function ratesForChart(imagesPerSecond: number, alsoShown: number | null): number[] {
  const isNear = alsoShown !== null && Math.abs(Math.log10(alsoShown / imagesPerSecond)) <= DECADES + 1;
  const middles = isNear ? [imagesPerSecond, alsoShown] : [imagesPerSecond];
  const lowest = Math.min(imagesPerSecond / 10 ** DECADES, ...middles.map((rate) => rate / 2));
  const highest = Math.max(imagesPerSecond * 10 ** DECADES, ...middles.map((rate) => rate * 2));
  return Array.from({ length: POINTS }, (_, k) => lowest * (highest / lowest) ** (k / (POINTS - 1)));
}

const DECADES = 2;
const POINTS = 101;
