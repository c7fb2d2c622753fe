import { describe, expect, it } from "vitest";
import { shrunkSize } from "../../../cloud-backend/src/image/shrunk-size.ts";

const target = { width: 32, height: 32 };

describe("shrunkSize", () => {
  it.each([
    // Eight pixels for each of 32, nine times over, are 2304.
    ["by 8", { width: 4032, height: 3024 }, { width: 448, height: 336 }],
    ["by 8, on its side", { width: 3024, height: 4032 }, { width: 336, height: 448 }],
    ["by 8 where the shorter side just suffices", { width: 2304, height: 2304 }, { width: 256, height: 256 }],
    ["by 4 where it does not", { width: 2296, height: 2296 }, { width: 459, height: 459 }],
    ["by 4 where 8 leaves a part of a block", { width: 4028, height: 3024 }, { width: 805, height: 604 }],
    ["by 4 where the height does", { width: 4032, height: 3028 }, { width: 806, height: 605 }],
    ["by 2 where 4 does", { width: 4030, height: 3024 }, { width: 1343, height: 1008 }],
    ["not at all where 2 does", { width: 4031, height: 3024 }, null],
    ["by 4 where both sides just suffice", { width: 3128, height: 1280 }, { width: 625, height: 256 }],
    ["not at all where there is too little left", { width: 16_000, height: 760 }, null],
    ["from four million pixels on", { width: 2500, height: 1600 }, { width: 500, height: 320 }],
    ["not below", { width: 2500, height: 1596 }, null],
  ])("shrinks %s", (_, stored, expected) => {
    expect(shrunkSize(stored, target)).toEqual(expected);
  });

  it("asks of each side what its own target needs", () => {
    expect(shrunkSize({ width: 4032, height: 3024 }, { width: 56, height: 42 })).toEqual({ width: 448, height: 336 });
    expect(shrunkSize({ width: 4032, height: 3024 }, { width: 57, height: 42 })).toEqual({ width: 806, height: 604 });
  });
});
