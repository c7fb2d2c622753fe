import { breakEven } from "@spillway/shared/cost/break-even";
import { type CloudSide, extraCost, totalsPerMillion } from "@spillway/shared/cost/costs-per-million";
import type { Prices } from "@spillway/shared/cost/prices";
import { type Workload, withOffloadRate } from "@spillway/shared/cost/workload";
import fc from "fast-check";
import { describe, expect, it, test } from "vitest";
import { expectClose } from "../close.ts";
import { anyPrices, anyWorkload, PRICES, WORKLOAD } from "./deployments.ts";

const RUNS = { seed: 15, numRuns: 1000 };
const FREE = Object.fromEntries(Object.keys(PRICES).map((name) => [name, 0])) as Prices;
const QUANTITIES = ["offloadRate", "imagesPerSecond", "edgeCpuMs"] as const;
type Quantity = (typeof QUANTITIES)[number];

/** The deployment with one of the three changed. */
function withQuantity(workload: Workload, quantity: Quantity, value: number): Workload {
  return quantity === "offloadRate" ? withOffloadRate(workload, value) : { ...workload, [quantity]: value };
}

describe("breakEven", () => {
  it("is where the bills done by hand meet", () => {
    const { offloadRate, imagesPerSecond, edgeCpuMs } = breakEven(WORKLOAD, PRICES, "cloudOnly");
    // All but the hosts costs 2.703, which three quarters of the hosts' 200 must pay for.
    expectClose([imagesPerSecond ?? 0], [(100 * 150) / 2.703]);
    // 200 - (52.703 - 0.2) dollars, at 0.02 a millisecond.
    expectClose([edgeCpuMs ?? 0], [147.497 / 0.02]);
    // Up to the gate's rate: 2.433 + 201.08 r costs 102.973 at a half. Beyond, the gate grows too, by 1.366 r.
    expectClose([offloadRate ?? 0], [0.5 + (200 - 102.973) / (201.08 + 1.366)]);
  });

  it("takes the hosts that always run into account", () => {
    // The floor is 100 dollars: the cloud alone must load its hosts beyond it before there is anything to save.
    const floored = { ...WORKLOAD, imagesPerMonth: 262_800_000 };
    expectClose([breakEven(floored, PRICES, "cloudOnly").imagesPerSecond ?? 0], [(100 * 200) / 102.703]);
    expect(breakEven({ ...WORKLOAD, imagesPerMonth: 1e6 }, PRICES, "cloudOnly")).toMatchObject({
      offloadRate: null,
      edgeCpuMs: null,
    });
  });

  it.each<[string, Workload, Prices, CloudSide, Quantity]>([
    ["hosts that cost nothing", WORKLOAD, { ...PRICES, hostPerHour: 0 }, "cloudOnly", "imagesPerSecond"],
    ["every image offloaded", withOffloadRate(WORKLOAD, 1), PRICES, "cloudOnly", "imagesPerSecond"],
    ["a dear proxy", { ...WORKLOAD, proxyCpuMs: 1000 }, PRICES, "cloudOnlyThroughWorker", "imagesPerSecond"],
    ["a dear proxy", { ...WORKLOAD, proxyCpuMs: 1000 }, PRICES, "cloudOnlyThroughWorker", "offloadRate"],
    ["CPU that costs nothing", WORKLOAD, { ...PRICES, cpuPerMillionMs: 0 }, "cloudOnly", "edgeCpuMs"],
    ["an edge that is dearer by itself", { ...WORKLOAD, imagesPerSecond: 1e6 }, PRICES, "cloudOnly", "offloadRate"],
    ["an edge that is dearer without its CPU", { ...WORKLOAD, imagesPerSecond: 1e6 }, PRICES, "cloudOnly", "edgeCpuMs"],
    ["nothing that costs anything", WORKLOAD, FREE, "cloudOnly", "offloadRate"],
  ])("is null for %s", (_, workload, prices, cloud, quantity) => {
    expect(breakEven(workload, prices, cloud)[quantity]).toBeNull();
    const extras = [1e-6, 0.5, 1].map((value) => extraCost(withQuantity(workload, quantity, value), prices, cloud));
    expect(new Set(extras.map(Math.sign)).size, "a sign of the extra cost throughout").toBe(1);
  });

  it("is 0 where only an edge without CPU breaks even", () => {
    const prices = { ...FREE, hostPerHour: 36, requestsPerMillion: 150, cpuPerMillionMs: 0.02 };
    const workload = { ...WORKLOAD, edgeCpuMs: 5, offloadCpuMs: 0 };
    const { edgeCpuMs } = breakEven(workload, prices, "cloudOnly");
    expect(edgeCpuMs).toBe(0);
    expect(breakEven(workload, { ...prices, requestsPerMillion: 150.001 }, "cloudOnly").edgeCpuMs).toBeNull();
  });
});

describe.each<CloudSide>(["cloudOnly", "cloudOnlyThroughWorker"])("laws against %s", (cloud) => {
  test.each(QUANTITIES)("%s put back gives equal costs, and selective pays below it only", (quantity) => {
    let found = 0;
    fc.assert(
      fc.property(anyWorkload, anyPrices, (workload, prices) => {
        const value = breakEven(workload, prices, cloud)[quantity];
        if (value === null) return;
        found++;
        const at = withQuantity(workload, quantity, value);
        const scale = Math.max(1, totalsPerMillion(at, prices)[cloud]);
        const extraAt = (factor: number) =>
          extraCost(withQuantity(workload, quantity, value * factor), prices, cloud) / scale;
        expect(Math.abs(extraAt(1))).toBeLessThanOrEqual(1e-9);
        expect(extraAt(0.9)).toBeLessThanOrEqual(1e-9);
        if (quantity !== "offloadRate" || value <= 0.9) expect(extraAt(1.1)).toBeGreaterThanOrEqual(-1e-9);
      }),
      RUNS,
    );
    expect(found, "deployments with a break-even").toBeGreaterThan(100);
  });

  test("no break-even of the offload rate means that one side is cheaper from 0 to 1", () => {
    fc.assert(
      fc.property(anyWorkload, anyPrices, (workload, prices) => {
        if (breakEven(workload, prices, cloud).offloadRate !== null) return;
        const [none, all] = [0, 1].map((rate) => extraCost(withOffloadRate(workload, rate), prices, cloud));
        expect(none > 0 || all < 0 || none === all, `${none} at 0, ${all} at 1`).toBe(true);
      }),
      RUNS,
    );
  });
});
