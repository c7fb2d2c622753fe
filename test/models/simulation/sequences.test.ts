// Sequences of images: what is drawn against the theory of it, and a recording as it was.
import { mulberry32 } from "@spillway/shared/random/mulberry32";
import { describe, expect, it } from "vitest";
import { drawPlaces, parseSequence, type Sequence, sequenceText } from "../../../models/src/simulation/sequences.ts";
import { UsageError } from "../../../models/src/usage.ts";
import { expectMean } from "./statistics.ts";

const DRAWS = 40;
const FRAMES = 5000;
const IMAGES = 1000;

type Drawn = Exclude<Sequence, { kind: "recorded" }>;

function draw(sequence: Drawn, seed: number, { images = IMAGES, frames = FRAMES } = {}): Uint32Array {
  const places = new Uint32Array(frames).fill(images);
  drawPlaces(sequence, images, mulberry32(seed), places);
  return places;
}

const draws = (sequence: Drawn) => Array.from({ length: DRAWS }, (_, seed) => draw(sequence, seed));
const meanOf = (values: Uint32Array) => values.reduce((sum, value) => sum + value, 0) / values.length;

/** How far each place lies behind the one before, round the end. */
const stepsOf = (places: Uint32Array) =>
  Array.from(places.subarray(1), (place, frame) => (place - places[frame] + IMAGES) % IMAGES);

describe("parseSequence", () => {
  it.each<[string, Sequence]>([
    ["iid", { kind: "iid" }],
    ["recorded", { kind: "recorded" }],
    ["location-reset:0.1,0.01", { kind: "location-reset", spread: 0.1, reset: 0.01 }],
    ["location-reset:1,0", { kind: "location-reset", spread: 1, reset: 0 }],
    ["location-reset:0.000001,1", { kind: "location-reset", spread: 1e-6, reset: 1 }],
  ])("reads %s, and writes it again", (text, sequence) => {
    expect(parseSequence(text)).toEqual(sequence);
    expect(parseSequence(sequenceText(sequence))).toEqual(sequence);
  });

  it.each([
    "",
    "random",
    "iid:1",
    "recorded:x",
    "location-reset",
    "location-reset:",
    "location-reset:0.1",
    "location-reset:0.1,0.1,0.1",
    "location-reset:0.1,0.1:0.5",
    "location-reset:0,0.1",
    "location-reset:1.01,0.1",
    "location-reset:0.1,-0.1",
    "location-reset:0.1,1.01",
    "location-reset:0.1,",
    "location-reset:a,b",
  ])('refuses "%s" in one line', (text) => {
    const expected =
      "--sequence: expected iid, location-reset:SPREAD,RESET or recorded, SPREAD above 0 and at most 1, RESET from 0 to 1";
    expect(() => parseSequence(text)).toThrow(new UsageError(`${expected}; got "${text}"`));
  });
});

describe("drawPlaces", () => {
  it("shows any image in any frame: iid", () => {
    const drawn = draws({ kind: "iid" });
    expectMean(drawn.map(meanOf), (IMAGES - 1) / 2);
    expectMean(
      drawn.map((places) => places.filter((place) => place < IMAGES / 4).length / FRAMES),
      0.25,
    );
    expectMean(
      drawn.map((places) => stepsOf(places).filter((step) => step === 0).length / (FRAMES - 1)),
      1 / IMAGES,
    );
    expect(new Set(drawn.flatMap((places) => [...places])).size).toBe(IMAGES);
  });

  it("shows all of what follows a location, and nothing else, until a reset", () => {
    const width = IMAGES / 10;
    const places = draw({ kind: "location-reset", spread: 0.1, reset: 0 }, 7, { frames: 20_000 });
    const seen = [...new Set(places)].sort((a, b) => a - b);
    expect(seen.length).toBe(width);
    const gap = seen.findIndex((place, at) => at > 0 && place !== seen[at - 1] + 1);
    // One stretch, or two where it goes round the end.
    if (gap >= 0) expect([seen[0], seen.at(-1)]).toEqual([0, IMAGES - 1]);
    const counts = seen.map((place) => places.filter((value) => value === place).length);
    // 200 of each, give or take five times the root of it.
    for (const count of counts) expect(Math.abs(count - 200)).toBeLessThan(71);
  });

  it.each([
    [0.1, 0.1],
    [0.1, 0.01],
    [0.5, 0.3],
    [0.05, 1],
  ])("moves as far as theory says: spread %d, reset %d", (spread, reset) => {
    const width = spread * IMAGES;
    const drawn = draws({ kind: "location-reset", spread, reset });
    // Two frames lie less than the width apart if no reset came between, and otherwise as by chance.
    const near = (2 * width - 1) / IMAGES;
    const shareNear = (places: Uint32Array) => {
      const steps = stepsOf(places);
      return steps.filter((step) => step < width || step > IMAGES - width).length / steps.length;
    };
    expectMean(drawn.map(shareNear), 1 - reset + reset * near);
    // The same image again: one in the width, or one in all.
    expectMean(
      drawn.map((places) => stepsOf(places).filter((step) => step === 0).length / (FRAMES - 1)),
      (1 - reset) / width + reset / IMAGES,
    );
    expectMean(
      Array.from(
        { length: 2000 },
        (_, seed) => draw({ kind: "location-reset", spread, reset }, seed, { frames: 1 })[0],
      ),
      (IMAGES - 1) / 2,
    );
  });

  it("is as iid where the spread is all", () => {
    const drawn = draws({ kind: "location-reset", spread: 1, reset: 0 });
    expectMean(drawn.map(meanOf), (IMAGES - 1) / 2);
    expect(drawn.every((places) => new Set(places).size > IMAGES * 0.97)).toBe(true);
  });

  it("stays at one image where the spread holds no more, and knows one image alone", () => {
    const places = draw({ kind: "location-reset", spread: 1e-6, reset: 0 }, 3);
    expect(new Set(places).size).toBe(1);
    for (const sequence of [{ kind: "iid" }, { kind: "location-reset", spread: 0.5, reset: 0.5 }] as const) {
      expect(new Set(draw(sequence, 3, { images: 1 }))).toEqual(new Set([0]));
    }
  });
});
