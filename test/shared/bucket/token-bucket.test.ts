import {
  type BucketOptions,
  type BucketState,
  createBucket,
  refill,
  refund,
  secondsUntilToken,
  spend,
  WHOLE_TOKEN,
} from "@spillway/shared/bucket/token-bucket";
import fc from "fast-check";
import { describe, expect, it, test } from "vitest";

const SEED = { seed: 8, numRuns: 300 };
const START_MS = 1_700_000_000_000;

const fractional = fc.record({
  rate: fc.oneof(fc.constant(0), fc.double({ min: 0, max: 50, noNaN: true })),
  depth: fc.oneof(fc.constantFrom(0, 0.5, 1), fc.double({ min: 0, max: 30, noNaN: true })),
});

/** What happens to a bucket: the clock jumps (both ways), the options may change, then tokens are wanted and returned. */
const step = (options: fc.Arbitrary<BucketOptions>, jumpMs: fc.Arbitrary<number>) =>
  fc.record({ jumpMs, options: fc.option(options, { nil: undefined }), spends: fc.nat(12), refunds: fc.nat(3) });
const jump = fc.oneof(fc.integer({ min: -20_000, max: 20_000 }), fc.integer({ min: 0, max: 300 }));
const schedule = fc.tuple(fractional, fc.array(step(fractional, jump), { maxLength: 25 }));

/** Spends up to `times` tokens. */
function spendUpTo(state: BucketState, times: number): { state: BucketState; granted: number } {
  let current = state;
  for (let granted = 0; granted < times; granted++) {
    const next = spend(current);
    if (next === null) return { state: current, granted };
    current = next;
  }
  return { state: current, granted: times };
}

describe("any schedule of refills, spends, refunds, changed options and a clock that jumps both ways", () => {
  it("grants at most rate x t + depth tokens, refunds aside", () => {
    fc.assert(
      fc.property(schedule, ([first, steps]) => {
        let options = first;
        let state = createBucket(options, START_MS);
        let [nowMs, latestMs, allowance, granted] = [START_MS, START_MS, options.depth, 0];
        for (const each of steps) {
          nowMs += each.jumpMs;
          allowance += (options.rate * Math.max(0, nowMs - latestMs)) / 1000;
          latestMs = Math.max(latestMs, nowMs);
          options = each.options ?? options;
          state = refill(state, options, nowMs);
          const spent = spendUpTo(state, each.spends);
          granted += spent.granted;
          expect(granted).toBeLessThanOrEqual(allowance + 1e-6);
          const refunds = Math.min(each.refunds, granted);
          state = spent.state;
          for (let k = 0; k < refunds; k++) state = refund(state);
          granted -= refunds;
        }
      }),
      SEED,
    );
  });

  it("holds between 0 tokens and its depth", () => {
    fc.assert(
      fc.property(schedule, ([first, steps]) => {
        let options = first;
        let state = createBucket(options, START_MS);
        let nowMs = START_MS;
        const isWithin = () => state.tokens >= WHOLE_TOKEN - 1 && state.tokens <= options.depth;
        for (const each of steps) {
          nowMs += each.jumpMs;
          options = each.options ?? options;
          state = refill(state, options, nowMs);
          expect(isWithin()).toBe(true);
          state = spendUpTo(state, each.spends).state;
          expect(isWithin()).toBe(true);
          for (let k = 0; k < each.refunds; k++) state = refund(state);
          expect(isWithin()).toBe(true);
        }
      }),
      SEED,
    );
  });

  it("does what a bucket does that is filled second by second", () => {
    // Whole seconds and whole tokens: both sides are exact, so that one token more or less shows.
    const whole = fc.record({ rate: fc.nat(4), depth: fc.nat(10) });
    const wholeJump = fc.integer({ min: -6, max: 10 }).map((seconds) => seconds * 1000);
    fc.assert(
      fc.property(whole, fc.array(step(whole, wholeJump), { maxLength: 25 }), (first, steps) => {
        const plain = { tokens: first.depth, latestMs: START_MS, options: first };
        let state = createBucket(first, START_MS);
        let nowMs = START_MS;
        for (const each of steps) {
          nowMs += each.jumpMs;
          for (; plain.latestMs < nowMs; plain.latestMs += 1000) {
            plain.tokens = Math.min(plain.tokens + plain.options.rate, plain.options.depth);
          }
          plain.options = each.options ?? plain.options;
          plain.tokens = Math.min(plain.tokens, plain.options.depth);
          state = refill(state, plain.options, nowMs);
          expect(state.tokens).toBe(plain.tokens);
          const spent = spendUpTo(state, each.spends);
          expect(spent.granted).toBe(Math.min(each.spends, plain.tokens));
          state = spent.state;
          plain.tokens -= spent.granted;
          for (let k = 0; k < each.refunds; k++) state = refund(state);
          plain.tokens = Math.min(plain.tokens + each.refunds, plain.options.depth);
          expect(state.tokens).toBe(plain.tokens);
        }
      }),
      SEED,
    );
  });
});

