// The logistic function in fixed point. It is built from multiplications and divisions alone, which IEEE 754 rounds in
// one way: Math.exp may differ between engines, and a probability that differs in one unit ruins the rest of a message.
import { PROBABILITY_ONE } from "./bit-coder.ts";

/** Log-odds are whole numbers of 1 / LOG_ODDS_ONE. */
export const LOG_ODDS_ONE = 1 << 16;
/** From log-odds to steps of the table, 256 to 1. */
const STEP_SHIFT = 8;
const STEPS_PER_UNIT = LOG_ODDS_ONE >> STEP_SHIFT;
const REACH = 8;
/** e^(1/256) */
const STEP_RATIO = 1.0039138893383475;
/** So that a bit that was thought impossible costs 12 bits, not the message. */
const SMALLEST_CHANCE = 8;

const TABLE = chances();

/** Chance of a one, in 1 / PROBABILITY_ONE: 1 / (1 + e^-x), x in steps of 1/256 and at most 8 from 0. */
export function chanceOf(logOdds: number): number {
  const step = (logOdds >> STEP_SHIFT) + REACH * STEPS_PER_UNIT;
  return TABLE[step < 0 ? 0 : step >= TABLE.length ? TABLE.length - 1 : step];
}

function chances(): Uint16Array {
  const half = REACH * STEPS_PER_UNIT;
  const table = new Uint16Array(2 * half + 1);
  let odds = 1;
  for (let step = 0; step <= half; step++) {
    const rarer = Math.max(Math.round(PROBABILITY_ONE / (1 + odds)), SMALLEST_CHANCE);
    table[half - step] = rarer;
    table[half + step] = PROBABILITY_ONE - rarer;
    odds *= STEP_RATIO;
  }
  return table;
}
