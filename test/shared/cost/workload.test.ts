import { checkWorkload, DEFAULT_WORKLOAD, type Workload, withOffloadRate } from "@spillway/shared/cost/workload";
import { describe, expect, it } from "vitest";
import { WORKLOAD } from "./deployments.ts";

describe("checkWorkload", () => {
  it.each<Partial<Workload>>([
    {},
    { offloadRate: 0, gateRate: 0 },
    { offloadRate: 1, gateRate: 1 },
    { offloadRate: 0.5, gateRate: 0.5 },
    { utilisation: 1 },
    { utilisation: 1e-9, imagesPerSecond: 1e-9, imagesPerMonth: 1e-9 },
    { edgeCpuMs: 0, gateMs: 0, hostsMinimum: 0, requestsPerIsolateSecond: 0 },
  ])("takes %j", (changes) => {
    expect(() => checkWorkload({ ...WORKLOAD, ...changes })).not.toThrow();
  });

  it("takes the defaults", () => {
    expect(() => checkWorkload(DEFAULT_WORKLOAD)).not.toThrow();
  });

  it.each<[Partial<Workload>, string]>([
    [{ offloadRate: -0.001 }, "offloadRate: expected a share from 0 to 1, got -0.001"],
    [{ offloadRate: 1.001, gateRate: 1 }, "offloadRate: expected a share from 0 to 1, got 1.001"],
    [{ gateRate: 1.001 }, "gateRate: expected a share from 0 to 1, got 1.001"],
    [{ gateRate: 0.249 }, "gateRate: expected at least the offload rate of 0.25, got 0.249"],
    [{ utilisation: 0 }, "utilisation: expected a share above 0 and at most 1, got 0"],
    [{ utilisation: 1.001 }, "utilisation: expected a share above 0 and at most 1, got 1.001"],
    [{ imagesPerSecond: 0 }, "imagesPerSecond: expected a finite number above 0, got 0"],
    [{ imagesPerMonth: 0 }, "imagesPerMonth: expected a finite number above 0, got 0"],
    [{ edgeCpuMs: -1 }, "edgeCpuMs: expected a finite number of at least 0, got -1"],
    [{ gateMs: Number.NaN }, "gateMs: expected a finite number of at least 0, got NaN"],
    [{ hostsMinimum: Number.POSITIVE_INFINITY }, "hostsMinimum: expected a finite number of at least 0, got Infinity"],
  ])("refuses %j", (changes, message) => {
    expect(() => checkWorkload({ ...WORKLOAD, ...changes })).toThrow(new RangeError(message));
  });
});

describe("withOffloadRate", () => {
  it("asks the gate at least as often as it grants", () => {
    expect(withOffloadRate(WORKLOAD, 0.5)).toEqual({ ...WORKLOAD, offloadRate: 0.5, gateRate: 0.5 });
    expect(withOffloadRate(WORKLOAD, 0.51)).toEqual({ ...WORKLOAD, offloadRate: 0.51, gateRate: 0.51 });
    expect(withOffloadRate(WORKLOAD, 0)).toEqual({ ...WORKLOAD, offloadRate: 0, gateRate: 0.5 });
  });
});