describe("createBucket", () => {
  it("starts full", () => {
    const state = createBucket({ rate: 1, depth: 3 }, START_MS);
    expect(state).toEqual({ tokens: 3, updatedAtMs: START_MS, options: { rate: 1, depth: 3 } });
    expect(spendUpTo(state, 10).granted).toBe(3);
  });
});

describe("refill", () => {
  const empty = (options: BucketOptions): BucketState => ({ tokens: 0, updatedAtMs: START_MS, options });

  it("credits the rate, by the millisecond", () => {
    const options = { rate: 4, depth: 10 };
    expect(refill(empty(options), options, START_MS + 250).tokens).toBe(1);
    expect(refill(empty(options), options, START_MS + 1).tokens).toBeCloseTo(0.004, 12);
  });

  it("credits the same in one step and in many", () => {
    const options = { rate: 2, depth: 10 };
    let state = empty(options);
    for (let ms = 125; ms <= 3000; ms += 125) state = refill(state, options, START_MS + ms);
    expect(state.tokens).toBe(refill(empty(options), options, START_MS + 3000).tokens);
  });

  it("credits nothing twice when the clock goes back and returns", () => {
    const options = { rate: 1, depth: 10 };
    let state = refill(empty(options), options, START_MS + 2000);
    state = refill(state, options, START_MS - 60_000);
    expect(state).toMatchObject({ tokens: 2, updatedAtMs: START_MS + 2000 });
    state = refill(state, options, START_MS + 2000);
    expect(state.tokens).toBe(2);
    expect(refill(state, options, START_MS + 3000).tokens).toBe(3);
  });

  it("credits the time so far at the old rate, and what follows at the new one", () => {
    const slow = { rate: 1, depth: 100 };
    const fast = { rate: 10, depth: 100 };
    let state = refill(empty(slow), fast, START_MS + 5000);
    expect(state.tokens).toBe(5);
    state = refill(state, fast, START_MS + 6000);
    expect(state.tokens).toBe(15);
  });

  it("gives room and no tokens for a greater depth", () => {
    const full = createBucket({ rate: 0, depth: 2 }, START_MS);
    const deeper = refill(full, { rate: 0, depth: 50 }, START_MS + 1000);
    expect(deeper.tokens).toBe(2);
  });

  it("caps what was earned at the old depth before a greater one applies", () => {
    const full = createBucket({ rate: 1, depth: 2 }, START_MS);
    expect(refill(full, { rate: 1, depth: 50 }, START_MS + 60_000).tokens).toBe(2);
  });

  it("spills what a smaller depth cannot hold, for good", () => {
    const full = createBucket({ rate: 0, depth: 9 }, START_MS);
    const shallow = refill(full, { rate: 0, depth: 2 }, START_MS);
    expect(shallow.tokens).toBe(2);
    expect(refill(shallow, { rate: 0, depth: 9 }, START_MS).tokens).toBe(2);
  });

  it("never refills at a rate of 0", () => {
    const options = { rate: 0, depth: 1 };
    expect(refill(empty(options), options, START_MS + 1e12).tokens).toBe(0);
  });
});

describe("spend", () => {
  it("takes one whole token, and none from less", () => {
    const options = { rate: 1, depth: 5 };
    const state = { tokens: 1.5, updatedAtMs: START_MS, options };
    expect(spend(state)).toEqual({ tokens: 0.5, updatedAtMs: START_MS, options });
    expect(spend({ ...state, tokens: 1 })?.tokens).toBe(0);
    expect(spend({ ...state, tokens: WHOLE_TOKEN - Number.EPSILON })).toBeNull();
    expect(state.tokens).toBe(1.5);
  });

  it("makes nobody wait for what rounding takes from a sum of refills", () => {
    const options = { rate: 0.1, depth: 5 };
    let state: BucketState = { tokens: 0, updatedAtMs: START_MS, options };
    for (let second = 1; second <= 10; second++) state = refill(state, options, START_MS + second * 1000);
    expect(state.tokens).toBeLessThan(1);
    const spent = spend(state);
    expect(spent).not.toBeNull();
    // What was missing is still owed.
    expect(spent?.tokens).toBe(state.tokens - 1);
  });

  it.each([0, 0.5, 1 - Number.EPSILON])("grants none at a depth of %d, however long one waits", (depth) => {
    const options = { rate: 1000, depth };
    const state = refill(createBucket(options, START_MS), options, START_MS + 1e9);
    expect(spend(state)).toBeNull();
    expect(spend(refund(state))).toBeNull();
    expect(secondsUntilToken(state)).toBe(Number.POSITIVE_INFINITY);
  });

  it("grants at a depth of exactly 1", () => {
    expect(spend(createBucket({ rate: 0, depth: 1 }, START_MS))?.tokens).toBe(0);
  });
});

