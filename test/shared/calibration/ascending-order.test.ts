import { ascendingOrder } from "@spillway/shared/calibration/ascending-order";
import { expect, it } from "vitest";

it("ascendingOrder sorts by value and keeps the order of equals", () => {
  expect([...ascendingOrder(Float64Array.of(3, 1, 2, 1, -Infinity, 3, 1))]).toEqual([4, 1, 3, 6, 2, 0, 5]);
  const many = Float64Array.from({ length: 1000 }, (_, row) => (row * 7) % 3);
  const expected = Array.from(many.keys()).sort((a, b) => many[a] - many[b]);
  expect([...ascendingOrder(many)]).toEqual(expected);
});
