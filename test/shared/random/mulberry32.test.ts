import { mulberry32, shuffledIndices } from "@spillway/shared/random/mulberry32";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import golden from "../../vectors/offload.json" with { type: "json" };

const take = (random: () => number, count: number) => Array.from({ length: count }, random);

describe("mulberry32", () => {
  it.each(golden.mulberry32)("gives the known numbers for seed $seed", ({ seed, numbers }) => {
    expect(take(mulberry32(seed), numbers.length)).toEqual(numbers);
  });

  it("counts the low 32 bits of the seed", () => {
    expect(take(mulberry32(2 ** 32 + 1), 3)).toEqual(take(mulberry32(1), 3));
    expect(take(mulberry32(-1), 3)).toEqual(take(mulberry32(2 ** 32 - 1), 3));
    expect(take(mulberry32(2), 3)).not.toEqual(take(mulberry32(1), 3));
  });

  it("gives numbers from 0 to below 1, spread evenly", () => {
    const bins = new Array<number>(16).fill(0);
    for (const number of take(mulberry32(4), 16_000)) bins[Math.floor(number * 16)]++;
    // A sixteenth of 16,000 has a standard deviation of 31.
    for (const count of bins) expect(Math.abs(count - 1000)).toBeLessThan(4 * 31);
    expect(bins.reduce((sum, count) => sum + count)).toBe(16_000);
  });
});

describe("shuffledIndices", () => {
  it("puts every index somewhere, and elsewhere for another seed", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 60 }), fc.nat(), (count, seed) => {
        const order = shuffledIndices(count, mulberry32(seed));
        expect(order).toEqual(shuffledIndices(count, mulberry32(seed)));
        expect([...order].sort((a, b) => a - b)).toEqual(Array.from({ length: count }, (_, index) => index));
      }),
      { seed: 21 },
    );
    expect(shuffledIndices(40, mulberry32(1))).not.toEqual(shuffledIndices(40, mulberry32(2)));
  });

  it("puts each index in each place equally often", () => {
    const counts = new Uint32Array(16);
    const random = mulberry32(9);
    for (let round = 0; round < 4000; round++) {
      shuffledIndices(4, random).forEach((index, place) => {
        counts[4 * index + place]++;
      });
    }
    // A quarter of 4,000 has a standard deviation of 27.
    for (const count of counts) expect(Math.abs(count - 1000)).toBeLessThan(4 * 27);
  });
});
