// What a model needs of an arithmetic coder: one bit at a time, with its probability. The encoder writes the bit it is
// given; the decoder is given anything and answers with the bit it reads. So one model serves both, and they cannot
// come apart.

/** Probabilities are whole numbers of 1 / PROBABILITY_ONE. */
export const PROBABILITY_BITS = 15;
export const PROBABILITY_ONE = 1 << PROBABILITY_BITS;

export interface BitCoder {
  /** `chanceOfOne` is from 1 to PROBABILITY_ONE - 1. Returns the bit. */
  code(bit: number, chanceOfOne: number): number;
}

/** So many of the lowest bits of a number, the highest first, each as likely 0 as 1. */
export function codeEvenly(coder: BitCoder, value: number, bits: number): number {
  let coded = 0;
  for (let at = bits - 1; at >= 0; at--) {
    coded = (coded << 1) | coder.code((value >> at) & 1, PROBABILITY_ONE / 2);
  }
  return coded;
}
