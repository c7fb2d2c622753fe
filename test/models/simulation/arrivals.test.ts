// Arrivals: what is drawn follows the law that policies are told of.
import { mulberry32 } from "@spillway/shared/random/mulberry32";
import { describe, expect, it } from "vitest";
import { type Arrival, readArrival } from "../../../models/src/simulation/arrivals.ts";
import { UsageError } from "../../../models/src/usage.ts";
import { lineOf, temporaryFolder } from "../arrays/folder.ts";
import { expectMean } from "./statistics.ts";

const { writeArray } = temporaryFolder();
const DRAWS = 60;
const FRAMES = 3000;

function draw(arrival: Arrival, seed: number, frames = FRAMES): Float64Array {
  const seconds = new Float64Array(frames).fill(Number.NaN);
  arrival.draw(mulberry32(seed), seconds);
  return seconds;
}

const draws = (arrival: Arrival) => Array.from({ length: DRAWS }, (_, seed) => draw(arrival, seed));
const shareOf = (seconds: Float64Array, units: number) => seconds.filter((value) => value === units).length / FRAMES;
const meanOf = (seconds: Float64Array) => seconds.reduce((sum, value) => sum + value, 0) / seconds.length;
const file = (name: string, values: readonly number[]) =>
  `intervals:${writeArray(name, { shape: [values.length], data: Float64Array.from(values) })}`;

function expectLaw({ law, mean }: Arrival): void {
  expect(law.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1, 12);
  const meanOfLaw = law.reduce((sum, { units, share }) => sum + units * share, 0);
  expect(Math.abs(meanOfLaw / mean - 1)).toBeLessThan(1e-7);
  for (const { units, share } of law) expect(Number.isInteger(units) && share >= 0).toBe(true);
}

/** EMSOFT'22's arrivals second by second: the chain moves on each second, an image is followed after its state's interval. */
function secondBySecond(intervals: readonly number[], leave: readonly number[], seed: number, frames = FRAMES) {
  const random = mulberry32(seed);
  const step = (state: number) => (random() < leave[state] ? 1 - state : state);
  // Two states forget where they began within a few times what the slower one lasts.
  let state = 0;
  for (let second = 0; second < 20 / Math.min(...leave); second++) state = step(state);
  return Float64Array.from({ length: frames }, () => {
    const seconds = intervals[state];
    for (let second = 0; second < seconds; second++) state = step(state);
    return seconds;
  });
}

/** Share of the intervals that another kind of interval follows. */
function changesOf(seconds: Float64Array): number {
  return seconds.filter((value, frame) => frame > 0 && value !== seconds[frame - 1]).length / (seconds.length - 1);
}

