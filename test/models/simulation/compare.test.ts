// One setting changed at a time: each setting once, and files where they belong.

import { mulberry32 } from "@spillway/shared/random/mulberry32";
import type { PolicyFileOf } from "@spillway/shared/schema/policy";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { readArrival } from "../../../models/src/simulation/arrivals.ts";
import type { NamedPolicyFile } from "../../../models/src/simulation/chosen-policies.ts";
import { type Comparison, compare } from "../../../models/src/simulation/compare.ts";
import { sortImages } from "../../../models/src/simulation/images.ts";
import { reportOf } from "../../../models/src/simulation/report.ts";
import * as simulation from "../../../models/src/simulation/simulate.ts";
import { MADE_FOR, validBeliefPolicy, validMdpPolicy, validQNetworkPolicy } from "../../shared/schema/policies.ts";

vi.mock(import("../../../models/src/simulation/simulate.ts"), async (original) => {
  const actual = await original();
  return { ...actual, simulate: vi.fn(actual.simulate) };
});

const random = mulberry32(111);
const METRICS = Float64Array.from({ length: 150 }, () => random());
const images = sortImages(METRICS, METRICS);
const ARRIVAL = "modulated:1,2,0.1,0.1";
const BASE: Comparison = {
  images,
  edgeLoss: 0.5,
  learning: images,
  bucket: MADE_FOR,
  sequence: { kind: "location-reset", spread: 0.1, reset: 0.01 },
  arrival: await readArrival(ARRIVAL),
  arrivalText: ARRIVAL,
  policies: ["threshold", "mdp", "q-network"],
  files: [],
  draw: { sequences: 2, frames: 50, seed: 1 },
  learningSeed: 2,
};
const played = vi.mocked(simulation.simulate);
beforeEach(() => void played.mockClear());

function networkOf(trainedOn: Record<string, unknown> | undefined, change: Partial<PolicyFileOf<"q-network">> = {}) {
  return { name: "q.json", file: { ...validQNetworkPolicy(), ...change, ...(trainedOn && { trainedOn }) } };
}

const namesIn = (comparison: Comparison, rate = MADE_FOR.rate) => {
  const {
    figures: [figure],
  } = compare(comparison, [{ varied: "rate", values: [rate] }], () => {});
  return Object.keys(figure.cells[0].report.policies);
};

describe("compare", () => {
  it("changes one setting at a time, from the one that is given", () => {
    const done = vi.fn();
    const { figures } = compare(
      BASE,
      [
        { varied: "rate", values: [0.25, 1] },
        { varied: "depth", values: [3] },
        { varied: "spread", values: [0.5] },
        { varied: "reset", values: [1] },
      ],
      done,
    );
    expect(figures.map(({ varied, cells }) => [varied, cells.map(({ value }) => value)])).toEqual([
      ["rate", [0.25, 1]],
      ["depth", [3]],
      ["spread", [0.5]],
      ["reset", [1]],
    ]);
    expect(done).toHaveBeenCalledTimes(5);
    const settings = played.mock.calls.map(([source, bucket]) => ({ ...bucket, ...source.sequence }));
    const base = { ...MADE_FOR, ...BASE.sequence };
    expect(settings).toEqual([
      { ...base, rate: 0.25 },
      { ...base, rate: 1 },
      { ...base, depth: 3 },
      { ...base, spread: 0.5 },
      { ...base, reset: 1 },
    ]);
  });

  it("simulates a setting once, however often it is asked for", () => {
    const done = vi.fn();
    const { figures } = compare(
      BASE,
      [
        { varied: "rate", values: [0.5, 0.25, 0.5] },
        { varied: "depth", values: [2, 2] },
        { varied: "reset", values: [0.01, 0.1] },
      ],
      done,
    );
    expect(played).toHaveBeenCalledTimes(3);
    expect(done).toHaveBeenCalledTimes(7);
    const base = figures[0].cells[0].report;
    for (const cell of [figures[0].cells[2], ...figures[1].cells, figures[2].cells[0]]) expect(cell.report).toBe(base);
  });

  it("reports what a simulation of that setting reports", () => {
    const { figures } = compare(BASE, [{ varied: "rate", values: [0.25] }], () => {});
    const [{ cells }] = figures;
    const [[source, bucket, policies, options]] = played.mock.calls;
    expect(options).toEqual(BASE.draw);
    expect(source).toEqual({ images, sequence: BASE.sequence, arrival: BASE.arrival });
    expect(cells[0].report).toEqual(reportOf(simulation.simulate(source, bucket, policies, options), 0.5));
  });

  it("learns on its own images, and judges on the others", () => {
    const lower = sortImages(
      METRICS.map((metric) => metric / 2),
      METRICS,
    );
    compare({ ...BASE, learning: lower, policies: ["threshold"] }, [{ varied: "rate", values: [1e-6] }], () => {});
    const [[source, , policies]] = played.mock.calls;
    expect(policies.threshold).toEqual({ kind: "threshold", threshold: lower.metrics.at(-1) });
    expect(source.images).toBe(images);
  });

  it.each(["spread", "reset"] as const)("has no %s to change where images are independent", (varied) => {
    expect(() => compare({ ...BASE, sequence: { kind: "iid" } }, [{ varied, values: [1] }], () => {})).toThrow(
      new RangeError(`${varied}: a sequence of kind iid has none`),
    );
  });
});

