// A binary range coder (G. N. N. Martin 1979, with carries as in LZMA's): the message is a number in an interval that
// each bit narrows to its share. 32-bit integers; no symbol takes more than its probability but for rounding.
import { type BitCoder, PROBABILITY_BITS } from "./bit-coder.ts";

const FULL = 2 ** 32;
/** Below it a byte of the interval's start is settled but for a carry. */
export const SMALLEST_RANGE = 2 ** 24;

export class RangeEncoder implements BitCoder {
  private bytes: Uint8Array<ArrayBuffer>;
  private length = 0;
  private low = 0;
  private range = FULL - 1;

  constructor(expectedBytes: number) {
    this.bytes = new Uint8Array(Math.max(expectedBytes, 16));
  }

  code(bit: number, chanceOfOne: number): number {
    const ones = (this.range >>> PROBABILITY_BITS) * chanceOfOne;
    if (bit === 1) {
      this.range = ones;
    } else {
      this.low += ones;
      this.range -= ones;
    }
    this.normalise();
    return bit;
  }

  codeEvenly(value: number, bits: number): number {
    const share = this.range >>> bits;
    this.low += value * share;
    // What the division leaves belongs to the largest number, so that no part of the interval means nothing.
    this.range = value === (1 << bits) - 1 ? this.range - value * share : share;
    this.normalise();
    return value;
  }

  /** The shortest bytes in the interval, as the decoder reads zeros beyond their end. */
  finish(): Uint8Array<ArrayBuffer> {
    this.low = shortestIn(this.low, this.range);
    for (let byte = 0; byte < 4; byte++) this.shiftOut();
    let end = this.length;
    while (end > 0 && this.bytes[end - 1] === 0) end -= 1;
    return this.bytes.slice(0, end);
  }

  private normalise(): void {
    while (this.range < SMALLEST_RANGE) {
      this.shiftOut();
      this.range *= 256;
    }
  }

  private shiftOut(): void {
    if (this.low >= FULL) {
      this.low -= FULL;
      // The interval lies below 1, so a byte that is not 255 comes before the first.
      let at = this.length - 1;
      for (; this.bytes[at] === 255; at--) this.bytes[at] = 0;
      this.bytes[at] += 1;
    }
    if (this.length === this.bytes.length) this.grow();
    const top = Math.floor(this.low / SMALLEST_RANGE);
    this.bytes[this.length++] = top;
    this.low = (this.low - top * SMALLEST_RANGE) * 256;
  }

  private grow(): void {
    const bytes = new Uint8Array(this.bytes.length * 2);
    bytes.set(this.bytes);
    this.bytes = bytes;
  }
}

/** The number in an interval that has the most bytes of zeros at its end; the smallest of these. */
export function shortestIn(low: number, range: number): number {
  for (let unit = FULL; unit > 1; unit /= 256) {
    const value = Math.ceil(low / unit) * unit;
    if (value < low + range) return value;
  }
  return low;
}
