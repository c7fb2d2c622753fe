import { PROBABILITY_ONE } from "@spillway/shared/split/entropy/bit-coder";
import { chanceOf, LOG_ODDS_ONE } from "@spillway/shared/split/entropy/logistic";
import { describe, expect, it } from "vitest";

describe("chanceOf", () => {
  it("is the logistic function to a step of its table", () => {
    for (let logOdds = -8 * LOG_ODDS_ONE; logOdds <= 8 * LOG_ODDS_ONE; logOdds += 997) {
      const exact = PROBABILITY_ONE / (1 + Math.exp(-logOdds / LOG_ODDS_ONE));
      // A step is 1/256 of log-odds, and moves no chance by more than 1/1024.
      expect(Math.abs(chanceOf(logOdds) - exact)).toBeLessThanOrEqual(PROBABILITY_ONE / 1024 + 1);
    }
  });

  it("never rises to certainty, however large the odds", () => {
    for (const logOdds of [8 * LOG_ODDS_ONE, 2 ** 30, 2 ** 31 - 1]) {
      expect(chanceOf(logOdds)).toBe(PROBABILITY_ONE - 11);
      expect(chanceOf(-logOdds)).toBe(11);
    }
  });

  it("is a half at 0, rises, and is its own mirror image", () => {
    expect(chanceOf(0)).toBe(PROBABILITY_ONE / 2);
    for (let step = -2048; step < 2048; step++) {
      const at = step * 256;
      expect(chanceOf(at + 256)).toBeGreaterThanOrEqual(chanceOf(at));
      expect(chanceOf(at) + chanceOf(-at)).toBe(PROBABILITY_ONE);
    }
  });
});
