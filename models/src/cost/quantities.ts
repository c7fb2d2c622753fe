// The quantities of `spillway cost` as flags: their names, their help, and their numbers.
import { checkWorkload, DEFAULT_WORKLOAD, type Workload, withOffloadRate } from "@spillway/shared/cost/workload";
import { UsageError } from "../usage.ts";

/** The flag of each quantity, and what it means or where its default comes from. */
const QUANTITIES: Record<keyof Workload, { flag: string; help: string }> = {
  imagesPerSecond: { flag: "images-per-second", help: "one host answers at full load (assumed: measure yours)" },
  utilisation: { flag: "utilisation", help: "mean load of the hosts over the day, above 0, at most 1" },
  hostsMinimum: { flag: "hosts-minimum", help: "hosts that always run; counts with --images-per-month" },
  imagesPerMonth: { flag: "images-per-month", help: "that share the hosts that always run (default: no such floor)" },
  offloadRate: { flag: "offload-rate", help: "share of images that the cloud is asked about" },
  gateRate: { flag: "gate-rate", help: "share no exit is sure of: it asks the Durable Object (as shipped)" },
  edgeCpuMs: { flag: "edge-cpu-ms", help: "decode, resize and stages (a 640x480 JPEG, all stages)" },
  offloadCpuMs: { flag: "offload-cpu-ms", help: "more for an image that is offloaded (estimate)" },
  proxyCpuMs: { flag: "proxy-cpu-ms", help: "of a Worker that only forwards (estimate)" },
  gateMs: { flag: "gate-ms", help: "wall time of a Durable Object call (estimate)" },
  rowsWrittenPerCall: { flag: "rows-written-per-call", help: "by a call that takes a token; 3 for rare clients" },
  configAgeSeconds: { flag: "config-age-s", help: "for which an isolate trusts what it read from KV" },
  requestsPerIsolateSecond: { flag: "requests-per-isolate-second", help: "images a second that an isolate sees" },
  logEventsPerInvocation: { flag: "log-events-per-invocation", help: "of Worker and object; 0 without observability" },
};
const ENTRIES = Object.entries(QUANTITIES) as [keyof Workload, { flag: string; help: string }][];

/** For `parseFlags`. */
export const quantityFlags: Record<string, { type: "string" }> = Object.fromEntries(
  ENTRIES.map(([, { flag }]) => [flag, { type: "string" }]),
);

/** One line for each quantity. */
export function quantityHelp(): string {
  const width = Math.max(...ENTRIES.map(([, { flag }]) => flag.length));
  return ENTRIES.map(([name, { flag, help }]) => {
    const standard = DEFAULT_WORKLOAD[name];
    return `  --${flag.padEnd(width)}  ${help}${standard === null ? "" : ` (default ${standard})`}`;
  }).join("\n");
}

/** What thresholds do to the images, of {@link Workload}. */
export interface Rates {
  offloadRate: number;
  gateRate?: number;
}

/**
 * The defaults, but what the flags say. The default gate rate rises with an offload rate above it.
 *
 * @param rates of a file of thresholds; undefined without one
 * @throws UsageError naming the flag
 */
export function readWorkload(values: Record<string, unknown>, rates: Rates | undefined): Workload {
  const given: Partial<Workload> = {};
  for (const [name, { flag }] of ENTRIES) {
    const text = values[flag];
    if (typeof text === "string") given[name] = parseNumber(flag, text);
  }
  if (rates !== undefined && given.offloadRate !== undefined) {
    throw new UsageError("expected --thresholds or --offload-rate, got both");
  }
  const asked = { ...rates, ...given };
  const defaults = withOffloadRate(DEFAULT_WORKLOAD, asked.offloadRate ?? DEFAULT_WORKLOAD.offloadRate);
  const workload = { ...defaults, ...asked };
  withFlagNames(() => checkWorkload(workload));
  return workload;
}

/** What the model says of a field, said of its flag. @throws UsageError */
export function withFlagNames<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    const field = error.message.split(":")[0];
    const flag = ENTRIES.find(([name]) => name === field)?.[1].flag ?? field;
    throw new UsageError(`--${flag}${error.message.slice(field.length)}`);
  }
}

function parseNumber(flag: string, text: string): number {
  const value = text.trim() === "" ? Number.NaN : Number(text);
  if (!Number.isFinite(value)) throw new UsageError(`--${flag}: expected a number, got "${text}"`);
  return value;
}
