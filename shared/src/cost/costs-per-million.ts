// Money for a million images, item by item as it is metered, for four ways of answering them.
//
// It is the price of the next million: a plan's monthly fee and what it includes are left out. So are
// the transfer of payloads and the quality of the answers: edge-only is cheap, and answers worse.
import type { Prices } from "./prices.ts";
import { checkWorkload, type Workload } from "./workload.ts";

export const COST_ITEMS = [
  "workerRequests",
  "workerCpu",
  "kvReads",
  "gateRequests",
  "gateDuration",
  "gateRowsWritten",
  "logEvents",
  "hosts",
] as const;
/** Dollars for a million images by item. */
export type CostItems = Record<(typeof COST_ITEMS)[number], number>;

/** `cloudOnly`: clients call the endpoint themselves. `cloudOnlyThroughWorker`: a Worker forwards. */
export const SIDES = ["edgeOnly", "cloudOnly", "cloudOnlyThroughWorker", "selective"] as const;
export type Side = (typeof SIDES)[number];

/** The two that selective competes with. */
export type CloudSide = "cloudOnly" | "cloudOnlyThroughWorker";

const HOURS_PER_MONTH = 730;
/** A Durable Object is billed for 128 MB, whatever it uses; a GB is 1000 MB in the provider's examples. */
const DURABLE_OBJECT_GB = 0.128;

/**
 * @throws RangeError for a quantity that cannot be
 */
export function costsPerMillion(workload: Workload, prices: Prices): Record<Side, CostItems> {
  checkWorkload(workload);
  const { offloadRate, edgeCpuMs, offloadCpuMs, proxyCpuMs } = workload;
  const atTheEdge = { ...invocation(edgeCpuMs, workload, prices), kvReads: kvReads(workload, prices) };
  const gate = gateItems(workload, prices);
  return {
    edgeOnly: { ...NOTHING, ...atTheEdge },
    cloudOnly: { ...NOTHING, hosts: hostItem(1, workload, prices) },
    cloudOnlyThroughWorker: {
      ...NOTHING,
      ...invocation(proxyCpuMs, workload, prices),
      hosts: hostItem(1, workload, prices),
    },
    selective: {
      ...atTheEdge,
      ...gate,
      workerCpu: (edgeCpuMs + offloadRate * offloadCpuMs) * prices.cpuPerMillionMs,
      logEvents: atTheEdge.logEvents + gate.logEvents,
      hosts: hostItem(offloadRate, workload, prices),
    },
  };
}

/** Dollars for a million images in all. */
export function totalCost(items: CostItems): number {
  return COST_ITEMS.reduce((sum, item) => sum + items[item], 0);
}

/** Dollars for a million images, each way. @throws RangeError for a quantity that cannot be */
export function totalsPerMillion(workload: Workload, prices: Prices): Record<Side, number> {
  const items = costsPerMillion(workload, prices);
  return Object.fromEntries(SIDES.map((side) => [side, totalCost(items[side])])) as Record<Side, number>;
}

/** Dollars a million that selective costs more than the cloud alone; negative where it pays. */
export function extraCost(workload: Workload, prices: Prices, cloud: CloudSide): number {
  const costs = costsPerMillion(workload, prices);
  // Item by item: the difference of two large totals would lose a small one.
  return COST_ITEMS.reduce((sum, item) => sum + (costs.selective[item] - costs[cloud][item]), 0);
}

/** Hosts' hours for a million images, of which `share` reach them: what the load needs, or what always runs. */
export function hostHours(share: number, workload: Workload): number {
  return Math.max(loadHours(share, workload), floorHours(workload));
}

/** Hosts' hours for a million images that keep the hosts at their mean load. */
export function loadHours(share: number, { imagesPerSecond, utilisation }: Workload): number {
  return (share * 1e6) / (imagesPerSecond * utilisation * 3600);
}

/** Hours of the hosts that always run, for each million of the month's images; 0 where no volume is known. */
export function floorHours({ hostsMinimum, imagesPerMonth }: Workload): number {
  return imagesPerMonth === null ? 0 : (hostsMinimum * HOURS_PER_MONTH * 1e6) / imagesPerMonth;
}

const NOTHING = Object.fromEntries(COST_ITEMS.map((item) => [item, 0])) as CostItems;

/** One Worker request an image; what it fetches itself is not billed as a request. */
function invocation(cpuMs: number, { logEventsPerInvocation }: Workload, prices: Prices) {
  return {
    workerRequests: prices.requestsPerMillion,
    workerCpu: cpuMs * prices.cpuPerMillionMs,
    logEvents: logEventsPerInvocation * prices.logEventsPerMillion,
  };
}

/**
 * An isolate reads the configuration again with the first image after its age. With images at random
 * times, one read serves that image and the rate x age that follow: 1 / (1 + rate x age) reads an image.
 */
function kvReads({ configAgeSeconds, requestsPerIsolateSecond }: Workload, prices: Prices): number {
  return prices.kvReadsPerMillion / (1 + configAgeSeconds * requestsPerIsolateSecond);
}

/** An image that no exit is sure of is one call; only a call that takes a token writes. */
function gateItems(workload: Workload, prices: Prices) {
  const { offloadRate, gateRate, gateMs, rowsWrittenPerCall, logEventsPerInvocation } = workload;
  return {
    gateRequests: gateRate * prices.durableObjectRequestsPerMillion,
    gateDuration: gateRate * (gateMs / 1000) * DURABLE_OBJECT_GB * prices.durableObjectPerMillionGbSeconds,
    gateRowsWritten: offloadRate * rowsWrittenPerCall * prices.rowsWrittenPerMillion,
    logEvents: gateRate * logEventsPerInvocation * prices.logEventsPerMillion,
  };
}

function hostItem(share: number, workload: Workload, prices: Prices): number {
  return hostHours(share, workload) * prices.hostPerHour;
}