describe("refund", () => {
  it("undoes a spend", () => {
    const state = createBucket({ rate: 1, depth: 3 }, START_MS);
    expect(refund(spend(state) ?? state)).toEqual(state);
  });

  it("never fills above the depth", () => {
    const state = createBucket({ rate: 1, depth: 2.5 }, START_MS);
    expect(refund(state).tokens).toBe(2.5);
    expect(refund({ ...state, tokens: 2 }).tokens).toBe(2.5);
  });
});

describe("secondsUntilToken", () => {
  it.each([
    ["a whole token is there", 1, 2, 5, 0],
    ["several tokens are there", 3.5, 2, 5, 0],
    ["a whole token is there and none will follow", 1, 0, 5, 0],
    ["half a token is missing", 0.5, 2, 5, 0.25],
    ["the bucket is empty", 0, 0.1, 5, 10],
    ["the bucket is empty and never refills", 0, 0, 5, Number.POSITIVE_INFINITY],
    ["it holds one token at most", 0.75, 1, 1, 0.25],
  ])("when %s", (_, tokens, rate, depth, seconds) => {
    expect(secondsUntilToken({ tokens, updatedAtMs: START_MS, options: { rate, depth } })).toBeCloseTo(seconds, 12);
  });

  it("is how long a refused caller has to wait: no shorter, and a millisecond more at most", () => {
    const options = fc.record({
      rate: fc.double({ min: 0.01, max: 100, noNaN: true }),
      depth: fc.double({ min: 1, max: 20, noNaN: true }),
    });
    fc.assert(
      fc.property(options, fc.double({ min: 0, max: 0.999, noNaN: true }), (given, tokens) => {
        const state = { tokens, updatedAtMs: START_MS, options: given };
        const waitMs = secondsUntilToken(state) * 1000;
        expect(spend(refill(state, given, START_MS + Math.ceil(waitMs) + 1))).not.toBeNull();
        expect(spend(refill(state, given, START_MS + Math.floor(waitMs) - 1))).toBeNull();
      }),
      SEED,
    );
  });
});

describe.each([
  ["createBucket", (options: BucketOptions) => createBucket(options, START_MS)],
  ["refill", (options: BucketOptions) => refill(createBucket({ rate: 1, depth: 1 }, START_MS), options, START_MS)],
])("%s", (_, use) => {
  it.each([
    [{ rate: -1, depth: 1 }, "rate: expected at least 0, got -1"],
    [{ rate: -Number.MIN_VALUE, depth: 1 }, "rate: expected at least 0, got -5e-324"],
    [{ rate: Number.NaN, depth: 1 }, "rate: expected at least 0, got NaN"],
    [{ rate: Number.POSITIVE_INFINITY, depth: 1 }, "rate: expected at least 0, got Infinity"],
    [{ rate: 1, depth: -1 }, "depth: expected at least 0, got -1"],
    [{ rate: 1, depth: Number.NaN }, "depth: expected at least 0, got NaN"],
    [{ rate: 1, depth: Number.POSITIVE_INFINITY }, "depth: expected at least 0, got Infinity"],
  ])("refuses %o", (options, message) => {
    expect(() => use(options)).toThrow(new RangeError(message));
  });

  it("accepts a rate and a depth of 0", () => {
    expect(use({ rate: 0, depth: 0 }).tokens).toBe(0);
  });
});

test.each([Number.NaN, Number.POSITIVE_INFINITY])("the time %s is refused before it empties the bucket", (nowMs) => {
  const options = { rate: 1, depth: 1 };
  expect(() => createBucket(options, nowMs)).toThrow(RangeError);
  expect(() => refill(createBucket(options, 0), options, nowMs)).toThrow(RangeError);
});
