import {
  COST_ITEMS,
  costsPerMillion,
  extraCost,
  SIDES,
  totalCost,
  totalsPerMillion,
} from "@spillway/shared/cost/costs-per-million";
import type { Prices } from "@spillway/shared/cost/prices";
import { type Workload, withOffloadRate } from "@spillway/shared/cost/workload";
import fc from "fast-check";
import { describe, expect, it, test } from "vitest";
import { expectClose } from "../close.ts";
import { anyPrices, anyWorkload, PRICES, WORKLOAD } from "./deployments.ts";

const RUNS = { seed: 14, numRuns: 300 };
const inOrder = (values: Record<string, number>, names: readonly string[]) => names.map((name) => values[name]);

describe("costsPerMillion", () => {
  it("is the bill that is done by hand", () => {
    const costs = costsPerMillion(WORKLOAD, PRICES);
    // Requests, CPU, KV, gate's requests, duration and rows, log events, hosts.
    expectClose(inOrder(costs.edgeOnly, COST_ITEMS), [0.3, 0.2, 0.05, 0, 0, 0, 1.2, 0]);
    expectClose(inOrder(costs.cloudOnly, COST_ITEMS), [0, 0, 0, 0, 0, 0, 0, 200]);
    expectClose(inOrder(costs.cloudOnlyThroughWorker, COST_ITEMS), [0.3, 0.04, 0, 0, 0, 0, 1.2, 200]);
    expectClose(inOrder(costs.selective, COST_ITEMS), [0.3, 0.22, 0.05, 0.075, 0.008, 0.25, 1.8, 50]);
    expectClose(inOrder(totalsPerMillion(WORKLOAD, PRICES), SIDES), [1.75, 200, 201.54, 52.703]);
  });

  it("bills the hosts that always run where the load needs fewer", () => {
    const hosts = (changes: Partial<Workload>) => {
      const { edgeOnly, cloudOnly, selective } = costsPerMillion({ ...WORKLOAD, ...changes }, PRICES);
      return [edgeOnly.hosts, cloudOnly.hosts, selective.hosts];
    };
    // 730 hours a host and month, at 36 dollars; edge-only has no host.
    expectClose(hosts({ imagesPerMonth: 1e6 }), [0, 26_280, 26_280]);
    expectClose(hosts({ imagesPerMonth: 1e6, hostsMinimum: 2 }), [0, 52_560, 52_560]);
    expectClose(hosts({ imagesPerMonth: 1e6, hostsMinimum: 0 }), [0, 200, 50]);
    // The floor is 100 dollars a million: more than a quarter of the load, less than all of it.
    expectClose(hosts({ imagesPerMonth: 262_800_000 }), [0, 200, 100]);
  });

  it("reads KV once for each image where nothing is remembered, and ever less with more images", () => {
    const kv = (changes: Partial<Workload>) => costsPerMillion({ ...WORKLOAD, ...changes }, PRICES).edgeOnly.kvReads;
    expect(kv({ configAgeSeconds: 0 })).toBe(0.5);
    expect(kv({ requestsPerIsolateSecond: 0 })).toBe(0.5);
    expect(kv({ configAgeSeconds: 10, requestsPerIsolateSecond: 99.9 })).toBeCloseTo(0.0005, 12);
  });

  it("refuses what cannot be", () => {
    expect(() => costsPerMillion({ ...WORKLOAD, imagesPerSecond: 0 }, PRICES)).toThrow(RangeError);
  });
});

describe("laws", () => {
  const totals = (workload: Workload, prices: Prices) => inOrder(totalsPerMillion(workload, prices), SIDES);
  const expectNotLess = (more: number[], less: number[]) =>
    more.forEach((value, side) => {
      expect(value, SIDES[side]).toBeGreaterThanOrEqual(less[side] * (1 - 1e-12));
    });

  test.each(Object.keys(PRICES) as (keyof Prices)[])("no cost falls when %s rises", (name) => {
    fc.assert(
      fc.property(anyWorkload, anyPrices, fc.double({ min: 0.1, max: 5, noNaN: true }), (workload, prices, rise) => {
        const dearer = { ...prices, [name]: prices[name] + rise };
        expectNotLess(totals(workload, dearer), totals(workload, prices));
      }),
      RUNS,
    );
  });

  const RISING = ["edgeCpuMs", "offloadCpuMs", "proxyCpuMs", "gateMs", "rowsWrittenPerCall", "hostsMinimum"] as const;
  test.each(RISING)("no cost falls when %s rises", (name) => {
    fc.assert(
      fc.property(anyWorkload, anyPrices, fc.double({ min: 0.1, max: 50, noNaN: true }), (workload, prices, rise) => {
        expectNotLess(totals({ ...workload, [name]: workload[name] + rise }, prices), totals(workload, prices));
      }),
      RUNS,
    );
  });

  const FALLING = ["imagesPerSecond", "configAgeSeconds", "requestsPerIsolateSecond"] as const;
  test.each(FALLING)("no cost rises when %s does", (name) => {
    fc.assert(
      fc.property(anyWorkload, anyPrices, fc.double({ min: 0.1, max: 50, noNaN: true }), (workload, prices, rise) => {
        expectNotLess(totals(workload, prices), totals({ ...workload, [name]: workload[name] + rise }, prices));
      }),
      RUNS,
    );
  });

  test("no cost falls with the offload rate, nor without the gate", () => {
    const share = fc.double({ min: 0, max: 1, noNaN: true });
    fc.assert(
      fc.property(anyWorkload, anyPrices, share, (workload, prices, rate) => {
        const more = withOffloadRate(workload, Math.max(rate, workload.offloadRate));
        expectNotLess(totals(more, prices), totals(workload, prices));
        expectNotLess(totals({ ...workload, gateRate: 1 }, prices), totals(workload, prices));
      }),
      RUNS,
    );
  });

  test("offloading everything is dearer than the cloud alone by exactly the edge's share", () => {
    fc.assert(
      fc.property(anyWorkload, anyPrices, (workload, prices) => {
        const all = withOffloadRate(workload, 1);
        const { selective, cloudOnly } = costsPerMillion(all, prices);
        expect(selective.hosts).toBe(cloudOnly.hosts);
        expect(extraCost(all, prices, "cloudOnly")).toBe(totalCost({ ...selective, hosts: 0 }));
      }),
      RUNS,
    );
  });

  test("a gate that is never asked leaves the edge's cost, and hosts that run all the same", () => {
    fc.assert(
      fc.property(anyWorkload, anyPrices, (workload, prices) => {
        const { edgeOnly, selective } = costsPerMillion({ ...workload, offloadRate: 0, gateRate: 0 }, prices);
        expect({ ...selective, hosts: 0 }).toEqual(edgeOnly);
      }),
      RUNS,
    );
  });
});