describe("a trained network", () => {
  const trainedOn = { arrival: ARRIVAL, sequence: "location-reset:0.1,0.01" };
  const all = ["threshold", "mdp", "q-network"];
  const without = ["threshold", "mdp"];

  it.each<[string, NamedPolicyFile[], string[]]>([
    ["of the setting", [networkOf(trainedOn)], all],
    ["whose numbers are written otherwise", [networkOf({ ...trainedOn, sequence: "location-reset:.10,1e-2" })], all],
    ["of another sequence", [networkOf({ ...trainedOn, sequence: "location-reset:0.1,0.1" })], without],
    ["of no sequence", [networkOf({ arrival: ARRIVAL })], without],
    ["of other arrivals", [networkOf({ ...trainedOn, arrival: "periodic" })], without],
    ["that does not say", [networkOf(undefined)], without],
    ["of another bucket", [networkOf(trainedOn, { unitSeconds: 2 })], without],
    ["among others", [networkOf({ ...trainedOn, arrival: "periodic" }), networkOf(trainedOn)], all],
    ["that is missing", [], without],
  ])("has a point where it fits: one %s", (_, files, names) => {
    expect(namesIn({ ...BASE, files })).toEqual(names);
  });

  it("has none at another rate", () => {
    expect(namesIn({ ...BASE, files: [networkOf(trainedOn)] }, 0.25)).toEqual(without);
  });
});

describe("other files", () => {
  const chosen = (name: string) => played.mock.calls[0][2][name];

  it("of an MDP are used for its bucket, whatever the sequence, and learnt elsewhere", () => {
    const file = { name: "m.json", file: { ...validMdpPolicy(), trainedOn: { arrival: ARRIVAL } } };
    namesIn({ ...BASE, files: [file] });
    expect(chosen("mdp")).toMatchObject({ thresholds: Float64Array.from([0.5, 0.25, 0.125]) });
    played.mockClear();
    namesIn({ ...BASE, files: [file] }, 0.25);
    expect(chosen("mdp")).toMatchObject({ grid: { q: 1, p: 4, m: 8 } });
  });

  it("of a belief serve every bucket of their traffic", () => {
    const trainedOn = { arrival: ARRIVAL, sequence: "location-reset:0.1,0.01" };
    const files = [{ name: "b.json", file: { ...validBeliefPolicy(), trainedOn } }];
    namesIn({ ...BASE, policies: ["belief"], files }, 0.25);
    expect(chosen("belief")).toMatchObject({
      traffic: { paceSeconds: Float64Array.of(1, 2), bandGains: Float64Array.of(0, 0.2, 0.5) },
    });
  });

  it("is named where it fits no setting, and the MDP has no point where no grid holds the bucket", () => {
    const files = [networkOf({ arrival: ARRIVAL, sequence: "iid" })];
    const rates = [{ varied: "rate" as const, values: [1e-6, MADE_FOR.rate] }];
    const { figures, unusedFiles } = compare({ ...BASE, files, policies: ["threshold", "mdp"] }, rates, () => {});
    expect(unusedFiles).toEqual(["q.json"]);
    const [coarse, fine] = figures[0].cells.map(({ report }) => Object.keys(report.policies));
    expect(coarse).toEqual(["threshold"]);
    expect(fine).toEqual(["threshold", "mdp"]);
  });
});
