// Deployments for the tests of costs: one whose bill is easily done by hand, and arbitrary ones.
import type { Prices } from "@spillway/shared/cost/prices";
import type { Workload } from "@spillway/shared/cost/workload";
import fc from "fast-check";

export const PRICES: Prices = {
  requestsPerMillion: 0.3,
  cpuPerMillionMs: 0.02,
  kvReadsPerMillion: 0.5,
  durableObjectRequestsPerMillion: 0.15,
  durableObjectPerMillionGbSeconds: 12.5,
  rowsWrittenPerMillion: 1,
  logEventsPerMillion: 0.6,
  hostPerHour: 36,
};

export const WORKLOAD: Workload = {
  offloadRate: 0.25,
  gateRate: 0.5,
  edgeCpuMs: 10,
  offloadCpuMs: 4,
  proxyCpuMs: 2,
  gateMs: 10,
  rowsWrittenPerCall: 1,
  configAgeSeconds: 9,
  requestsPerIsolateSecond: 1,
  logEventsPerInvocation: 2,
  imagesPerSecond: 100,
  utilisation: 0.5,
  hostsMinimum: 1,
  imagesPerMonth: null,
};

const between = (min: number, max: number) => fc.double({ min, max, noNaN: true });
const priced = (max: number) => fc.oneof(fc.constant(0), between(0.001, max));

export const anyPrices: fc.Arbitrary<Prices> = fc.record({
  requestsPerMillion: priced(2),
  cpuPerMillionMs: priced(1),
  kvReadsPerMillion: priced(2),
  durableObjectRequestsPerMillion: priced(2),
  durableObjectPerMillionGbSeconds: priced(50),
  rowsWrittenPerMillion: priced(5),
  logEventsPerMillion: priced(2),
  hostPerHour: priced(10),
});

export const anyWorkload: fc.Arbitrary<Workload> = fc
  .record({
    offloadRate: fc.oneof(fc.constantFrom(0, 1), between(0, 1)),
    gateRate: fc.oneof(fc.constantFrom(0, 1), between(0, 1)),
    edgeCpuMs: between(0, 200),
    offloadCpuMs: between(0, 20),
    proxyCpuMs: between(0, 100),
    gateMs: between(0, 100),
    rowsWrittenPerCall: between(0, 3),
    configAgeSeconds: between(0, 60),
    requestsPerIsolateSecond: between(0, 100),
    logEventsPerInvocation: between(0, 3),
    imagesPerSecond: between(1, 5000),
    utilisation: between(0.01, 1),
    hostsMinimum: fc.constantFrom(0, 1, 3),
    imagesPerMonth: fc.option(between(1e5, 1e10)),
  })
  .map((workload) => ({ ...workload, gateRate: Math.max(workload.gateRate, workload.offloadRate) }));
