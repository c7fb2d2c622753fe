// Where selective offloading costs what the cloud alone does, changing one quantity and leaving the
// others. All costs are linear in it, or made of a few straight pieces, so the answer is exact.
import { type CloudSide, COST_ITEMS, costsPerMillion, extraCost, floorHours, loadHours } from "./costs-per-million.ts";
import type { Prices } from "./prices.ts";
import { type Workload, withOffloadRate } from "./workload.ts";

export interface BreakEven {
  /** Selective pays below it. The gate is taken to be asked at least as often. */
  offloadRate: number | null;
  /** Selective pays below it: the faster a host, the cheaper the cloud. */
  imagesPerSecond: number | null;
  /** Selective pays below it. */
  edgeCpuMs: number | null;
}

/**
 * Each quantity's value at which both cost the same; null where none does.
 *
 * @throws RangeError for a quantity that cannot be
 */
export function breakEven(workload: Workload, prices: Prices, cloud: CloudSide): BreakEven {
  return {
    offloadRate: breakEvenOffloadRate(workload, prices, cloud),
    imagesPerSecond: breakEvenImagesPerSecond(workload, prices, cloud),
    edgeCpuMs: breakEvenEdgeCpuMs(workload, prices, cloud),
  };
}

/** The extra cost rises with the rate, straight but for two bends: the gate's rate, and where the floor ends. */
function breakEvenOffloadRate(workload: Workload, prices: Prices, cloud: CloudSide): number | null {
  const extraAt = (rate: number) => extraCost(withOffloadRate(workload, rate), prices, cloud);
  const floorEnds = Math.min(1, floorHours(workload) / loadHours(1, workload));
  const bends = [0, workload.gateRate, floorEnds, 1].sort((a, b) => a - b);
  for (let k = 1; k < bends.length; k++) {
    const [from, to] = [bends[k - 1], bends[k]];
    const [low, high] = [extraAt(from), extraAt(to)];
    if (low <= 0 && high >= 0 && low < high) return from + (to - from) * (low / (low - high));
  }
  return null;
}

/**
 * With H hours that the load of all images needs and F that run anyway, the cloud alone takes max(H, F)
 * and selective max(rH, F). The difference must pay for everything else: it is H - F up to H = F / r,
 * where selective's hosts leave their floor, and (1 - r) H from there.
 */
function breakEvenImagesPerSecond(workload: Workload, prices: Prices, cloud: CloudSide): number | null {
  const { offloadRate, imagesPerSecond } = workload;
  const costs = costsPerMillion(workload, prices);
  const others = COST_ITEMS.filter((item) => item !== "hosts");
  const extra = others.reduce((sum, item) => sum + (costs.selective[item] - costs[cloud][item]), 0);
  if (!(extra > 0)) return null;
  const hoursToSave = extra / prices.hostPerHour;
  const floor = floorHours(workload);
  const isAboveFloor = offloadRate * (hoursToSave + floor) > floor;
  const hours = isAboveFloor ? hoursToSave / (1 - offloadRate) : hoursToSave + floor;
  const rate = (loadHours(1, workload) * imagesPerSecond) / hours;
  // No hours are enough where hosts cost nothing or all images reach them.
  return Number.isFinite(rate) && rate > 0 ? rate : null;
}

function breakEvenEdgeCpuMs(workload: Workload, prices: Prices, cloud: CloudSide): number | null {
  const extraWithoutCpu = extraCost({ ...workload, edgeCpuMs: 0 }, prices, cloud);
  const cpuMs = Math.abs(extraWithoutCpu) / prices.cpuPerMillionMs;
  return extraWithoutCpu <= 0 && Number.isFinite(cpuMs) ? cpuMs : null;
}
