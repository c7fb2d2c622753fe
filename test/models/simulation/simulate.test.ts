// Policies on the same sequences, beside the bounds; and the published simulation again.

import { offlineOptimum } from "@spillway/shared/policy/bounds";
import { mulberry32, shuffledIndices } from "@spillway/shared/random/mulberry32";
import { describe, expect, it } from "vitest";
import { type Arrival, readArrival } from "../../../models/src/simulation/arrivals.ts";
import { drawTraffic } from "../../../models/src/simulation/draw-traffic.ts";
import { sortImages } from "../../../models/src/simulation/images.ts";
import { experienceOf, learnMdp, learnPolicy, learnThreshold } from "../../../models/src/simulation/learn.ts";
import { play } from "../../../models/src/simulation/play.ts";
import { reportOf } from "../../../models/src/simulation/report.ts";
import { meanOf, type Simulation, simulate } from "../../../models/src/simulation/simulate.ts";
import { temporaryFolder } from "../arrays/folder.ts";
import { isThere, type ReferenceCase, readEdgeBoost, referenceCases, skipNote } from "./edgeboost.ts";

const { writeArray } = temporaryFolder();
const IMAGES = 500;

/** Metrics evenly spread; an image gains 1 with the metric as its probability, and loses 1 now and then. */
function madeUpImages() {
  const random = mulberry32(91);
  const metrics = Float64Array.from({ length: IMAGES }, () => random());
  return sortImages(
    metrics,
    metrics.map((metric) => (random() < metric ? 1 : random() < 0.1 ? -1 : 0)),
  );
}

const images = madeUpImages();
const periodic = await readArrival("periodic");
const intervals = (name: string, seconds: ArrayLike<number>) =>
  readArrival(`intervals:${writeArray(name, { shape: [seconds.length], data: Float64Array.from(seconds) })}`);
const OPTIONS = { sequences: 6, frames: 400, seed: 3 };
const never = { kind: "threshold", threshold: 2 } as const;
const always = { kind: "threshold", threshold: -1 } as const;

