import { type Derivatives, minimiseInBox } from "@spillway/shared/calibration/projected-newton";
import { describe, expect, it } from "vitest";
import { expectClose } from "../close.ts";

/** (x - a)^2 / 2 + (y - b)^2 / 2 + coupling x y */
const bowl =
  (a: number, b: number, coupling: number) =>
  ([x, y]: readonly number[]): Derivatives => ({
    value: (x - a) ** 2 / 2 + (y - b) ** 2 / 2 + coupling * x * y,
    gradient: [x - a + coupling * y, y - b + coupling * x],
    curvature: [
      [1, coupling],
      [coupling, 1],
    ],
  });

describe("minimiseInBox", () => {
  it("is Newton's method inside", () => {
    expectClose(minimiseInBox(bowl(0.4, 0.6, 0), [0, 1], 0, 1), [0.4, 0.6], 1e-7);
    // x + 0.5 y = 0.7, y + 0.5 x = 0.8
    expectClose(minimiseInBox(bowl(0.7, 0.8, 0.5), [1, 0], 0, 1), [0.4, 0.6], 1e-7);
  });

  it("stays at an end where the least value lies beyond, and finds the best of the others there", () => {
    // At x = 0 the least in y is at 0.9, not at the unconstrained one.
    expectClose(minimiseInBox(bowl(-1, 0.9, 0.8), [0.5, 0.5], 0, 1), [0, 0.9], 1e-7);
    expectClose(minimiseInBox(bowl(3, 0.9, 0.8), [0.5, 0.5], 0, 1), [1, 0.1], 1e-7);
    expectClose(minimiseInBox(bowl(5, -5, 0.2), [0.5, 0.5], 0, 1), [1, 0]);
  });

  it("leaves an end at which it starts", () => {
    expectClose(minimiseInBox(bowl(0.3, 0.3, 0), [0, 1], 0, 1), [0.3, 0.3], 1e-7);
  });

  it("takes a start outside into the box, and stays where nothing changes the value", () => {
    const flat = () => ({
      value: 7,
      gradient: [0, 0],
      curvature: [
        [0, 0],
        [0, 0],
      ],
    });
    expect(minimiseInBox(flat, [-1, 2], 0, 1)).toEqual([0, 1]);
  });

  it("shortens steps that go too far", () => {
    // ln cosh: Newton's own steps fly apart from 2 on.
    const curve = ([x]: readonly number[]) => ({
      value: Math.log(Math.cosh(x - 1)),
      gradient: [Math.tanh(x - 1)],
      curvature: [[1 - Math.tanh(x - 1) ** 2]],
    });
    expectClose(minimiseInBox(curve, [9], -100, 100), [1], 1e-6);
  });
});
