// What each policy learns from images and how they come.
import { tokenGrid } from "@spillway/shared/bucket/token-grid";
import { LEAST_RECORDED_IMAGES } from "@spillway/shared/policy/fit-traffic-model";
import { solveThresholds } from "@spillway/shared/policy/value-iteration";
import { mulberry32 } from "@spillway/shared/random/mulberry32";
import { describe, expect, it } from "vitest";
import { readArrival } from "../../../models/src/simulation/arrivals.ts";
import { sortImages } from "../../../models/src/simulation/images.ts";
import {
  drawnRecording,
  experienceOf,
  learnMdp,
  learnPolicy,
  learnThreshold,
  learnTraffic,
  recordedTraffic,
} from "../../../models/src/simulation/learn.ts";
import { UsageError } from "../../../models/src/usage.ts";
import { lineOf, temporaryFolder } from "../arrays/folder.ts";

const { writeArray } = temporaryFolder();
const random = mulberry32(101);
const METRICS = Float64Array.from({ length: 200 }, () => random());
const images = sortImages(METRICS, METRICS);
const periodic = await readArrival("periodic");
const RECORDED = { kind: "recorded" } as const;

describe("learnThreshold", () => {
  it.each([
    ["a tenth of the images", 0.1, "periodic", 180],
    ["a quarter", 0.25, "periodic", 150],
    ["twice as many where they come every other second", 0.1, "geometric:0.5", 160],
    ["all, with a token for each", 1, "periodic", 0],
    ["all, with more than that", 7, "periodic", 0],
  ])("is what so many exceed: %s", async (_, rate, arrival, place) => {
    const policy = learnThreshold({ images, arrival: await readArrival(arrival) }, { rate, depth: 4 });
    expect(policy).toEqual({ kind: "threshold", threshold: images.metrics[place] });
  });

  it("offloads at least the image of the largest metric, however few tokens there are", () => {
    expect(learnThreshold({ images, arrival: periodic }, { rate: 1e-6, depth: 1 }).threshold).toBe(
      images.metrics.at(-1),
    );
  });
});

describe("learnMdp", () => {
  it("solves the grid of the bucket for the law of the arrivals", async () => {
    const arrival = await readArrival("geometric:0.5");
    const grid = tokenGrid(0.25, 3);
    const { thresholds, ...rest } = learnMdp({ images, arrival }, { rate: 0.25, depth: 3 });
    expect(rest).toEqual({ kind: "mdp", grid });
    expect(Array.from(thresholds)).toEqual(solveThresholds(images, grid, arrival.law));
  });

  it("takes intervals that fill the bucket for one, with the same thresholds", async () => {
    const arrival = await readArrival("geometric:0.02");
    const bucket = { rate: 0.25, depth: 3 };
    expect(arrival.law.length).toBeGreaterThan(1000);
    const exact = solveThresholds(images, tokenGrid(0.25, 3), arrival.law);
    expect(Array.from(learnMdp({ images, arrival }, bucket).thresholds)).toEqual(exact);
    // Every sweep would look at 200,000 of them.
    const rare = await readArrival("geometric:0.0001");
    const thresholds = learnMdp({ images, arrival: rare }, bucket).thresholds;
    // The bucket is always full when an image comes: it is worth a token whatever it gains.
    expect(thresholds[thresholds.length - 1]).toBe(images.metrics[0]);
  });

  it.each([
    [0.001, 4],
    [0.1, 1e6],
  ])("says of a rate of %d and a depth of %d that no grid holds them", (rate, depth) => {
    const learn = () => learnMdp({ images, arrival: periodic }, { rate, depth });
    expect(learn).toThrow(UsageError);
    expect(learn).toThrow(/^rate and depth: expected a pair that a grid can hold \(.*\), got .*$/);
  });
});

describe("the traffic", () => {
  it("is learnt once for all buckets", () => {
    const experience = experienceOf({ images, sequence: RECORDED, arrival: periodic }, 7);
    const traffic = experience.traffic();
    expect(experience.traffic()).toBe(traffic);
    for (const bucket of [
      { rate: 0.1, depth: 2 },
      { rate: 0.2, depth: 3 },
    ]) {
      const policy = learnPolicy("belief", experience, bucket);
      expect(policy.kind === "belief" && policy.traffic).toBe(traffic);
    }
  });

  it("is drawn as the seed says, where none was recorded", () => {
    const source = { images, sequence: { kind: "iid" }, arrival: periodic } as const;
    expect(drawnRecording(source, 7)).toEqual(drawnRecording(source, 7));
    expect(drawnRecording(source, 7).metrics).not.toEqual(drawnRecording(source, 8).metrics);
    expect(drawnRecording(source, 7).metrics.length).toBe(40_000);
  });

  it("is a recording as it came, with its own intervals", async () => {
    const seconds = Float64Array.from(METRICS, (_, image) => image % 7);
    const file = writeArray("seconds.npy", { shape: [200], data: seconds });
    const arrival = await readArrival(`intervals:${file}`);
    expect(drawnRecording({ images, sequence: RECORDED, arrival }, 1)).toMatchObject({ metrics: METRICS, seconds });
    expect(recordedTraffic(METRICS, arrival, 1)).toEqual({ metrics: METRICS, seconds });
    expect(() => recordedTraffic(METRICS.subarray(1), arrival, 1)).toThrow("expected 198 intervals");
  });

  it("is learnt from a hundred images in a row, and from no fewer", async () => {
    expect(LEAST_RECORDED_IMAGES).toBe(100);
    const recorded = (count: number) => recordedTraffic(METRICS.subarray(0, count), periodic, 1);
    expect(learnTraffic(images, recorded(100)).difficulty.symbols).toBe(5);
    expect(await lineOf(() => learnTraffic(images, recorded(99)))).toBe(
      "belief: expected at least 100 recorded images to learn from, got 99",
    );
  });
});
