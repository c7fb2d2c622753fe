import { mulberry32 } from "@spillway/shared/random/mulberry32";
import { PROBABILITY_ONE } from "@spillway/shared/split/entropy/bit-coder";
import { RangeDecoder } from "@spillway/shared/split/entropy/range-decoder";
import { RangeEncoder } from "@spillway/shared/split/entropy/range-encoder";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CodeLength } from "../../../bench/codec/code-length.ts";

/** A bit with its chance of being one, or so many even bits. */
type Step = { bit: number; chance: number } | { value: number; bits: number };

const chance = fc.oneof(fc.integer({ min: 1, max: PROBABILITY_ONE - 1 }), fc.constantFrom(1, PROBABILITY_ONE - 1));
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ bit: fc.constantFrom(0, 1), chance }),
  fc
    .integer({ min: 1, max: 12 })
    .chain((bits) => fc.record({ value: fc.integer({ min: 0, max: 2 ** bits - 1 }), bits: fc.constant(bits) })),
);

function encode(steps: readonly Step[]): Uint8Array {
  const encoder = new RangeEncoder(1);
  for (const one of steps) codeStep(encoder, one);
  return encoder.finish();
}

function codeStep(coder: RangeEncoder | RangeDecoder | CodeLength, one: Step): number {
  return "bit" in one ? coder.code(one.bit, one.chance) : coder.codeEvenly(one.value, one.bits);
}

/** The same questions with nothing to go by. */
function decode(bytes: Uint8Array, steps: readonly Step[]) {
  const decoder = new RangeDecoder(bytes);
  const answers = steps.map((one) => codeStep(decoder, "bit" in one ? { ...one, bit: 0 } : { ...one, value: 0 }));
  return { answers, isWhole: decoder.isWhole() };
}

function answersOf(steps: readonly Step[]): number[] {
  return steps.map((one) => ("bit" in one ? one.bit : one.value));
}

function lengthOf(steps: readonly Step[]): number {
  const length = new CodeLength();
  for (const one of steps) codeStep(length, one);
  return length.bits;
}

describe("the range coder", () => {
  it("gives back every bit, from bytes that it knows as an encoder's", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
        const bytes = encode(steps);
        expect(decode(bytes, steps)).toEqual({ answers: answersOf(steps), isWhole: true });
      }),
      { numRuns: 500 },
    );
  });

  it("is at most a byte and a hundredth longer than the bits are worth", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
        expect(encode(steps).length * 8).toBeLessThanOrEqual(lengthOf(steps) * 1.01 + 9);
      }),
      { numRuns: 500 },
    );
  });

  it("carries through long runs of 255", () => {
    // The interval stays astride of a carry as long as each bit takes the half that holds the middle.
    const random = mulberry32(5);
    for (let length = 1; length < 400; length++) {
      const steps: Step[] = [{ bit: 0, chance: PROBABILITY_ONE / 2 - 1 }];
      for (let at = 0; at < length; at++) steps.push({ bit: at === length - 1 ? 0 : 1, chance: 1 + (at % 2) });
      steps.push({ value: Math.floor(random() * 4096), bits: 12 });
      expect(decode(encode(steps), steps)).toEqual({ answers: answersOf(steps), isWhole: true });
    }
  });

  it("writes nothing for what is all but sure", () => {
    const steps = Array.from({ length: 100 }, () => ({ bit: 1, chance: PROBABILITY_ONE - 1 }));
    expect(encode([])).toHaveLength(0);
    expect(encode(steps)).toHaveLength(0);
    expect(decode(new Uint8Array(), steps).isWhole).toBe(true);
  });

  it("reads anything without an error, zeros beyond the end", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), fc.array(step, { maxLength: 300 }), (bytes, steps) => {
        decode(bytes, steps).answers.forEach((answer, at) => {
          const one = steps[at];
          expect(answer).toBeGreaterThanOrEqual(0);
          expect(answer).toBeLessThan("bit" in one ? 2 : 2 ** one.bits);
        });
      }),
    );
  });

  it("takes bytes for an encoder's only where an encoder writes them", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 8 }), fc.array(step, { maxLength: 20 }), (bytes, steps) => {
        const { answers, isWhole } = decode(bytes, steps);
        const again = steps.map((one, at) =>
          "bit" in one ? { ...one, bit: answers[at] } : { ...one, value: answers[at] },
        );
        expect(isWhole).toBe(Buffer.from(encode(again)).equals(bytes));
      }),
      { numRuns: 2000 },
    );
  });

  it("knows bytes that no encoder writes", () => {
    const steps: Step[] = [{ value: 0xabc, bits: 12 }];
    const bytes = encode(steps);
    expect(decode(Uint8Array.of(...bytes, 0), steps).isWhole).toBe(false);
    for (const more of [[1], [1, 1], [1, 1, 1], [1, 1, 1, 1]]) {
      expect(decode(Uint8Array.of(...bytes, ...more), steps).isWhole).toBe(false);
    }
  });
});
