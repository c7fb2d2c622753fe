import { type Pixels, resizeArea } from "@spillway/shared/preprocess/resize-area";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import golden from "../../vectors/resize.json" with { type: "json" };
import { expectClose } from "../close.ts";
import { pixelsOf } from "./golden-pixels.ts";

const SEED = { seed: 9 };
const side = fc.integer({ min: 1, max: 12 });
const fit = fc.constantFrom("fill", "cover");

const picture = fc
  .tuple(side, side, fc.constantFrom<3 | 4>(3, 4))
  .chain(([width, height, channels]) =>
    fc
      .uint8Array({ minLength: width * height * channels, maxLength: width * height * channels })
      .map((data): Pixels => ({ data, width, height, channels })),
  );
const opaque = picture.filter(({ channels }) => channels === 3);

/** Mean of each colour of an RGB picture. */
function means(data: ArrayLike<number>): number[] {
  const sums = [0, 0, 0];
  for (let k = 0; k < data.length; k++) sums[k % 3] += data[k];
  return sums.map((sum) => (3 * sum) / data.length);
}

describe("resizeArea", () => {
  it.each(golden.resize)("agrees with NumPy's integral image: $name", (vector) => {
    const { width, height, expected } = vector;
    expectClose(resizeArea(pixelsOf(vector.source), width, height, vector.fit as "fill" | "cover"), expected);
  });

  it("keeps the mean of each colour when it fills", () => {
    fc.assert(
      fc.property(opaque, side, side, (source, width, height) => {
        expectClose(means(resizeArea(source, width, height, "fill")), means(source.data));
      }),
      SEED,
    );
  });

  it("changes nothing at equal size", () => {
    fc.assert(
      fc.property(opaque, fit, (source, how) => {
        expect([...resizeArea(source, source.width, source.height, how)]).toEqual([...source.data]);
      }),
      SEED,
    );
  });

  it("stays between the darkest and the lightest value", () => {
    fc.assert(
      fc.property(opaque, side, side, fit, (source, width, height, how) => {
        const resized = resizeArea(source, width, height, how);
        expect(resized).toHaveLength(width * height * 3);
        expect(Math.min(...resized)).toBeGreaterThanOrEqual(Math.min(...source.data) - 1e-9);
        expect(Math.max(...resized)).toBeLessThanOrEqual(Math.max(...source.data) + 1e-9);
      }),
      SEED,
    );
  });

  it("shows a mirrored picture mirrored", () => {
    fc.assert(
      fc.property(opaque, side, side, fit, (source, width, height, how) => {
        const mirrored = mirror(
          resizeArea({ ...source, data: mirror(source.data, source.width) }, width, height, how),
          width,
        );
        expectClose(mirrored, resizeArea(source, width, height, how));
      }),
      SEED,
    );
  });

  it("covers and fills alike where the aspect is the target's", () => {
    const source = { data: Uint8Array.from({ length: 9 * 6 * 3 }, (_, k) => (k * 37) % 256), width: 9, height: 6 };
    const [filled, covered] = (["fill", "cover"] as const).map((how) =>
      resizeArea({ ...source, channels: 3 }, 3, 2, how),
    );
    expectClose(covered, filled);
  });

  it("lays what is clear over white and keeps what is solid", () => {
    const data = Uint8Array.of(10, 20, 30, 255, 10, 20, 30, 0, 10, 20, 30, 51);
    const resized = resizeArea({ data, width: 3, height: 1, channels: 4 }, 3, 1, "fill");
    expectClose(resized, [10, 20, 30, 255, 255, 255, 255 - 245 / 5, 255 - 235 / 5, 255 - 225 / 5]);
  });

  it("treats a solid fourth channel as none", () => {
    fc.assert(
      fc.property(opaque, side, side, fit, (source, width, height, how) => {
        const data = new Uint8Array(source.width * source.height * 4).fill(255);
        source.data.forEach((value, k) => {
          data[Math.floor(k / 3) * 4 + (k % 3)] = value;
        });
        const solid = resizeArea({ ...source, data, channels: 4 }, width, height, how);
        expect(solid).toEqual(resizeArea(source, width, height, how));
      }),
      SEED,
    );
  });

  it("leaves the picture as it was", () => {
    fc.assert(
      fc.property(picture, side, side, fit, (source, width, height, how) => {
        const before = source.data.slice();
        resizeArea(source, width, height, how);
        expect(source.data).toEqual(before);
      }),
      { ...SEED, numRuns: 20 },
    );
  });

  it.each([
    ["one byte too few", { data: new Uint8Array(11), width: 2, height: 2, channels: 3 }, 12, 11],
    ["one byte too many", { data: new Uint8Array(13), width: 2, height: 2, channels: 3 }, 12, 13],
    ["three channels declared as four", { data: new Uint8Array(12), width: 2, height: 2, channels: 4 }, 16, 12],
    ["no pixels", { data: new Uint8Array(0), width: 0, height: 2, channels: 3 }, 0, 0],
  ] as const)("refuses %s", (_, source, expected, got) => {
    expect(() => resizeArea(source, 1, 1, "fill")).toThrow(
      new RangeError(`pixels: expected ${expected} bytes and at least one pixel, got ${got}`),
    );
  });
});

function mirror<Values extends Uint8Array | Uint8ClampedArray | Float64Array>(data: Values, width: number): Values {
  const mirrored = data.slice() as Values;
  for (let k = 0; k < data.length; k++) {
    const pixel = Math.floor(k / 3);
    const opposite = pixel - (pixel % width) + (width - 1 - (pixel % width));
    mirrored[opposite * 3 + (k % 3)] = data[k];
  }
  return mirrored;
}