describe("simulate", () => {
  it("is play on each of the drawn sequences", async () => {
    const source = { images, sequence: { kind: "iid" } as const, arrival: await readArrival("geometric:0.5") };
    const bucket = { rate: 0.1, depth: 2 };
    const policies = { threshold: learnThreshold(source, bucket), mdp: learnMdp(source, bucket) };
    const shares: number[] = [];
    const simulation = simulate(source, bucket, policies, OPTIONS, (share) => shares.push(share));
    expect(shares.map((share) => Math.round(share * 6))).toEqual([1, 2, 3, 4, 5, 6]);
    expect(simulation).toMatchObject({ sequences: 6, frames: 2400 });
    for (const [name, policy] of Object.entries(policies)) {
      const played = drawTraffic(source, OPTIONS).map((draw) => play(policy, draw(), bucket));
      const { rewards, offloadRate } = simulation.policies[name];
      expect(Array.from(rewards)).toEqual(played.map(({ reward }) => reward / 400));
      expect(offloadRate).toBe(played.reduce((sum, { offloads }) => sum + offloads, 0) / 2400);
    }
    drawTraffic(source, OPTIONS).forEach((draw, index) => {
      const { rewards, seconds } = draw();
      expect(simulation.offlineOptimum?.[index]).toBe(offlineOptimum(rewards, seconds, { q: 1, p: 10, m: 20 }));
    });
  });

  it.each<[string, number, number, readonly number[]]>([
    ["whole seconds", 0.1, 2, [1, 3, 0, 2]],
    ["fractions of seconds, which fill fractions of levels", 0.1, 2, [0.25, 0.5, 0.125, 1.6]],
    ["a rate that its grid holds only nearly", 0.0137, 2, [1, 7, 30]],
    ["such a rate, the other way", 0.01387, 1, [4, 9]],
    ["more tokens in a moment than any bucket holds", 1e6, 3, [1e6, 0, 0, 1]],
  ])("has an optimum that no policy exceeds: %s", async (_, rate, depth, seconds) => {
    const source = { images, sequence: { kind: "iid" } as const, arrival: await intervals("fills.npy", seconds) };
    const bucket = { rate, depth };
    const policies = Object.fromEntries(
      [-1, 0.2, 0.5, 0.8, 0.95].map((threshold) => [`${threshold}`, { kind: "threshold", threshold } as const]),
    );
    const simulation = simulate(source, bucket, { ...policies, mdp: learnMdp(source, bucket) }, OPTIONS);
    for (const { rewards } of Object.values(simulation.policies)) {
      rewards.forEach((reward, index) => {
        expect(simulation.offlineOptimum?.[index]).toBeGreaterThanOrEqual(reward - 1e-12);
      });
    }
  });

  it("has an optimum of the bucket's own rate, where its grid misses that a little", () => {
    // 96 images a token on the grid, 95.6 in truth: of 958 images the tenth new token comes in time only in truth.
    const [rate, depth] = [0.01046, 2];
    const equal = sortImages(new Float64Array(9).fill(0.5), new Float64Array(9).fill(1));
    const source = { images: equal, sequence: { kind: "iid" } as const, arrival: periodic };
    const played = simulate(source, { rate, depth }, { always }, { sequences: 1, frames: 958, seed: 1 });
    expect(played.policies.always.rewards[0]).toBeCloseTo(12 / 958, 12);
    expect(played.offlineOptimum?.[0]).toBeCloseTo(12 / 958, 12);
  });

  it("knows no optimum of a bucket that no grid holds", () => {
    const source = { images, sequence: { kind: "iid" } as const, arrival: periodic };
    expect(simulate(source, { rate: 0.001, depth: 2 }, { never }, OPTIONS).offlineOptimum).toBeNull();
  });

  it("has bounds between which policies that offload nothing and everything lie", () => {
    const source = { images, sequence: { kind: "iid" } as const, arrival: periodic };
    const { policies, offlineOptimum } = simulate(source, { rate: 9, depth: 9 }, { never, always }, OPTIONS);
    expect(policies.never).toEqual({ rewards: new Float64Array(6), offloadRate: 0 });
    expect(policies.always.offloadRate).toBe(1);
    // Some images lose.
    policies.always.rewards.forEach((reward, index) => {
      expect(offlineOptimum?.[index]).toBeGreaterThan(reward);
    });
  });

  // Of images of one metric a policy takes any, the bound those that happen to come last in the file.
  it("has a lower bound that does not depend on the order of images of equal metric", () => {
    const bound = (rewards: number[]) => {
      const equal = sortImages(new Float64Array(4).fill(0.5), Float64Array.from(rewards));
      const source = { images: equal, sequence: { kind: "iid" } as const, arrival: periodic };
      return simulate(source, { rate: 0.25, depth: 1 }, { never }, OPTIONS).rewardBound;
    };
    expect(bound([0, 0, 0, 1])).toBe(bound([1, 0, 0, 0]));
  });
});

describe("meanOf", () => {
  it("is the mean and its standard error, which one number alone does not have", () => {
    expect(meanOf(Float64Array.of(1, 2, 3, 6))).toEqual({ mean: 3, standardError: Math.sqrt(14 / 3 / 4) });
    expect(meanOf(Float64Array.of(2))).toEqual({ mean: 2, standardError: null });
  });
});

describe("reportOf", () => {
  const simulation: Simulation = {
    images: sortImages(Float64Array.of(0.1, 0.2, 0.3, 0.4), Float64Array.of(0, 0, 0.5, 1)),
    policies: {
      threshold: { rewards: Float64Array.of(0.15, 0.25), offloadRate: 0.25 },
      better: { rewards: Float64Array.of(0.3, 0.3), offloadRate: 0.5 },
    },
    rewardBound: 0.4,
    offlineOptimum: Float64Array.of(0.5, 0.7),
    sequences: 2,
    frames: 20,
  };

  it("counts losses from the edge's", () => {
    const report = reportOf(simulation, 0.75);
    expect(report.lossFrom).toBe("edge-loss");
    const numbers = { ...report.policies.threshold, ...report };
    expect(numbers.loss).toBeCloseTo(0.55, 12);
    expect(numbers.reward).toBeCloseTo(0.2, 12);
    expect(numbers.standardError).toBeCloseTo(0.05, 12);
    expect(numbers.offloadRate).toBe(0.25);
    expect(numbers.gapClosed).toBe(0);
    expect(report.policies.better.loss).toBeCloseTo(0.45, 12);
    expect(report.policies.better.gapClosed).toBeCloseTo(0.5, 12);
    expect(report.lowerBound).toBeCloseTo(0.35, 12);
    expect(report.offlineOptimum).toBeCloseTo(0.15, 12);
    expect([report.edgeLoss, report.cloudLoss]).toEqual([0.75, 0.375]);
  });

  it("counts them from 0 where the edge's are not known", () => {
    const report = reportOf(simulation, null);
    expect(report).toMatchObject({ lossFrom: "edge", edgeLoss: 0, cloudLoss: -0.375, lowerBound: -0.4 });
    expect(report.policies.better.loss).toBeCloseTo(-0.3, 12);
  });

  it("knows no gap without a baseline, or where the baseline is within two errors of the bound", () => {
    const { better } = simulation.policies;
    expect(reportOf({ ...simulation, policies: { better } }, null).policies.better.gapClosed).toBeNull();
    const gapAt = (rewardBound: number) => reportOf({ ...simulation, rewardBound }, null).policies.better.gapClosed;
    expect([gapAt(0.2), gapAt(0.299)]).toEqual([null, null]);
    expect(gapAt(0.301)).toBeCloseTo(0.1 / 0.101, 12);
    expect(reportOf({ ...simulation, offlineOptimum: null }, null).offlineOptimum).toBeNull();
  });
});

