// Range asymmetric numeral systems (Duda 2009) with a table of frequencies at the front: what a coder pays that learns
// nothing on the way. A frequency, in 1/4096, is written in Elias's gamma code, plus one, so that a zero takes one bit.
import type { CodedMap, MapContent } from "@spillway/shared/split/entropy/coded-map";
import { RangeDecoder } from "@spillway/shared/split/entropy/range-decoder";
import { RangeEncoder } from "@spillway/shared/split/entropy/range-encoder";
import { codeRanges } from "./code-ranges.ts";

const TABLE_BITS = 12;
const TOTAL = 1 << TABLE_BITS;
/** The state is kept from here to 256 times as much. */
const LOWEST_STATE = 2 ** 23;

/** Two bytes that say how long the ranges and the table are, these, then the numeral. */
export function encodeSemiStatic(map: CodedMap, content: MapContent): Uint8Array {
  const { frequencies, starts } = tableOf(frequenciesOf(content.codes, 1 << map.setting.bits));
  const encoder = new RangeEncoder(256);
  codeRanges(encoder, map, content);
  for (const frequency of frequencies) {
    const bits = 31 - Math.clz32(frequency + 1);
    for (let at = 0; at < bits; at++) encoder.codeEvenly(1, 1);
    encoder.codeEvenly(0, 1);
    if (bits > 0) encoder.codeEvenly(frequency + 1 - (1 << bits), bits);
  }
  const head = encoder.finish();
  const tail: number[] = [];
  let state = LOWEST_STATE;
  for (let at = content.codes.length - 1; at >= 0; at--) {
    const [frequency, start] = [frequencies[content.codes[at]], starts[content.codes[at]]];
    for (; state >= (LOWEST_STATE / TOTAL) * 256 * frequency; state = Math.floor(state / 256)) tail.push(state % 256);
    state = Math.floor(state / frequency) * TOTAL + start + (state % frequency);
  }
  for (let byte = 0; byte < 4; byte++, state = Math.floor(state / 256)) tail.push(state % 256);
  return Uint8Array.from([head.length & 0xff, head.length >> 8, ...head, ...tail.reverse()]);
}

export function decodeSemiStatic(map: CodedMap, bytes: Uint8Array): MapContent {
  const { channels, bits } = map.setting;
  const codes = new Uint8Array(channels * map.height * map.width);
  const content = { ranges: new Float32Array(channels * 2), codes };
  const end = 2 + bytes[0] + (bytes[1] << 8);
  const decoder = new RangeDecoder(bytes.subarray(2, end));
  codeRanges(decoder, map, content);
  const read = Array.from({ length: 1 << bits }, () => {
    let size = 0;
    while (decoder.codeEvenly(0, 1) === 1) size += 1;
    return (1 << size) - 1 + (size > 0 ? decoder.codeEvenly(0, size) : 0);
  });
  const { frequencies, starts, codeAt } = tableOf(read);
  let at = end;
  let state = 0;
  for (let byte = 0; byte < 4; byte++) state = state * 256 + bytes[at++];
  for (let index = 0; index < codes.length; index++) {
    const slot = state % TOTAL;
    codes[index] = codeAt[slot];
    state = Math.floor(state / TOTAL) * frequencies[codes[index]] + slot - starts[codes[index]];
    while (state < LOWEST_STATE) state = state * 256 + bytes[at++];
  }
  return content;
}

/** Shares of TOTAL, at least 1 for every code that occurs; the most frequent ones give or take what rounding leaves. */
function frequenciesOf(codes: Uint8Array, count: number): number[] {
  const counts = new Array<number>(count).fill(0);
  for (const code of codes) counts[code] += 1;
  const shares = counts.map((seen) => (seen === 0 ? 0 : Math.max(1, Math.round((seen * TOTAL) / codes.length))));
  let left = TOTAL - shares.reduce((sum, share) => sum + share, 0);
  while (left !== 0) {
    // Of too many one by one: all of them may be more than any single code has.
    const step = Math.max(left, -1);
    shares[shares.indexOf(Math.max(...shares))] += step;
    left -= step;
  }
  return shares;
}

function tableOf(frequencies: number[]) {
  const starts: number[] = [];
  const codeAt = new Uint8Array(TOTAL);
  let start = 0;
  frequencies.forEach((frequency, code) => {
    starts.push(start);
    codeAt.fill(code, start, start + frequency);
    start += frequency;
  });
  return { frequencies, starts, codeAt };
}
