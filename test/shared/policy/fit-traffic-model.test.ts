// What is learnt from recorded traffic: a known truth is found again, and nothing is found where there is none.
import {
  fitTrafficModel,
  LEAST_RECORDED_IMAGES,
  type RecordedTraffic,
  type TrafficFitOptions,
} from "@spillway/shared/policy/fit-traffic-model";
import { stationaryBelief } from "@spillway/shared/policy/hidden-markov";
import type { TrafficModel } from "@spillway/shared/policy/traffic-model";
import { mulberry32 } from "@spillway/shared/random/mulberry32";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { expectClose } from "../close.ts";

/** Evenly spread metrics that gain what they say. */
const LABELLED = labelledOf((metric) => metric);
const FAST: TrafficFitOptions = { difficultyStates: [1, 2], maxSteps: 10 };

function labelledOf(rewardOf: (metric: number) => number, images = 200) {
  const metrics = Float64Array.from({ length: images }, (_, image) => (image + 0.5) / images);
  return { metrics, rewards: metrics.map(rewardOf) };
}

/** A two-state chain and what it shows: each state's number is drawn anew for every image. */
function drawChain(images: number, leave: [number, number], show: [() => number, () => number], random: () => number) {
  let state = 0;
  return Float64Array.from({ length: images }, () => {
    const shown = show[state]();
    if (random() < leave[state]) state = 1 - state;
    return shown;
  });
}

function independentTraffic(images: number, seed: number): RecordedTraffic {
  const random = mulberry32(seed);
  return {
    metrics: Float64Array.from({ length: images }, random),
    seconds: Float64Array.from({ length: images }, () => (random() < 0.5 ? 1 : 3)),
  };
}

function expectSound({ difficulty, bandEdges, bandGains, pace, paceEdges, paceSeconds, gain }: TrafficModel): void {
  for (const rising of [bandEdges, paceEdges, paceSeconds, gain.metrics, gain.gains]) {
    expect(rising.every((value, at) => Number.isFinite(value) && (at === 0 || value > rising[at - 1]))).toBe(true);
  }
  expect(bandGains).toEqual(bandGains.toSorted());
  expect([bandEdges.length, bandGains.length]).toEqual([difficulty.symbols - 1, difficulty.symbols]);
  expect([paceEdges.length, paceSeconds.length]).toEqual([pace.symbols - 1, pace.symbols]);
  expect(paceSeconds[0]).toBeGreaterThanOrEqual(0);
  expect(gain.metrics.length).toBe(gain.gains.length);
  for (const { states, symbols, transitions, emissions } of [difficulty, pace]) {
    expect([transitions.length, emissions.length]).toEqual([states * states, states * symbols]);
    for (let state = 0; state < states; state++) {
      const sumOf = (values: Float64Array, columns: number) =>
        values.slice(state * columns, (state + 1) * columns).reduce((sum, value) => sum + value, 0);
      expect(sumOf(transitions, states)).toBeCloseTo(1, 12);
      expect(sumOf(emissions, symbols)).toBeCloseTo(1, 12);
    }
  }
}

