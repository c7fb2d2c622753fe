// How many rows a batch gets.
import { describe, expect, it } from "vitest";
import { paddedRows, rowsToTake } from "../../../cloud-backend/src/batching/batch-size.ts";

const options = { maxBatch: 16, delayMs: 0, preferredSizes: [1, 2, 4, 8, 16], isPadded: true };

describe("rowsToTake", () => {
  it.each([
    [1, 1],
    [3, 3], // padded to 4, a quarter of it in vain
    [5, 4], // padded to 8, three eighths would be in vain
    [6, 6],
    [8, 8],
    [11, 8],
    [12, 12],
    [16, 16],
    [17, 16],
    [1000, 16],
  ])("of %i waiting takes %i where batches are padded", (waiting, taken) => {
    expect(rowsToTake(waiting, options)).toBe(taken);
  });

  it.each([
    [1, 1],
    [5, 5],
    [16, 16],
    [17, 16],
  ])("of %i waiting takes %i where they are not", (waiting, taken) => {
    expect(rowsToTake(waiting, { ...options, isPadded: false })).toBe(taken);
  });

  it("takes fewer rows than the smallest preferred size rather than none", () => {
    expect(rowsToTake(3, { ...options, preferredSizes: [8, 16] })).toBe(3);
  });
});

describe("paddedRows", () => {
  it("is the next preferred size, and what is larger than all of them stays", () => {
    expect([1, 3, 4, 9, 16, 17].map((rows) => paddedRows(rows, options.preferredSizes))).toEqual([1, 4, 4, 16, 16, 17]);
  });
});
