import { describe, expect, it } from "vitest";
import { type Curve, MOST_POINTS, thinDots, thinLine } from "../../../models/src/charts/thin.ts";

const curveOf = (length: number, y: (share: number, index: number) => number): Curve => {
  const x = Float64Array.from({ length }, (_, index) => index / (length - 1));
  return { x, y: x.map(y) };
};
/** Jumps about in [0.4, 0.6], the same each time. */
const noise = (_share: number, index: number) => 0.4 + 0.2 * ((index * 0.618034) % 1);

describe("thinLine", () => {
  it("leaves a line alone up to the limit and thins it one past it", () => {
    expect(thinLine([curveOf(MOST_POINTS, noise)])).toHaveLength(MOST_POINTS);
    const thinned = thinLine([curveOf(MOST_POINTS + 1, noise)]);
    expect(thinned.length).toBeLessThanOrEqual(MOST_POINTS);
    expect(thinned.length).toBeGreaterThan(MOST_POINTS / 2);
  });

  it("needs but the ends of a straight line, and the corners of a bent one", () => {
    expect(thinLine([curveOf(1001, (share) => share)])).toEqual([0, 1000]);
    expect(thinLine([curveOf(1001, (share) => Math.abs(share - 0.25))])).toEqual([0, 250, 1000]);
    expect(thinLine([curveOf(1001, (share) => (share < 0.5 ? 0 : 1))])).toEqual([0, 499, 500, 1000]);
  });

  it("draws a smooth line as before, to a fraction of a pixel", () => {
    const curve = curveOf(20_001, (share) => 0.5 + 0.5 * Math.sin(9 * share));
    const kept = thinLine([curve]);
    expect(kept.length).toBeLessThan(300);
    for (let piece = 1; piece < kept.length; piece++) {
      const [first, last] = [kept[piece - 1], kept[piece]];
      for (let index = first; index <= last; index++) {
        const straight = curve.y[first] + ((curve.y[last] - curve.y[first]) * (index - first)) / (last - first);
        expect(Math.abs(curve.y[index] - straight)).toBeLessThan(0.002);
      }
    }
  });

  it("keeps the one peak and the one dip in noise, and noise in every part", () => {
    const peaked = curveOf(20_000, (share, index) => (index === 7777 ? 1 : index === 12_345 ? 0 : noise(share, index)));
    const kept = thinLine([peaked]);
    expect(kept.length).toBeLessThanOrEqual(MOST_POINTS);
    expect(kept).toEqual(expect.arrayContaining([0, 7777, 12_345, 19_999]));
    for (let part = 0; part < 100; part++) {
      const values = kept.filter((index) => Math.floor(index / 200) === part).map((index) => peaked.y[index]);
      expect(Math.max(...values)).toBeGreaterThan(0.59);
      expect(Math.min(...values)).toBeLessThan(0.41);
    }
  });

  it("keeps the peak of a band's edge where the line itself is straight", () => {
    const line = curveOf(2000, () => 0.5);
    const edge = curveOf(2000, (_share, index) => (index === 777 ? 0.9 : 0.6));
    expect(thinLine([line, edge])).toEqual([0, 776, 777, 778, 1999]);
    const [first, second] = [
      curveOf(9000, noise),
      curveOf(9000, (share, index) => (index === 77 ? 9 : noise(share, index))),
    ];
    const kept = thinLine([first, second]);
    expect(kept).toContain(77);
    expect(kept.length).toBeLessThanOrEqual(MOST_POINTS);
  });

  it("follows a line that turns back or stands upright", () => {
    const angles = Float64Array.from({ length: 5000 }, (_, index) => (index / 4999) * 2 * Math.PI);
    const circle = { x: angles.map(Math.cos), y: angles.map(Math.sin) };
    const kept = thinLine([circle]);
    expect(kept.length).toBeGreaterThan(50);
    expect(kept.length).toBeLessThanOrEqual(MOST_POINTS);
    const upright = { x: new Float64Array(5000), y: curveOf(5000, noise).y };
    const ends = thinLine([upright]).map((index) => upright.y[index]);
    expect(Math.max(...ends)).toBe(Math.max(...Array.from(upright.y)));
    expect(Math.min(...ends)).toBe(Math.min(...Array.from(upright.y)));
  });
});

describe("thinDots", () => {
  it("leaves dots alone up to the limit and takes so many of more", () => {
    expect(thinDots(curveOf(MOST_POINTS, noise))).toHaveLength(MOST_POINTS);
    expect(thinDots(curveOf(MOST_POINTS + 1, noise)).length).toBeLessThanOrEqual(MOST_POINTS);
    expect(thinDots(curveOf(10_000, noise)).length).toBeGreaterThan(MOST_POINTS - 5);
  });

  it("keeps those at the edges, and takes the others evenly", () => {
    const dots = curveOf(10_000, (share, index) => (index === 4321 ? 1 : index === 8765 ? 0 : noise(share, index)));
    const kept = thinDots(dots);
    expect(kept).toEqual(expect.arrayContaining([0, 4321, 8765, 9999]));
    const widest = Math.max(...kept.slice(1).map((index, before) => index - kept[before]));
    expect(widest).toBeLessThanOrEqual(21);
  });
});
