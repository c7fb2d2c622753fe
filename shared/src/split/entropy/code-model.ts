// The model of codes: how likely each bit of each code is, from the codes before it. A code is told as decisions: is
// it 0; if not, its bits, the highest first, of 8 bits the upper four, since the rest is noise. Each decision is a
// logistic regression over one-hot features (code-contexts.ts): the sum of nine weights is the log-odds of a one, and
// every bit moves the weights that spoke by a step of its gradient. So weights are at once the prior, which stands in
// prior.ts, and what the frame has taught so far; the mixers of PAQ (Mahoney 2005) learn by the same rule.
//
// Whole numbers only: encoder and decoder, in whatever engine, go through the very same weights.
import { type BitCoder, PROBABILITY_BITS } from "./bit-coder.ts";
import { CodeContexts, FEATURE_COUNT, ROW_LENGTH } from "./code-contexts.ts";
import type { CodedMap } from "./coded-map.ts";
import { chanceOf } from "./logistic.ts";

/** Upper bits of a code that are worth a model. */
const MODELLED_BITS = 4;
/** The first rows ask "is it not 0", of codes of so many bits; then come those of a 2-bit code, of 4 bits or the upper 4. */
const ZERO_ROWS = [1, 2, 4, 8];
const TWO_BIT_ROWS = 4;
const FOUR_BIT_ROWS = 6;
export const ROW_COUNT = 21;
/** Log-odds that a weight moves for a surprise of 1, in 2^-16. */
export const LEARNING_RATE = 512;

const HALF = 1 << (PROBABILITY_BITS - 1);

export class CodeModel {
  private readonly contexts: CodeContexts;
  private readonly map: CodedMap;
  private readonly weights: Int32Array;
  private readonly rate: number;
  /** The row that asks whether a code is not 0. */
  private readonly zeroRow: number;

  /** Learns in `weights`, [ROW_COUNT, ROW_LENGTH] in 1 / LOG_ODDS_ONE. */
  constructor(map: CodedMap, weights: Int32Array, rate = LEARNING_RATE) {
    this.contexts = new CodeContexts(map.height, map.width, map.setting.bits);
    this.map = map;
    this.weights = weights;
    this.rate = rate;
    this.zeroRow = ZERO_ROWS.indexOf(map.setting.bits);
  }

  /** Codes or, with a decoder, fills one channel, [height, width]. */
  codeChannel(coder: BitCoder, codes: Uint8Array): void {
    const { contexts, map } = this;
    const { bits } = map.setting;
    for (let row = 0; row < map.height; row++) {
      for (let column = 0; column < map.width; column++) {
        const at = contexts.placeOf(row, column);
        const index = row * map.width + column;
        contexts.look(at);
        codes[index] = this.codeValue(coder, codes[index], bits);
        contexts.add(at, codes[index]);
      }
    }
    contexts.endChannel();
  }

  private codeValue(coder: BitCoder, value: number, bits: number): number {
    if (this.decide(coder, value > 0 ? 1 : 0, this.zeroRow) === 0) return 0;
    if (bits === 1) return 1;
    const noise = Math.max(bits - MODELLED_BITS, 0);
    const upper = this.codeUpper(coder, value >> noise, bits - noise, noise > 0);
    return noise === 0 ? upper : (upper << noise) | coder.codeEvenly(value & (2 ** noise - 1), noise);
  }

  /** The modelled bits of a code that is not 0; these may be all 0 only where more bits follow. */
  private codeUpper(coder: BitCoder, upper: number, bits: number, mayBeZero: boolean): number {
    const firstRow = (bits === 2 ? TWO_BIT_ROWS : FOUR_BIT_ROWS) - 1;
    // A leading 1, then the bits so far.
    let prefix = 1;
    for (let at = bits - 1; at >= 0; at--) {
      const isSure = at === 0 && !mayBeZero && prefix === 1 << (bits - 1);
      const bit = isSure ? 1 : this.decide(coder, (upper >> at) & 1, firstRow + prefix);
      prefix = (prefix << 1) | bit;
    }
    return prefix - (1 << bits);
  }

  private decide(coder: BitCoder, bit: number, row: number): number {
    const { weights } = this;
    const { places } = this.contexts;
    const start = row * ROW_LENGTH;
    let logOdds = 0;
    for (let feature = 0; feature < FEATURE_COUNT; feature++) logOdds += weights[start + places[feature]];
    const chance = chanceOf(logOdds);
    const coded = coder.code(bit, chance);
    const surprise = (coded << PROBABILITY_BITS) - chance;
    // Rounded, not cut off: what is all but sure would else push the weights down for ever.
    const step = (surprise * this.rate + HALF) >> PROBABILITY_BITS;
    for (let feature = 0; feature < FEATURE_COUNT; feature++) weights[start + places[feature]] += step;
    return coded;
  }
}
