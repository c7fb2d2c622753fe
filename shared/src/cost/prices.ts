// A price list: what one provider of edge compute asks for each thing it meters, and what GPU hosts
// cost an hour. It is a file, because prices change and differ by contract.
import { z } from "zod";

const price = z.number().min(0).max(1_000_000);
const text = z.string().min(1).max(1000);

export const priceListSchema = z.strictObject({
  pricesVersion: z.literal(1),
  name: text,
  /** The day on which the prices were true. */
  date: z.iso.date(),
  currency: z.literal("USD"),
  /** Where the figures come from. */
  source: text,
  worker: z.strictObject({
    requestsPerMillion: price,
    cpuPerMillionMs: price,
    kvReadsPerMillion: price,
    durableObjectRequestsPerMillion: price,
    durableObjectPerMillionGbSeconds: price,
    rowsWrittenPerMillion: price,
    logEventsPerMillion: price,
  }),
  /** Dollars an hour by kind of host. */
  hostsPerHour: z
    .record(z.string().min(1).max(100), price)
    .refine((hosts) => Object.keys(hosts).length > 0, "expected at least one host"),
});
export type PriceList = z.infer<typeof priceListSchema>;

/** The prices of one deployment, in dollars: the list's, with one kind of host. */
export type Prices = PriceList["worker"] & { hostPerHour: number };

/** @throws RangeError naming the hosts that the list has */
export function pricesWithHost({ worker, hostsPerHour }: PriceList, host: string): Prices {
  if (!Object.hasOwn(hostsPerHour, host)) {
    throw new RangeError(`host: expected one of ${Object.keys(hostsPerHour).join(", ")}, got ${host}`);
  }
  return { ...worker, hostPerHour: hostsPerHour[host] };
}
