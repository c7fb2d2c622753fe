import { fitIsotonicScaling } from "@spillway/shared/calibration/isotonic-scaling";
import { isotonicCalibratorSchema, MAX_CALIBRATOR_KNOTS } from "@spillway/shared/schema/calibration";
import { describe, expect, it } from "vitest";
import golden from "../../vectors/calibration.json" with { type: "json" };
import { expectClose } from "../close.ts";

describe("fitIsotonicScaling", () => {
  it.each(golden.isotonicScaling)("agrees with SciPy's temperature and scikit-learn's steps", (vector) => {
    const fitted = fitIsotonicScaling(Float64Array.from(vector.logits), vector.labels, vector.classes);
    expectClose([fitted.temperature], [vector.temperature], 1e-6);
    expectClose(fitted.probability, vector.probability, 1e-6);
    expectClose(fitted.frequency, vector.frequency, 1e-9);
    expect(isotonicCalibratorSchema.parse(fitted)).toEqual(fitted);
  });

  it("makes a flat table of a network that knows nothing", () => {
    const fitted = fitIsotonicScaling(new Float32Array(8), [0, 1], 4);
    expect(fitted.probability).toEqual([0, 1]);
    expectClose(fitted.frequency, [0.25, 0.25]);
    expect(isotonicCalibratorSchema.parse(fitted)).toEqual(fitted);
  });

  it("joins the steps that cost least until a table may hold them", () => {
    const { logits, labels, frequencies } = stairs(61);
    expect(frequencies.length).toBeGreaterThan(MAX_CALIBRATOR_KNOTS);
    const fitted = fitIsotonicScaling(logits, labels, 2);
    expect(fitted.probability).toHaveLength(MAX_CALIBRATOR_KNOTS);
    expect(isotonicCalibratorSchema.parse(fitted)).toEqual(fitted);
    // The ends stand apart from their neighbours: they are not what is joined.
    expectClose([fitted.frequency[0], fitted.frequency.at(-1) ?? 0], [0, 1]);
    const kept = fitted.frequency.filter((f) => frequencies.some((g) => Math.abs(f - g) < 1e-9));
    const joined = frequencies.length - MAX_CALIBRATOR_KNOTS;
    expect(kept.length).toBeGreaterThanOrEqual(MAX_CALIBRATOR_KNOTS - joined);
  });

  it("keeps all steps where a table may hold them", () => {
    const { logits, labels, frequencies } = stairs(20);
    expectClose(fitIsotonicScaling(logits, labels, 2).frequency, frequencies);
  });

  it("refuses what the temperature's fit refuses", () => {
    expect(() => fitIsotonicScaling(Float64Array.of(1, 2, 3), [0, 1], 2)).toThrow(
      new RangeError("logits: expected 2 x 2 numbers, got 3"),
    );
  });
});

/** Rows of two classes, the first right in each of the shares from a half to one that a few rows can have, in turn. */
function stairs(mostRows: number) {
  const shares = new Map<number, [right: number, rows: number]>();
  for (let rows = 1; rows <= mostRows; rows++) {
    for (let right = Math.ceil(rows / 2); right <= rows; right++) {
      if (!shares.has(right / rows)) shares.set(right / rows, [right, rows]);
    }
  }
  const rising = [...shares.keys()].sort((a, b) => a - b);
  const logits: number[] = [];
  const labels: number[] = [];
  rising.forEach((share, step) => {
    const [right, rows] = shares.get(share) ?? [0, 0];
    for (let row = 0; row < rows; row++) {
      logits.push(step / 100, 0);
      labels.push(row < right ? 0 : 1);
    }
  });
  const falling = rising.map((share) => 1 - share).reverse();
  return { logits: Float64Array.from(logits), labels, frequencies: [...falling.slice(0, -1), ...rising] };
}
