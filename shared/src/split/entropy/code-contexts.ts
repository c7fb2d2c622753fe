// What is known of a code before it is coded: nine features of the codes around it, each cut into a few levels. A
// level's place in a row of weights is its feature's offset plus the level.
//
//   near               weighted mean of six codes to the left and above
//   left, above, above-left, above-right
//   place              mean over the channels before, here and at the four sides: where the image has something to say
//   channel            mean of this channel's codes so far
//   channel, non-zero  share of this channel's codes so far that are not 0
//   seen               how many codes of this channel those means stand on
//
// Outside the map all codes are 0. Means are shares of the largest code, so all numbers of bits share the cuts.
import { quantiserLevels } from "../setting.ts";

const CODE_CUTS = [0, 0.08, 0.2, 0.4, 0.65];
const NEAR_CUTS = [0, 0.015, 0.03, 0.06, 0.1, 0.15, 0.22, 0.32, 0.45, 0.65];
const PLACE_CUTS = [0.02, 0.05, 0.09, 0.14, 0.2, 0.28, 0.4];
const CHANNEL_CUTS = [0, 0.02, 0.06, 0.12, 0.2, 0.32, 0.5];
const SHARE_STEPS = 8;
const MAX_SEEN_LEVEL = 7;
/** Near: left and above count 6, the diagonals 3, two to the left and two above 2. */
const NEAR_WEIGHT = 22;
/** Place: here counts 2, each side 1. */
const PLACE_WEIGHT = 6;

const NEAR = 0;
const PLACE = NEAR + NEAR_CUTS.length + 1;
const CHANNEL = PLACE + PLACE_CUTS.length + 2;
const NON_ZERO = CHANNEL + CHANNEL_CUTS.length + 1;
const LEFT = NON_ZERO + SHARE_STEPS + 1;
const CODE_LEVELS = CODE_CUTS.length + 1;
const ABOVE = LEFT + CODE_LEVELS;
const ABOVE_LEFT = ABOVE + CODE_LEVELS;
const ABOVE_RIGHT = ABOVE_LEFT + CODE_LEVELS;
const SEEN = ABOVE_RIGHT + CODE_LEVELS;
/** Weights of one decision. */
export const ROW_LENGTH = SEEN + MAX_SEEN_LEVEL + 1;
/** Features of one code. */
export const FEATURE_COUNT = 9;

/** Means are looked up in steps of 1/256. */
const MEAN_STEPS = 256;
const NEAR_LEVELS = levelTable(NEAR_CUTS);
const PLACE_LEVELS = levelTable(PLACE_CUTS);
const CHANNEL_LEVELS = levelTable(CHANNEL_CUTS);
const BITS = [1, 2, 4, 8];
const CODE_LEVEL_TABLES = BITS.map((bits) => codeLevelTable(quantiserLevels(bits)));

export class CodeContexts {
  /** Places in a row of weights, one a feature; written by {@link look}. */
  readonly places = new Int32Array(FEATURE_COUNT);
  /** Row length of both planes: two columns of zeros before each row serve the row before as well. */
  private readonly stride: number;
  /** The channel's codes, two rows of zeros above. */
  private readonly codes: Uint8Array;
  /** Sums over the channels before, zeros around. */
  private readonly sums: Int32Array;
  private readonly codeLevels: Uint8Array;
  private readonly levels: number;
  private channelsBefore = 0;
  private seen = 0;
  private sum = 0;
  private nonZero = 0;

  constructor(height: number, width: number, bits: number) {
    this.stride = width + 2;
    this.codes = new Uint8Array((height + 2) * this.stride + 2);
    this.sums = new Int32Array((height + 4) * this.stride + 2);
    this.levels = quantiserLevels(bits);
    this.codeLevels = CODE_LEVEL_TABLES[BITS.indexOf(bits)];
  }

  /** Where the code of a row and column is kept. */
  placeOf(row: number, column: number): number {
    return (row + 2) * this.stride + column + 2;
  }

  look(at: number): void {
    const { places, codes, stride, codeLevels, levels } = this;
    const [left, above] = [codes[at - 1], codes[at - stride]];
    const [aboveLeft, aboveRight] = [codes[at - stride - 1], codes[at - stride + 1]];
    const near = 6 * (left + above) + 3 * (aboveLeft + aboveRight) + 2 * (codes[at - 2] + codes[at - 2 * stride]);
    places[0] = NEAR + (near === 0 ? 0 : NEAR_LEVELS[Math.floor((near * MEAN_STEPS) / (NEAR_WEIGHT * levels))]);
    places[1] = PLACE + this.placeLevel(at);
    places[2] = CHANNEL + this.channelLevel();
    places[3] = NON_ZERO + this.nonZeroLevel();
    places[4] = LEFT + codeLevels[left];
    places[5] = ABOVE + codeLevels[above];
    places[6] = ABOVE_LEFT + codeLevels[aboveLeft];
    places[7] = ABOVE_RIGHT + codeLevels[aboveRight];
    places[8] = SEEN + Math.min(32 - Math.clz32(this.seen), MAX_SEEN_LEVEL);
  }

  add(at: number, code: number): void {
    this.codes[at] = code;
    this.seen += 1;
    this.sum += code;
    if (code > 0) this.nonZero += 1;
  }

  endChannel(): void {
    for (let at = 0; at < this.codes.length; at++) this.sums[at] += this.codes[at];
    this.codes.fill(0);
    this.channelsBefore += 1;
    this.seen = 0;
    this.sum = 0;
    this.nonZero = 0;
  }

  /** 0 in the first channel. */
  private placeLevel(at: number): number {
    if (this.channelsBefore === 0) return 0;
    const { sums, stride } = this;
    const sum = 2 * sums[at] + sums[at - 1] + sums[at + 1] + sums[at - stride] + sums[at + stride];
    const largest = PLACE_WEIGHT * this.channelsBefore * this.levels;
    return 1 + PLACE_LEVELS[Math.floor((sum * MEAN_STEPS) / largest)];
  }

  /** 0 as long as there is no mean worth the name. */
  private channelLevel(): number {
    return this.sum === 0 ? 0 : CHANNEL_LEVELS[Math.floor((this.sum * MEAN_STEPS) / (this.seen * this.levels))];
  }

  private nonZeroLevel(): number {
    if (this.seen < 2) return 0;
    return 1 + Math.min(Math.floor((this.nonZero * SHARE_STEPS) / this.seen), SHARE_STEPS - 1);
  }
}

function levelTable(cuts: readonly number[]): Uint8Array {
  return Uint8Array.from({ length: MEAN_STEPS + 1 }, (_, step) => levelOf((step + 0.5) / MEAN_STEPS, cuts));
}

function codeLevelTable(levels: number): Uint8Array {
  return Uint8Array.from({ length: levels + 1 }, (_, code) => levelOf(code / levels, CODE_CUTS));
}

/** How many cuts lie below a share. */
function levelOf(share: number, cuts: readonly number[]): number {
  return cuts.filter((cut) => share > cut).length;
}