describe("arrivals", () => {
  it("are one a second where they are periodic", async () => {
    const arrival = await readArrival("periodic");
    expect(arrival).toMatchObject({ mean: 1, law: [{ units: 1, share: 1 }], recorded: null });
    expect(draw(arrival, 1)).toEqual(new Float64Array(FRAMES).fill(1));
  });

  it.each([0.5, 0.05, 0.9, 1])("come in any second with the probability %d where they are geometric", async (p) => {
    const arrival = await readArrival(`geometric:${p}`);
    expectLaw(arrival);
    expect(arrival.mean).toBeCloseTo(1 / p, 12);
    const drawn = draws(arrival);
    expectMean(drawn.map(meanOf), 1 / p);
    for (const units of [1, 2, 3]) {
      const share = p * (1 - p) ** (units - 1);
      expect(arrival.law.find((interval) => interval.units === units)?.share ?? 0).toBeCloseTo(share, 8);
      expectMean(
        drawn.map((seconds) => shareOf(seconds, units)),
        share,
      );
    }
  });

  it("come no sooner than after a second, whatever is drawn", async () => {
    const seconds = new Float64Array(1);
    (await readArrival("geometric:0.5")).draw(() => 0, seconds);
    expect(seconds[0]).toBe(1);
  });

  it("take the least probability that a law can be written down for", async () => {
    expectLaw(await readArrival("geometric:0.0001"));
    await expect(readArrival("geometric:0.000099")).rejects.toThrow(UsageError);
  });

  it.each<[[number, number], [number, number]]>([
    [
      [1, 3],
      [0.01, 0.005],
    ],
    [
      [2, 5],
      [0.3, 0.1],
    ],
    [
      [4, 1],
      [0.02, 0.9],
    ],
    [
      [1, 2],
      [1, 0.25],
    ],
  ])("of %o s, left with %o a second, are those of the chain second by second", async (intervals, leave) => {
    const arrival = await readArrival(`modulated:${[...intervals, ...leave]}`);
    expectLaw(arrival);
    const drawn = draws(arrival);
    const chains = Array.from({ length: DRAWS }, (_, seed) => secondBySecond(intervals, leave, 1000 + seed));
    expectMean(drawn.map(meanOf), arrival.mean);
    expectMean(drawn.map(meanOf), chains.map(meanOf));
    expectMean(drawn.map(changesOf), chains.map(changesOf));
    for (const { units, share } of arrival.law) {
      expectMean(
        drawn.map((seconds) => shareOf(seconds, units)),
        share,
      );
    }
    // The first is as any other: the process has run for long.
    const first = Array.from({ length: 2000 }, (_, seed) => draw(arrival, seed, 1)[0]);
    expectMean(first, arrival.mean);
  });

  it("as published are of 1 s and 3 s, in shares that their chain gives", async () => {
    const { law, mean } = await readArrival("modulated:1,3,0.001,0.0005");
    // Left after 1 s with 0.001, and after 3 s with about 0.0015, less what has returned.
    expect(law.map(({ units }) => units)).toEqual([1, 3]);
    const back = (1 / 3) * (1 - 0.9985 ** 3);
    expect(law[1].share).toBeCloseTo(0.001 / (0.001 + back), 12);
    expect(mean).toBeCloseTo(1 + 2 * law[1].share, 12);
  });

  it("take turns, or never change, where every second changes the state", async () => {
    const turns = draw(await readArrival("modulated:1,3,1,1"), 5);
    for (let frame = 1; frame < FRAMES; frame++) expect(turns[frame]).toBe(4 - turns[frame - 1]);
    const same = await readArrival("modulated:2,4,1,1");
    expect(same.mean).toBe(3);
    const firsts = Array.from({ length: 200 }, (_, seed) => new Set(draw(same, seed)));
    expect(firsts.every((values) => values.size === 1)).toBe(true);
    expect(new Set(firsts.map((values) => Math.max(...values)))).toEqual(new Set([2, 4]));
  });

  it("as recorded follow from any place, and round the end", async () => {
    const recorded = [1, 2, 3, 5, 8];
    const arrival = await readArrival(file("recorded.npy", recorded));
    expect(arrival.mean).toBeCloseTo(19 / 5, 12);
    expect(Array.from(arrival.recorded ?? [])).toEqual(recorded);
    expectLaw(arrival);
    const starts = new Set<number>();
    for (let seed = 0; seed < 60; seed++) {
      const seconds = draw(arrival, seed, 12);
      starts.add(seconds[0]);
      const start = recorded.indexOf(seconds[0]);
      expect(Array.from(seconds)).toEqual(Array.from({ length: 12 }, (_, at) => recorded[(start + at) % 5]));
    }
    expect(starts).toEqual(new Set(recorded));
  });

  it("between two seconds count as either in the law, and as they are otherwise", async () => {
    const arrival = await readArrival(file("fractions.npy", [0.25, 1, 1.5, 0]));
    expect(arrival.mean).toBe(2.75 / 4);
    expect(arrival.law).toEqual([
      { units: 0, share: 1.75 / 4 },
      { units: 1, share: 1.75 / 4 },
      { units: 2, share: 0.5 / 4 },
    ]);
    expect(new Set(draw(arrival, 1))).toEqual(new Set([0, 0.25, 1, 1.5]));
  });

  it("are the same for the same seed, and others for another", async () => {
    const arrival = await readArrival("geometric:0.3");
    expect(draw(arrival, 9)).toEqual(draw(arrival, 9));
    expect(draw(arrival, 9)).not.toEqual(draw(arrival, 10));
  });
});

describe("what is no arrival", () => {
  it.each([
    "",
    "weekly",
    "periodic:1",
    "periodic:",
    "geometric",
    "geometric:",
    "geometric:0",
    "geometric:1.01",
    "geometric:half",
    "geometric:0.5,0.5",
    "geometric:0.5:",
    "modulated:1,3,0.1",
    "modulated:1,3,0.1,0.1,0.1",
    "modulated:0,3,0.1,0.1",
    "modulated:1.5,3,0.1,0.1",
    "modulated:1,1000001,0.1,0.1",
    "modulated:1,3,0,0.1",
    "modulated:1,3,0.1,1.1",
    "modulated:1,3,0.1,",
    "modulated:1,3,0.1,NaN",
    "intervals",
    "intervals:",
  ])('is refused in one line: "%s"', async (text) => {
    const error: Error = await readArrival(text).then(
      () => expect.fail("it was taken"),
      (reason) => reason,
    );
    expect(error).toBeInstanceOf(UsageError);
    expect(error.message).toMatch(/^--arrival: expected periodic, .* got ".*"$/);
    expect(error.message).toContain(`got "${text}"`);
  });

  it("takes intervals up to a million seconds", async () => {
    expectLaw(await readArrival("modulated:1,1000000,1,1"));
    expectLaw(await readArrival(file("long.npy", [1e6])));
  });

  it.each<[string, readonly number[], RegExp]>([
    ["negative", [1, -0.5], /negative\.npy: row 1: expected seconds from 0 to 1000000, got -0\.5$/],
    ["too long", [1, 2, 1e6 + 1], /too long\.npy: row 2: expected seconds from 0 to 1000000, got 1000001$/],
    ["NaN", [Number.NaN], /NaN\.npy: row 0: expected a finite number, got NaN$/],
    ["zeros", [0, 0], /zeros\.npy: expected an interval above 0, got only 0$/],
  ])("names the file that holds what is %s", async (name, values, line) => {
    expect(await lineOf(() => readArrival(file(`${name}.npy`, values)))).toMatch(line);
  });

  it("names a file that is missing", async () => {
    expect(await lineOf(() => readArrival("intervals:none.npy"))).toMatch(/^none\.npy: no such file$/);
  });
});
