import { type Orientation, storedPosition, swapsAxes } from "@spillway/shared/preprocess/orientation";
import { describe, expect, it } from "vitest";
import golden from "../../vectors/resize.json" with { type: "json" };

const ORIENTATIONS: readonly Orientation[] = [1, 2, 3, 4, 5, 6, 7, 8];
/** Quarter turns undo each other; all other orientations undo themselves. */
const INVERSE: Record<Orientation, Orientation> = { 1: 1, 2: 2, 3: 3, 4: 4, 5: 5, 6: 8, 7: 7, 8: 6 };
const SIZES = [
  [5, 3],
  [3, 5],
  [4, 4],
  [1, 6],
  [1, 1],
] as const;

describe("storedPosition", () => {
  it.each(golden.orientation)("agrees with NumPy's flips and turns: orientation $orientation", (vector) => {
    const { stored, shown } = vector;
    for (let y = 0; y < shown.height; y++) {
      for (let x = 0; x < shown.width; x++) {
        const [column, row] = storedPosition(vector.orientation as Orientation, x, y, shown.width, shown.height);
        const pixel = (picture: typeof stored, at: number) => picture.data.slice(at * 3, at * 3 + 3);
        expect(pixel(stored, row * stored.width + column)).toEqual(pixel(shown, y * shown.width + x));
      }
    }
  });

  it.each(ORIENTATIONS)("is undone by the inverse orientation: %d", (orientation) => {
    for (const [width, height] of SIZES) {
      const [storedWidth, storedHeight] = swapsAxes(orientation) ? [height, width] : [width, height];
      for (let y = 0; y < height; y++) {
        for (let x = 0; x < width; x++) {
          const [column, row] = storedPosition(orientation, x, y, width, height);
          const back = storedPosition(INVERSE[orientation], column, row, storedWidth, storedHeight);
          expect(back).toEqual([x, y]);
        }
      }
    }
  });

  it.each(ORIENTATIONS)("takes every stored pixel once: %d", (orientation) => {
    for (const [width, height] of SIZES) {
      const [storedWidth, storedHeight] = swapsAxes(orientation) ? [height, width] : [width, height];
      const taken = new Set<number>();
      for (let index = 0; index < width * height; index++) {
        const [column, row] = storedPosition(orientation, index % width, Math.floor(index / width), width, height);
        expect(column).toBeLessThan(storedWidth);
        expect(row).toBeLessThan(storedHeight);
        taken.add(row * storedWidth + column);
      }
      expect(taken.size).toBe(width * height);
    }
  });
});

it("swaps the axes for orientations 5 to 8", () => {
  expect(ORIENTATIONS.filter(swapsAxes)).toEqual([5, 6, 7, 8]);
});