describe("fitTrafficModel", () => {
  it("finds two states of difficulty and two of pace again", () => {
    const images = 12_000;
    const random = mulberry32(61);
    const metrics = drawChain(images, [0.05, 0.02], [() => 0.6 * random(), () => 0.4 + 0.6 * random()], random);
    const seconds = drawChain(images, [0.01, 0.03], [() => 1, () => 3], random);
    const model = fitTrafficModel({ metrics, seconds }, LABELLED, { difficultyStates: [1, 2, 3], bands: 10 });
    expectSound(model);
    expect([model.difficulty.states, model.pace.states]).toEqual([2, 2]);
    expectClose(model.difficulty.transitions, [0.95, 0.05, 0.02, 0.98], 0.01);
    expectClose(stationaryBelief(model.difficulty), [2 / 7, 5 / 7], 0.06);
    expectClose(model.pace.transitions, [0.99, 0.01, 0.03, 0.97], 0.007);
    expectClose(model.pace.emissions, [1, 0, 0, 1], 1e-3);
    expect([model.paceEdges, model.paceSeconds]).toEqual([Float64Array.of(2), Float64Array.of(1, 3)]);
    // The easier state shows metrics below 0.6 alone, the other above 0.4.
    const { symbols, emissions } = model.difficulty;
    model.bandEdges.forEach((edge, band) => {
      if (edge > 0.65) expect(emissions[band + 1]).toBeLessThan(0.01);
      if (edge < 0.35) expect(emissions[symbols + band]).toBeLessThan(0.01);
    });
  });

  it.each([1, 2, 3])("sees one state where images are independent of each other, seed %d", (seed) => {
    const model = fitTrafficModel(independentTraffic(4000, seed), LABELLED, { difficultyStates: [1, 2, 8], bands: 20 });
    expect([model.difficulty.states, model.pace.states]).toEqual([1, 1]);
    // An image in each band, give or take one of a hundred.
    expectClose(model.difficulty.emissions, new Array(20).fill(1 / 20), 0.002);
    expectClose(model.pace.emissions, [0.5, 0.5], 0.04);
    expectClose(
      model.bandGains,
      Array.from({ length: 20 }, (_, band) => (band + 0.5) / 20),
      0.02,
    );
  });

  it("is sound for any recording, however few the different numbers in it", () => {
    const few = (values: readonly number[]) => fc.array(fc.constantFrom(...values), { minLength: 100, maxLength: 130 });
    const metric = fc.oneof(few([0]), few([0, 1]), few([-1, 0.2, 0.2 + 1e-15, 0.7, 1]));
    const numbers = fc.array(fc.double({ min: 0, max: 5, noNaN: true }), { minLength: 130, maxLength: 130 });
    const interval = fc.oneof(few([1]), few([0]), few([0, 1, 1e6]), numbers);
    fc.assert(
      fc.property(metric, interval, (metrics, seconds) => {
        const images = Math.min(metrics.length, seconds.length);
        const recorded = {
          metrics: Float64Array.from(metrics.slice(0, images)),
          seconds: Float64Array.from(seconds.slice(0, images)),
        };
        const model = fitTrafficModel(recorded, LABELLED, FAST);
        expectSound(model);
        expect(model.difficulty.symbols).toBeLessThanOrEqual(Math.min(images / 20, new Set(metrics).size));
        expect(model.pace.symbols).toBeLessThanOrEqual(Math.min(16, new Set(recorded.seconds.slice(0, -1)).size));
      }),
      { seed: 62, numRuns: 60 },
    );
  });

  // What lies midway between two neighbours is one of them, and may leave the other's band empty.
  it("tells intervals apart that are neighbours among floating-point numbers", () => {
    const seconds = Float64Array.from({ length: 100 }, (_, image) => (image % 2 === 0 ? 0.3 : 0.1 + 0.2));
    const model = fitTrafficModel({ metrics: independentTraffic(100, 1).metrics, seconds }, LABELLED, FAST);
    expectSound(model);
    expect(model.paceSeconds).toEqual(Float64Array.of(0.3, 0.1 + 0.2));
  });

  it("has one band and one state for metrics or intervals that are all equal", () => {
    const recorded = { metrics: new Float64Array(100).fill(0.25), seconds: new Float64Array(100).fill(2) };
    const model = fitTrafficModel(recorded, LABELLED);
    expectSound(model);
    expect(model).toMatchObject({
      difficulty: { states: 1, symbols: 1 },
      pace: { states: 1, symbols: 1 },
      paceSeconds: Float64Array.of(2),
    });
    expect(model.bandGains[0]).toBeCloseTo(0.25, 12);
  });

  it.each([
    ["16 different intervals as they are", 16, 16],
    ["more in as many bands", 17, 16],
  ])("keeps %s", (_, different, bands) => {
    const { metrics } = independentTraffic(400, 4);
    const seconds = Float64Array.from({ length: 400 }, (_, image) => 1 + (image % different));
    const { paceSeconds, pace } = fitTrafficModel({ metrics, seconds }, LABELLED, FAST);
    expect(pace.symbols).toBe(bands);
    if (different === bands) expect(Array.from(paceSeconds)).toEqual(Array.from({ length: 16 }, (_, at) => at + 1));
    const mean = seconds.subarray(0, -1).reduce((sum, value) => sum + value, 0) / 399;
    const shares = pace.states === 1 ? pace.emissions : null;
    const meanOfBands = shares?.reduce((sum, share, band) => sum + share * paceSeconds[band], 0);
    // The priors of a fit count 0.01 a band.
    if (meanOfBands !== undefined) expect(Math.abs(meanOfBands - mean)).toBeLessThan(0.01);
  });

  it("does not look at the interval after the last image", () => {
    const { metrics, seconds } = independentTraffic(200, 5);
    const changed = Float64Array.from(seconds).with(-1, 1e6);
    expect(fitTrafficModel({ metrics, seconds: changed }, LABELLED, FAST)).toEqual(
      fitTrafficModel({ metrics, seconds }, LABELLED, FAST),
    );
  });

  it("joins the means of the gain's stretches by straight lines", () => {
    const labelled = {
      metrics: Float64Array.of(0.75, 0.25, 0.5, 0.25, 1),
      rewards: Float64Array.of(0, -1, 1, 0, 1),
    };
    const { gain } = fitTrafficModel(independentTraffic(100, 6), labelled, FAST);
    // -1 and 0 share a metric; 1 and 0 fall, so they are one stretch.
    expectClose(gain.metrics, [0.25, 0.625, 1], 1e-12);
    expectClose(gain.gains, [-0.5, 0.5, 1], 1e-12);
  });

  it("knows one gain where it falls as the metric rises", () => {
    const { gain, bandGains } = fitTrafficModel(
      independentTraffic(100, 7),
      labelledOf((metric) => 1 - metric),
      FAST,
    );
    expect([gain.metrics.length, gain.gains.length]).toEqual([1, 1]);
    for (const value of [gain.metrics[0], gain.gains[0], ...bandGains]) expect(value).toBeCloseTo(0.5, 12);
  });

  it("takes the shortest recording, and none that is shorter", () => {
    const { metrics, seconds } = independentTraffic(LEAST_RECORDED_IMAGES, 8);
    expectSound(fitTrafficModel({ metrics, seconds }, LABELLED, FAST));
    const short = { metrics: metrics.subarray(1), seconds: seconds.subarray(1) };
    expect(() => fitTrafficModel(short, LABELLED)).toThrow(
      new RangeError("metrics and seconds: expected as many of each, at least 100, got 99 and 99"),
    );
  });

  it.each<[string, number, number, string]>([
    ["metrics", 3, Number.NaN, "metrics: expected a finite number at 3, got NaN"],
    ["metrics", 0, Number.POSITIVE_INFINITY, "metrics: expected a finite number at 0, got Infinity"],
    ["seconds", 7, Number.NaN, "seconds: expected at least 0 at 7, got NaN"],
    ["seconds", 0, -1e-9, "seconds: expected at least 0 at 0, got -1e-9"],
    ["seconds", 98, Number.POSITIVE_INFINITY, "seconds: expected at least 0 at 98, got Infinity"],
  ])("refuses %s that hold at %d the number %d", (name, at, value, message) => {
    const recorded = independentTraffic(100, 9);
    const spoilt = { ...recorded, [name]: recorded[name as "metrics" | "seconds"].with(at, value) };
    expect(() => fitTrafficModel(spoilt, LABELLED)).toThrow(new RangeError(message));
  });

  it.each<[string, number[], number[]]>([
    ["no labelled images", [], []],
    ["fewer rewards than metrics", [0, 1], [0]],
    ["a metric that is NaN", [0, Number.NaN], [0, 1]],
    ["a reward that is NaN", [0, 1], [0, Number.NaN]],
  ])("refuses %s", (_, metrics, rewards) => {
    const labelled = { metrics: Float64Array.from(metrics), rewards: Float64Array.from(rewards) };
    expect(() => fitTrafficModel(independentTraffic(100, 10), labelled, FAST)).toThrow(RangeError);
  });

  it("refuses intervals that are not one for each image", () => {
    const { metrics, seconds } = independentTraffic(120, 11);
    expect(() => fitTrafficModel({ metrics, seconds: seconds.subarray(1) }, LABELLED)).toThrow("got 120 and 119");
  });
});
