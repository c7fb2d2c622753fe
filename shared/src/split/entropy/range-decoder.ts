// Reads what range-encoder.ts writes. Bytes beyond the end are zeros, so no input makes it read out of bounds; what it
// makes of a damaged message is some other message.
import { type BitCoder, PROBABILITY_BITS } from "./bit-coder.ts";
import { SMALLEST_RANGE, shortestIn } from "./range-encoder.ts";

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

  /** Whether the bytes are those that an encoder ends with: no more than were read, and the shortest of their meaning. */
  isWhole(): boolean {
    const { length } = this.bytes;
    if (length > this.at || (length > 0 && this.bytes[length - 1] === 0)) return false;
    let message = 0;
    for (let at = this.at - 4; at < this.at; at++) message = message * 256 + this.byteAt(at);
    return message === shortestIn(message - this.offset, this.range);
  }

  private normalise(): void {
    while (this.range < SMALLEST_RANGE) {
      this.range *= 256;
      this.offset = this.offset * 256 + this.next();
    }
  }

  private next(): number {
    return this.byteAt(this.at++);
  }

  private byteAt(at: number): number {
    return at < this.bytes.length ? this.bytes[at] : 0;
  }
}
