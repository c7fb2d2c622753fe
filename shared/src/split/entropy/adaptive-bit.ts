// Chances of bits that are counted: quick at first, as 1 / (n + 1.5) of the way to each bit (Krichevsky and Trofimov's
// estimate), then at a steady pace.
import { type BitCoder, PROBABILITY_ONE } from "./bit-coder.ts";

/** Counted bits beyond which the pace is steady. */
const MAX_COUNT = 30;
/** Chances are kept in 1 / FINE of PROBABILITY_ONE. */
const FINE = 64;
const MARGIN = (PROBABILITY_ONE * FINE) / 128;

export class AdaptiveBits {
  private readonly chances: Int32Array;
  private readonly counts: Uint8Array;

  constructor(count: number) {
    this.chances = new Int32Array(count).fill((PROBABILITY_ONE * FINE) / 2);
    this.counts = new Uint8Array(count);
  }

  code(coder: BitCoder, bit: number, index: number): number {
    const chance = this.chances[index];
    const coded = coder.code(bit, Math.floor(chance / FINE));
    const count = this.counts[index];
    const target = coded === 1 ? PROBABILITY_ONE * FINE - MARGIN : MARGIN;
    this.chances[index] += Math.trunc(((target - chance) * 2) / (2 * count + 3));
    if (count < MAX_COUNT) this.counts[index] = count + 1;
    return coded;
  }
}
