// The one way in which labelled images are split: a half to choose on, a half to report on. The
// trainer (models/training) splits by the same rule, so that both tools mean the same images.

export interface Split {
  /** Rising indices that thresholds, temperatures and tables may be fitted on. */
  calibration: number[];
  /** Rising indices that choose nothing. */
  report: number[];
}

export const DEFAULT_SPLIT_SEED = 1;

/** Shuffles 0 .. count-1 (Fisher-Yates over mulberry32) and cuts in the middle. @throws RangeError below 2 */
export function splitInHalves(count: number, seed = DEFAULT_SPLIT_SEED): Split {
  if (!Number.isInteger(count) || count < 2) throw new RangeError(`count: expected at least 2, got ${count}`);
  const order = Array.from({ length: count }, (_, index) => index);
  const random = mulberry32(seed);
  for (let last = count - 1; last >= 0; last--) {
    const other = Math.floor(random() * (last + 1));
    [order[last], order[other]] = [order[other], order[last]];
  }
  const half = Math.floor(count / 2);
  const rising = (a: number, b: number) => a - b;
  return { calibration: order.slice(0, half).sort(rising), report: order.slice(half).sort(rising) };
}

/** Tommy Ettinger's 32-bit generator: numbers in [0, 1), the same on every platform. */
function mulberry32(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}