describe.skipIf(!isThere)(`the published simulation on EdgeBoost's outputs${skipNote}`, () => {
  /** Half as many as published: the reference's own error is smaller than this one's by the root of that. */
  const HALF = { sequences: 100, frames: 20_000, seed: 1 };
  const { metrics, rewards, edgeLosses } = isThere
    ? readEdgeBoost()
    : { metrics: new Float64Array(), rewards: new Float64Array(), edgeLosses: new Float64Array() };
  const edgeBoost = sortImages(metrics, rewards);

  async function arrivalOf({ arrival }: ReferenceCase): Promise<Arrival> {
    if (arrival.kind === "periodic") return periodic;
    if (arrival.kind === "geometric") return readArrival(`geometric:${arrival.p}`);
    // As often as the reference draws them, in an order that is as good as drawn.
    const count = 40 * (arrival.n1 + arrival.n3);
    const order = shuffledIndices(count, mulberry32(5));
    return intervals(
      "sampled.npy",
      order.map((index) => (index < 40 * arrival.n1 ? 1 : 3)),
    );
  }

  const cases = referenceCases().map((each) => ({
    ...each,
    name: `rate ${each.rate}, depth ${each.depth}, ${each.arrival.kind}`,
  }));

  it("has seven cases", () => expect(cases.length).toBe(7));

  it.each(cases)("has the reference's losses, offloads and bound: $name", async (each) => {
    const { rate, depth } = each;
    const source = { images: edgeBoost, sequence: { kind: "iid" } as const, arrival: await arrivalOf(each) };
    expect(source.arrival.mean).toBeCloseTo(each.meanInterArrival, 9);
    const experience = experienceOf(source, 7);
    const baseline = learnThreshold(source, { rate, depth });
    const rank = (threshold: number) => edgeBoost.metrics.findIndex((metric) => metric >= threshold - 1e-6);
    expect(Math.abs(rank(baseline.threshold) - rank(each.baselineThreshold))).toBeLessThanOrEqual(1);
    const policies = { threshold: baseline, mdp: learnPolicy("mdp", experience, { rate, depth }) };
    const edgeLoss = meanOf(edgeLosses).mean;
    const simulation = simulate(source, { rate, depth }, policies, HALF);
    const report = reportOf(simulation, edgeLoss);

    expect(report.edgeLoss).toBeCloseTo(each.edgeLoss, 9);
    expect(report.cloudLoss).toBeCloseTo(each.cloudLoss, 9);
    expect(report.lowerBound).toBeCloseTo(each.lowerBoundLoss, 9);
    for (const [name, loss, offload] of [
      ["threshold", each.baselineLoss, each.baselineOffload],
      ["mdp", each.mdpLoss, each.mdpOffload],
    ] as const) {
      const { standardError } = report.policies[name];
      // Both were drawn, each with an error of its own.
      const error = Math.sqrt(1.5) * (standardError as number);
      expect(Math.abs(report.policies[name].loss - loss)).toBeLessThan(3 * error);
      expect(error).toBeLessThan(0.001);
      expect(Math.abs(report.policies[name].offloadRate - offload)).toBeLessThan(0.001);
    }
    expect(report.offlineOptimum).toBeLessThan(report.policies.mdp.loss);
  });
});
