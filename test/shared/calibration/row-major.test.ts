import { rowOf, takeRows } from "@spillway/shared/calibration/row-major";
import { expect, it } from "vitest";

const table = Float32Array.of(1, 2, 3, 4, 5, 6);

it("rowOf is a view of one row", () => {
  const row = rowOf(table.slice(), 1, 2);
  expect(row).toEqual(Float32Array.of(3, 4));
  const own = table.slice();
  rowOf(own, 2, 2)[0] = 9;
  expect([...own]).toEqual([1, 2, 3, 4, 9, 6]);
});

it("takeRows copies rows in the order given, as often as they are given, in the kind of the table", () => {
  const taken = takeRows(table, [2, 0, 2], 2);
  expect(taken).toEqual(Float32Array.of(5, 6, 1, 2, 5, 6));
  taken[0] = 9;
  expect(table[4]).toBe(5);
  expect(takeRows(Float64Array.from(table), Uint32Array.of(1), 3)).toEqual(Float64Array.of(4, 5, 6));
  expect(takeRows(table, [], 2)).toEqual(new Float32Array());
});

it.each([-1, 3, 1.5, Number.NaN])("takeRows refuses row %d of three", (row) => {
  const message = `rows: expected whole numbers from 0 to 2, got ${row}`;
  expect(() => takeRows(table, [0, row], 2)).toThrow(new RangeError(message));
});
