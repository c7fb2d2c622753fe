// What a reliability diagram must be before it is drawn.
import type { ReliabilityBin, ReliabilityPanel } from "./reliability.ts";

/** Narrower bins have no room for their counts in a chart of bearable width. */
const LEAST_WIDTH = 0.01 - 1e-9;

/** @throws RangeError naming the panel and the bin that contradicts itself */
export function checkReliabilityPanel({ title, bins, ece }: ReliabilityPanel): void {
  if (bins.length === 0) throw new RangeError(`${title}: expected at least one bin, got none`);
  if (!isShare(ece)) throw new RangeError(`${title}: expected an ECE in [0, 1], got ${ece}`);
  for (const [index, bin] of bins.entries()) checkBin(bin, `${title}: bin ${index}`);
}

function checkBin({ lower, upper, count, confidence, accuracy }: ReliabilityBin, name: string): void {
  if (!(isShare(lower) && isShare(upper) && lower < upper)) {
    throw new RangeError(`${name}: expected 0 <= lower < upper <= 1, got ${lower} and ${upper}`);
  }
  // 100 bins of equal width are each about 0.01 wide.
  if (upper - lower < LEAST_WIDTH) throw new RangeError(`${name}: expected a width of 0.01, got ${upper - lower}`);
  if (!Number.isSafeInteger(count) || count < 0) throw new RangeError(`${name}: expected a count, got ${count}`);
  const isEmpty = count === 0;
  for (const [key, value] of Object.entries({ confidence, accuracy })) {
    if (isEmpty ? value === null : value !== null && isShare(value)) continue;
    throw new RangeError(`${name}: ${key}: expected ${isEmpty ? "null" : "[0, 1]"} for ${count} rows, got ${value}`);
  }
}

function isShare(value: number): boolean {
  return value >= 0 && value <= 1;
}
