// What a model thinks a message is worth: minus the binary logarithm of each bit's chance. No coder writes fewer bits.
import { type BitCoder, PROBABILITY_ONE } from "@spillway/shared/split/entropy/bit-coder";

export class CodeLength implements BitCoder {
  bits = 0;

  code(bit: number, chanceOfOne: number): number {
    this.bits -= Math.log2((bit === 1 ? chanceOfOne : PROBABILITY_ONE - chanceOfOne) / PROBABILITY_ONE);
    return bit;
  }

  codeEvenly(value: number, bits: number): number {
    this.bits += bits;
    return value;
  }
}
