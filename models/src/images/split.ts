// The one way in which labelled images are split: a half to choose on, a half to report on. The
// trainer (models/training) splits by the same rule, so that both tools mean the same images.
//
// A guarantee needs rows that have shaped nothing it is about, so the calibration half is cut once more:
// one part fits the calibration and proposes thresholds, the other certifies them.
import { mulberry32, shuffledIndices } from "@spillway/shared/random/mulberry32";

export interface Split {
  /** Rising indices that thresholds, temperatures and tables may be fitted on. */
  calibration: number[];
  /** Rising indices that choose nothing. */
  report: number[];
}

export interface GuaranteeSplit {
  /** Rising indices of the calibration half that fit and propose. */
  fit: number[];
  /** The rest of that half: they only test what was proposed. */
  certification: number[];
}

export const DEFAULT_SPLIT_SEED = 1;

/** Shuffles 0 .. count-1 (Fisher-Yates over mulberry32) and cuts in the middle. @throws RangeError below 2 */
export function splitInHalves(count: number, seed = DEFAULT_SPLIT_SEED): Split {
  if (!Number.isInteger(count) || count < 2) throw new RangeError(`count: expected at least 2, got ${count}`);
  const order = Array.from(shuffledIndices(count, mulberry32(seed)));
  const half = Math.floor(count / 2);
  return { calibration: rising(order.slice(0, half)), report: rising(order.slice(half)) };
}

/** Cuts the calibration half of a split in the middle, by the same shuffle. @throws RangeError below 2 */
export function splitForGuarantee(calibration: readonly number[], seed = DEFAULT_SPLIT_SEED): GuaranteeSplit {
  const halves = splitInHalves(calibration.length, seed);
  const pick = (indices: number[]) => indices.map((index) => calibration[index]);
  return { fit: pick(halves.calibration), certification: pick(halves.report) };
}

function rising(indices: number[]): number[] {
  return indices.sort((a, b) => a - b);
}
