// The sequences of a simulation: the same for the same seed, and a recording exactly as it was.
import { describe, expect, it } from "vitest";
import { type Arrival, readArrival } from "../../../models/src/simulation/arrivals.ts";
import { drawTraffic, secondsOfRecording, type TrafficSource } from "../../../models/src/simulation/draw-traffic.ts";
import { sortImages } from "../../../models/src/simulation/images.ts";
import type { Sequence } from "../../../models/src/simulation/sequences.ts";
import { temporaryFolder } from "../arrays/folder.ts";

const { writeArray } = temporaryFolder();
const METRICS = Float64Array.of(0.5, 0.1, 0.9, 0.3, 0.7, 0.2, 0.8);
const REWARDS = Float64Array.of(5, 1, 9, 3, 7, 2, 8);
const SECONDS = Float64Array.of(1, 2, 3, 4, 5, 6, 7);
const images = sortImages(METRICS, REWARDS);
const OPTIONS = { sequences: 5, frames: 40, seed: 1 };

async function sourceOf(sequence: Sequence, arrival = "periodic"): Promise<TrafficSource> {
  return { images, sequence, arrival: await readArrival(arrival) };
}

const recordedArrival = (seconds: Float64Array): Promise<Arrival> =>
  readArrival(`intervals:${writeArray(`${seconds.length}.npy`, { shape: [seconds.length], data: seconds })}`);

const IID: Sequence = { kind: "iid" };
const LOCATION: Sequence = { kind: "location-reset", spread: 0.4, reset: 0.2 };
const RECORDED: Sequence = { kind: "recorded" };

it("sorts images by metric, and knows where each of them went", () => {
  expect(images.metrics).toEqual(METRICS.toSorted());
  expect(images.rewards).toEqual(REWARDS.toSorted());
  expect(Array.from(images.placeOfArrival, (place) => images.metrics[place])).toEqual(Array.from(METRICS));
});

describe("drawn sequences", () => {
  it.each([IID, LOCATION])("are of the images, each with its own reward: $kind", async (sequence) => {
    const drawn = drawTraffic(await sourceOf(sequence, "geometric:0.5"), OPTIONS);
    expect(drawn.length).toBe(5);
    for (const draw of drawn) {
      const { metrics, rewards, seconds } = draw();
      expect([metrics.length, rewards.length, seconds.length]).toEqual([40, 40, 40]);
      metrics.forEach((metric, frame) => {
        expect(rewards[frame]).toBeCloseTo(metric * 10, 12);
      });
      expect(seconds.every((value) => Number.isInteger(value) && value >= 1)).toBe(true);
    }
  });

  it("are the same for the same seed, however often they are asked for, and others for another", async () => {
    const source = await sourceOf(IID, "geometric:0.5");
    const all = (seed: number) => drawTraffic(source, { ...OPTIONS, seed }).map((draw) => draw());
    const drawn = drawTraffic(source, OPTIONS);
    expect(drawn.map((draw) => draw())).toEqual(all(1));
    expect(drawn.map((draw) => draw())).toEqual(all(1));
    expect(all(2)).not.toEqual(all(1));
    expect(new Set(all(1).map(({ metrics }) => metrics.join())).size).toBe(5);
  });

  it("are a beginning of more sequences", async () => {
    const source = await sourceOf(LOCATION);
    const [few, many] = [2, 5].map((sequences) => drawTraffic(source, { ...OPTIONS, sequences }));
    expect(few.map((draw) => draw())).toEqual(many.slice(0, 2).map((draw) => draw()));
  });

  it("show the same images whatever the arrivals", async () => {
    const metricsOf = async (arrival: string) => drawTraffic(await sourceOf(IID, arrival), OPTIONS)[0]().metrics;
    expect(await metricsOf("geometric:0.5")).toEqual(await metricsOf("periodic"));
  });
});

describe("a recording", () => {
  it("is exactly as in the file", async () => {
    const [draw, ...more] = drawTraffic(await sourceOf(RECORDED), OPTIONS);
    expect(more).toEqual([]);
    expect(draw()).toEqual({ metrics: METRICS, rewards: REWARDS, seconds: new Float64Array(7).fill(1) });
  });

  it.each([
    [200, 7, [[0, 7]]],
    [200, 6, [[0, 6]]],
    [
      200,
      3,
      [
        [0, 3],
        [3, 6],
      ],
    ],
    [1, 3, [[0, 3]]],
    [200, 1, [0, 1, 2, 3, 4, 5, 6].map((at) => [at, at + 1])],
  ])("is cut into at most %d sequences of %d images", async (sequences, frames, pieces) => {
    const arrival = await recordedArrival(SECONDS);
    const drawn = drawTraffic({ images, sequence: RECORDED, arrival }, { sequences, frames, seed: 1 });
    expect(drawn.map((draw) => draw())).toEqual(
      pieces.map(([from, to]) => ({
        metrics: METRICS.slice(from, to),
        rewards: REWARDS.slice(from, to),
        seconds: SECONDS.slice(from, to),
      })),
    );
  });

  it("has its own intervals, or drawn ones where none were recorded", async () => {
    expect(secondsOfRecording(await recordedArrival(SECONDS), 7, 1)).toEqual(SECONDS);
    // Nothing follows the last image.
    const differences = secondsOfRecording(await recordedArrival(SECONDS.slice(0, 6)), 7, 1);
    expect(differences.slice(0, 6)).toEqual(SECONDS.slice(0, 6));
    for (const length of [5, 1]) {
      const arrival = await recordedArrival(SECONDS.slice(0, length));
      const expected = "6 intervals, one from each of 7 recorded images to the next";
      expect(() => secondsOfRecording(arrival, 7, 1)).toThrow(`--arrival: expected ${expected}, got ${length}`);
    }
    const geometric = await readArrival("geometric:0.2");
    expect(secondsOfRecording(geometric, 50, 3)).toEqual(secondsOfRecording(geometric, 50, 3));
    expect(secondsOfRecording(geometric, 50, 3)).not.toEqual(secondsOfRecording(geometric, 50, 4));
  });
});
