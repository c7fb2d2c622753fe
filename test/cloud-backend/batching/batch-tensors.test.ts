// Joining rows and giving them back.
import type { Tensor } from "@spillway/shared/protocol/tensor";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { joinRows, rowsOf } from "../../../cloud-backend/src/batching/batch-tensors.ts";

describe("joinRows", () => {
  it("puts rows one below the other and fills up with zeros", () => {
    const joined = joinRows([tensor([1, 2], [1, 2]), tensor([2, 2], [3, 4, 5, 6])], 4);
    expect(joined).toEqual(tensor([4, 2], [1, 2, 3, 4, 5, 6, 0, 0]));
  });

  it("has a buffer of its own, also of a single part", () => {
    const part = tensor([1, 2], [1, 2]);
    expect(joinRows([part], 1).bytes.buffer).not.toBe(part.bytes.buffer);
  });
});

describe("rowsOf", () => {
  it("gives back what was joined", () => {
    const parts = fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(parts, fc.integer({ min: 1, max: 7 }), fc.integer({ min: 0, max: 3 }), (rows, width, padding) => {
        const tensors = rows.map((count, index) => tensor([count, width], Array(count * width).fill(index + 1)));
        const total = rows.reduce((sum, count) => sum + count, 0);
        const joined = joinRows(tensors, total + padding);
        let first = 0;
        for (const [index, count] of rows.entries()) {
          expect(rowsOf(joined, first, count)).toEqual(tensors[index]);
          first += count;
        }
      }),
    );
  });

  it("of more rows than there are is an error of the program", () => {
    expect(() => rowsOf(tensor([2, 1], [1, 2]), 1, 2)).toThrow(new RangeError("x: expected at least 3 rows, got 2"));
  });
});

function tensor(shape: number[], values: number[]): Tensor {
  return { name: "x", datatype: "UINT8", shape, bytes: new Uint8Array(values) };
}
