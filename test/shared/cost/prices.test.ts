import { readFileSync } from "node:fs";
import { type PriceList, priceListSchema, pricesWithHost } from "@spillway/shared/cost/prices";
import { parseDocument } from "@spillway/shared/schema/document";
import { describe, expect, it } from "vitest";

const SHIPPED = new URL("../../../models/prices/cloudflare-sagemaker-us-east-1.json", import.meta.url);
const shipped = () => JSON.parse(readFileSync(SHIPPED, "utf8")) as PriceList;
const parse = (list: unknown) => parseDocument(priceListSchema, JSON.stringify(list), "prices.json");

describe("priceListSchema", () => {
  it("takes the shipped list", () => {
    expect(parse(shipped())).toEqual(shipped());
  });

  it.each<[string, (list: PriceList) => unknown, RegExp]>([
    ["a field that is not known", (list) => ({ ...list, egress: 1 }), /^prices.json: .*"egress"/],
    ["a price that is not known", (list) => ({ ...list, worker: { ...list.worker, gpu: 1 } }), /worker: .*"gpu"/],
    ["a missing price", (list) => ({ ...list, worker: {} }), /worker.requestsPerMillion: /],
    ["a negative price", (list) => ({ ...list, hostsPerHour: { a: -0.01 } }), /hostsPerHour.a: /],
    ["no hosts", (list) => ({ ...list, hostsPerHour: {} }), /hostsPerHour: expected at least one host/],
    ["another currency", (list) => ({ ...list, currency: "EUR" }), /currency: /],
    ["a day that is none", (list) => ({ ...list, date: "2026-02-30" }), /date: /],
    ["another version", (list) => ({ ...list, pricesVersion: 2 }), /pricesVersion: /],
  ])("refuses %s", (_, change, message) => {
    expect(() => parse(change(shipped()))).toThrow(message);
  });
});

describe("pricesWithHost", () => {
  it("adds one host's price to the rest", () => {
    expect(pricesWithHost(shipped(), "g5.xlarge")).toEqual({ ...shipped().worker, hostPerHour: 1.408 });
  });

  it.each(["p5.48xlarge", "", "constructor"])("refuses a host that the list has not: %j", (host) => {
    const error = new RangeError(`host: expected one of g4dn.xlarge, g6.xlarge, g5.xlarge, got ${host}`);
    expect(() => pricesWithHost(shipped(), host)).toThrow(error);
  });
});
