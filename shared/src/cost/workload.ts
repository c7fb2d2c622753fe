// What a deployment does for one image on average: the quantities that are metered.

export interface Workload {
  /** Share of the images that the cloud is asked about, 0 to 1. */
  offloadRate: number;
  /** Share of the images that ask the Durable Object: no exit is sure of them. At least the offload rate. */
  gateRate: number;
  /** CPU milliseconds of an image at the edge: decode, resize, stages. */
  edgeCpuMs: number;
  /** CPU milliseconds more of an image that is offloaded: building the request, reading the reply. */
  offloadCpuMs: number;
  /** CPU milliseconds of a Worker that only forwards an image to the endpoint. */
  proxyCpuMs: number;
  /** Wall milliseconds of one Durable Object call, seen from the object. */
  gateMs: number;
  /** Rows written by a Durable Object call that takes a token; one that is refused writes none. */
  rowsWrittenPerCall: number;
  /** Seconds for which an isolate trusts the configuration it has read. */
  configAgeSeconds: number;
  /** Images a second that one isolate sees. */
  requestsPerIsolateSecond: number;
  /** Log events kept of one invocation, of the Worker or of the Durable Object. */
  logEventsPerInvocation: number;
  /** Images a second that one host answers at full load. */
  imagesPerSecond: number;
  /** Mean load of the hosts over the day, above 0 and at most 1. */
  utilisation: number;
  /** Hosts that run whatever the load. */
  hostsMinimum: number;
  /** What the hosts that always run are shared by; null leaves them out. */
  imagesPerMonth: number | null;
}

/** A stated starting point; where the figures come from is said in the command's help. */
export const DEFAULT_WORKLOAD: Readonly<Workload> = {
  offloadRate: 0.3,
  gateRate: 0.67,
  edgeCpuMs: 9,
  offloadCpuMs: 2,
  proxyCpuMs: 1,
  gateMs: 5,
  rowsWrittenPerCall: 1,
  configAgeSeconds: 10,
  requestsPerIsolateSecond: 1,
  logEventsPerInvocation: 1,
  imagesPerSecond: 300,
  utilisation: 0.4,
  hostsMinimum: 1,
  imagesPerMonth: null,
};

/** The same deployment at another offload rate; the gate is asked at least as often as it grants. */
export function withOffloadRate(workload: Workload, offloadRate: number): Workload {
  return { ...workload, offloadRate, gateRate: Math.max(workload.gateRate, offloadRate) };
}

/** @throws RangeError naming the first quantity that cannot be */
export function checkWorkload(workload: Workload): void {
  for (const name of Object.keys(DEFAULT_WORKLOAD) as (keyof Workload)[]) {
    const value = workload[name];
    if (value === null && name === "imagesPerMonth") continue;
    const { expected, allows } = BOUNDS[name] ?? AT_LEAST_ZERO;
    const isAllowed = typeof value === "number" && Number.isFinite(value) && allows(value);
    if (!isAllowed) throw new RangeError(`${name}: expected ${expected}, got ${value}`);
  }
  const { gateRate, offloadRate } = workload;
  if (gateRate < offloadRate) {
    throw new RangeError(`gateRate: expected at least the offload rate of ${offloadRate}, got ${gateRate}`);
  }
}

interface Bound {
  expected: string;
  allows(value: number): boolean;
}

const AT_LEAST_ZERO: Bound = { expected: "a finite number of at least 0", allows: (value) => value >= 0 };
const POSITIVE: Bound = { expected: "a finite number above 0", allows: (value) => value > 0 };
const SHARE: Bound = { expected: "a share from 0 to 1", allows: (value) => value >= 0 && value <= 1 };

const BOUNDS: Partial<Record<keyof Workload, Bound>> = {
  offloadRate: SHARE,
  gateRate: SHARE,
  utilisation: { expected: "a share above 0 and at most 1", allows: (value) => value > 0 && value <= 1 },
  imagesPerSecond: POSITIVE,
  imagesPerMonth: POSITIVE,
};
