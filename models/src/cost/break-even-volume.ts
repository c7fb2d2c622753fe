// The images a month from which selective offloading pays: hosts that always run cost the same with it and without,
// and only a volume that needs more of them leaves anything to save.
import { type CloudSide, extraCost, floorHours, loadHours } from "@spillway/shared/cost/costs-per-million";
import type { Prices } from "@spillway/shared/cost/prices";
import type { Workload } from "@spillway/shared/cost/workload";

/**
 * Selective pays above it. With H hours that a million images need, r of them offloaded, and F that always run for
 * each million, the cloud alone takes H hours and selective max(rH, F), until F leaves nothing to save: both cost the
 * same at F = rH + (what selective saves without a floor) / (price of an hour), and F = hosts x hours / volume.
 *
 * @returns null where every volume gives the same verdict
 * @throws RangeError for a quantity that cannot be
 */
export function breakEvenImagesPerMonth(workload: Workload, prices: Prices, cloud: CloudSide): number | null {
  const saved = -extraCost({ ...workload, imagesPerMonth: null }, prices, cloud);
  const floor = loadHours(workload.offloadRate, workload) + saved / prices.hostPerHour;
  const volume = floorHours({ ...workload, imagesPerMonth: 1 }) / floor;
  // From F = H on the floor is all that either pays for hosts: who pays there pays at any volume.
  const isCrossed = saved > 0 && floor < loadHours(1, workload) && volume > 0;
  return isCrossed ? volume : null;
}
