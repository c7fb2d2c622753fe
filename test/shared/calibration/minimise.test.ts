import { minimise, type Objective } from "@spillway/shared/calibration/minimise";
import { describe, expect, it } from "vitest";
import { expectClose } from "../close.ts";

/** sum_i c_i (cosh(x_i - i) - 1), c from 1 to 1000: convex, ill-conditioned, least at 0, 1, 2, ... */
const valley: Objective = (point, gradient) => {
  let value = 0;
  point.forEach((x, i) => {
    const weight = 10 ** (i % 4);
    value += weight * (Math.cosh(x - i) - 1);
    gradient[i] = weight * Math.sinh(x - i);
  });
  return value;
};

/** Rosenbrock's function: a bent valley, least at (1, 1). */
const banana: Objective = (point, gradient) => {
  const [x, y] = point;
  gradient[0] = -2 * (1 - x) - 400 * x * (y - x * x);
  gradient[1] = 200 * (y - x * x);
  return (1 - x) ** 2 + 100 * (y - x * x) ** 2;
};

describe("minimise", () => {
  it("finds the bottom of a steep convex valley", () => {
    const { point, value, gradientNorm } = minimise(valley, new Float64Array(8));
    expectClose(point, [0, 1, 2, 3, 4, 5, 6, 7], 1e-6);
    expect(value).toBeLessThan(1e-12);
    expect(gradientNorm).toBeLessThan(1e-4);
  });

  it("finds the end of Rosenbrock's bent valley", () => {
    const { point, iterations } = minimise(banana, [-1.2, 1]);
    expectClose(point, [1, 1], 1e-6);
    expect(iterations).toBeLessThan(100);
  });

  it("never rises, and stops after as many iterations as it was given", () => {
    let last = Infinity;
    for (let maxIterations = 0; maxIterations < 30; maxIterations++) {
      const { value, iterations } = minimise(banana, [-1.2, 1], { maxIterations });
      expect(value).toBeLessThanOrEqual(last);
      expect(iterations).toBe(maxIterations);
      last = value;
    }
  });

  it("stops where the gradient is small enough, at once where it is so at the start", () => {
    expect(minimise(banana, [1, 1])).toMatchObject({ value: 0, gradientNorm: 0, iterations: 0 });
    const rough = minimise(valley, new Float64Array(8), { gradientTolerance: 1 });
    expect(rough.gradientNorm).toBeLessThanOrEqual(1);
    expect(rough.iterations).toBeLessThan(minimise(valley, new Float64Array(8)).iterations);
  });

  it("ends where rounding hides all descent, though the gradient is not yet that small", () => {
    let evaluations = 0;
    const counted: Objective = (point, gradient) => {
      evaluations++;
      return valley(point, gradient) + 1e6;
    };
    minimise(counted, new Float64Array(8), { gradientTolerance: 0 });
    expect(evaluations).toBeLessThan(500);
  });

  it("steps back from where the function is not a number", () => {
    const { point } = minimise(
      (at, gradient) => {
        gradient[0] = 1 - 0.01 / at[0];
        return at[0] - 0.01 * Math.log(at[0]);
      },
      [0.5],
    );
    expectClose(point, [0.01], 1e-6);
  });

  it("leaves its start as it was", () => {
    const start = Float64Array.of(-1.2, 1);
    minimise(banana, start);
    expect([...start]).toEqual([-1.2, 1]);
  });

  it.each([Number.NaN, Infinity])("refuses a start whose value is %d", (value) => {
    const message = `start: expected a finite value there, got ${value}`;
    expect(() => minimise(() => value, [0])).toThrow(new RangeError(message));
  });
});
