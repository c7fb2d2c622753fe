// What a model needs of an arithmetic coder: one bit at a time, with its probability. The encoder writes the bit it is
// given; the decoder is given anything and answers with the bit it reads. So one model serves both, and they cannot
// come apart.

/** Probabilities are whole numbers of 1 / PROBABILITY_ONE. */
export const PROBABILITY_BITS = 15;
export const PROBABILITY_ONE = 1 << PROBABILITY_BITS;

export interface BitCoder {
  /** `chanceOfOne` is from 1 to PROBABILITY_ONE - 1. Returns the bit. */
  code(bit: number, chanceOfOne: number): number;
  /** A number of so many bits, at most 12, all equally likely. Returns the number. */
  codeEvenly(value: number, bits: number): number;
}
