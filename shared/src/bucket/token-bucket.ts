// The token bucket as a reducer: state and time in, state out. Time is passed in, so the Durable
// Object and the simulator run the same code. Over any span of t seconds that starts with a full
// bucket it grants at most rate x t + depth tokens, whatever the clock does.

/**
 * From here on a token counts as whole. Ten refills of 0.1 come to 1 - 2^-53, and it is the bucket's owner who would
 * wait a turn longer for that. What is missing stays missing: a bucket may go this far below zero, so that no number
 * of such grants adds up to a token that nobody was promised.
 */
export const WHOLE_TOKEN = 1 - 1e-9;

export interface BucketOptions {
  /** Tokens a second, at least 0. */
  rate: number;
  /** Tokens the bucket can hold, at least 0. Below 1 it never holds a whole token, so it grants none. */
  depth: number;
}

export interface BucketState {
  tokens: number;
  /** The latest time seen, in milliseconds. A clock that goes backwards adds nothing until it passes this again. */
  updatedAtMs: number;
  /** The options under which the time since `updatedAtMs` is credited. */
  options: BucketOptions;
}

/** A full bucket. @throws RangeError for negative or non-finite options, or a time that is no number */
export function createBucket(options: BucketOptions, nowMs: number): BucketState {
  checkOptions(options, nowMs);
  return { tokens: options.depth, updatedAtMs: nowMs, options };
}

/**
 * The bucket at `nowMs`. Time up to now is credited at the old rate and depth, then the new
 * options apply: a greater depth is room, not tokens, and a smaller one spills what is above it.
 *
 * @throws RangeError for negative or non-finite options, or a time that is no number
 */
export function refill(state: BucketState, options: BucketOptions, nowMs: number): BucketState {
  checkOptions(options, nowMs);
  const elapsedSeconds = Math.max(0, nowMs - state.updatedAtMs) / 1000;
  return {
    tokens: Math.min(refilled(state.tokens, state.options, elapsedSeconds), options.depth),
    updatedAtMs: Math.max(nowMs, state.updatedAtMs),
    options,
  };
}

/** Tokens after so many seconds: the sum that the bucket and its simulation share. */
export function refilled(tokens: number, { rate, depth }: BucketOptions, elapsedSeconds: number): number {
  return Math.min(tokens + elapsedSeconds * rate, depth);
}

/** Whether there is a whole one. */
export function hasToken(tokens: number, { depth }: BucketOptions): boolean {
  return tokens >= WHOLE_TOKEN && depth >= 1;
}

/** Takes one token; null when there is no whole one. */
export function spend(state: BucketState): BucketState | null {
  return hasToken(state.tokens, state.options) ? { ...state, tokens: state.tokens - 1 } : null;
}

/** Gives one token back, never above the depth. */
export function refund(state: BucketState): BucketState {
  return { ...state, tokens: Math.min(state.tokens + 1, state.options.depth) };
}

/** Seconds until one whole token is there; Infinity when it never will be. */
export function secondsUntilToken(state: BucketState): number {
  if (hasToken(state.tokens, state.options)) return 0;
  if (state.options.depth < 1 || state.options.rate === 0) return Number.POSITIVE_INFINITY;
  return (1 - state.tokens) / state.options.rate;
}

function checkOptions({ rate, depth }: BucketOptions, nowMs: number): void {
  if (!Number.isFinite(nowMs)) throw new RangeError(`nowMs: expected a finite number, got ${nowMs}`);
  if (!(rate >= 0 && Number.isFinite(rate))) throw new RangeError(`rate: expected at least 0, got ${rate}`);
  if (!(depth >= 0 && Number.isFinite(depth))) throw new RangeError(`depth: expected at least 0, got ${depth}`);
}
