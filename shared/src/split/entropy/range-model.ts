// The model of channel ranges, as 16-bit floats. Whether the smallest value is 0, as after a ReLU, is one decision, which
// is soon learnt; the exponents of a map's largest values are alike, so they are counted; ten bits of fraction are noise.
import { AdaptiveBits } from "./adaptive-bit.ts";
import type { BitCoder } from "./bit-coder.ts";

const EXPONENT_BITS = 5;
const FRACTION_BITS = 10;
/** Of a half's exponent and sign together. */
const HEAD_BITS = EXPONENT_BITS + 1;

export class RangeModel {
  private readonly isConstant = new AdaptiveBits(1);
  private readonly isZero = new AdaptiveBits(1);
  private readonly lowHeads = new AdaptiveBits(1 << HEAD_BITS);
  private readonly highHeads = new AdaptiveBits(1 << HEAD_BITS);

  /** Bits of the two halves, or with a decoder what they turn out to be. */
  code(coder: BitCoder, low: number, high: number): [low: number, high: number] {
    const isConstant = this.isConstant.code(coder, low === high ? 1 : 0, 0);
    const isZero = this.isZero.code(coder, low === 0 ? 1 : 0, 0);
    const codedLow = isZero === 1 ? 0 : codeHalf(coder, this.lowHeads, low);
    return [codedLow, isConstant === 1 ? codedLow : codeHalf(coder, this.highHeads, high)];
  }
}

function codeHalf(coder: BitCoder, heads: AdaptiveBits, half: number): number {
  let prefix = 1;
  for (let at = HEAD_BITS - 1; at >= 0; at--) {
    prefix = (prefix << 1) | heads.code(coder, (half >> (FRACTION_BITS + at)) & 1, prefix);
  }
  const head = prefix - (1 << HEAD_BITS);
  return (head << FRACTION_BITS) | coder.codeEvenly(half & ((1 << FRACTION_BITS) - 1), FRACTION_BITS);
}
