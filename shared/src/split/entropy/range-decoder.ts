// Reads what range-encoder.ts writes. Bytes beyond the end are zeros, so no input makes it read out of bounds; what it
// makes of a damaged message is some other message.
import { type BitCoder, PROBABILITY_BITS } from "./bit-coder.ts";
import { SMALLEST_RANGE } from "./range-encoder.ts";

export class RangeDecoder implements BitCoder {
  private readonly bytes: Uint8Array;
  private at = 0;
  private range = 2 ** 32 - 1;
  /** Of the message, from the interval's start. */
  private offset = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    for (let byte = 0; byte < 4; byte++) this.offset = this.offset * 256 + this.next();
  }

  code(_bit: number, chanceOfOne: number): number {
    const ones = (this.range >>> PROBABILITY_BITS) * chanceOfOne;
    const bit = this.offset < ones ? 1 : 0;
    if (bit === 1) {
      this.range = ones;
    } else {
      this.offset -= ones;
      this.range -= ones;
    }
    this.normalise();
    return bit;
  }

  codeEvenly(_value: number, bits: number): number {
    const share = this.range >>> bits;
    const largest = (1 << bits) - 1;
    const value = Math.min(Math.floor(this.offset / share), largest);
    this.offset -= value * share;
    this.range = value === largest ? this.range - value * share : share;
    this.normalise();
    return value;
  }

  /** Whether all bytes were needed, and none is a zero that goes without saying: else no encoder wrote them. */
  hasReadAll(): boolean {
    const { length } = this.bytes;
    return length <= this.at && (length === 0 || this.bytes[length - 1] !== 0);
  }

  private normalise(): void {
    while (this.range < SMALLEST_RANGE) {
      this.range *= 256;
      this.offset = this.offset * 256 + this.next();
    }
  }

  private next(): number {
    const byte = this.at < this.bytes.length ? this.bytes[this.at] : 0;
    this.at += 1;
    return byte;
  }
}
