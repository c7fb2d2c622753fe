// A hidden Markov model of what arrives: the images' difficulty (or the time between them) has states that last, and
// what is seen is drawn anew from the state each time. Learnt from recorded traffic by maximum likelihood, filtered
// online in a few numbers. Source: Baum, Petrie, Soules & Weiss 1970; Rabiner, Proceedings of the IEEE 1989.

export interface HiddenMarkovModel {
  states: number;
  symbols: number;
  /** Probability of the next state, row-major [states, states]. */
  transitions: Float64Array;
  /** Probability of each symbol, row-major [states, symbols]. */
  emissions: Float64Array;
}

export interface HiddenMarkovFit {
  model: HiddenMarkovModel;
  /** Mean log-likelihood a symbol, in nats, of the sequence under this model. */
  logLikelihood: number;
}

/** What every transition and symbol counts before anything is seen: nothing stays impossible. */
export const TRANSITION_PRIOR = 1e-3;
export const EMISSION_PRIOR = 1e-2;
/** The start of a fit: states last ten symbols, and each prefers a band of the symbols. */
const START_STAY = 0.9;
const START_BAND = 0.06;
/** Mean log-likelihood that a step must gain for another to follow. */
const SMALLEST_GAIN = 1e-5;
/** Squarings of a chain that outlast every state: 2^60 steps. */
const SQUARINGS = 60;

/**
 * Expectation-maximisation from states that split the (ordered) symbols into overlapping bands.
 * What no step lowers is the log-likelihood of the whole sequence plus the priors' share of it: TRANSITION_PRIOR
 * times the sum of the transitions' logarithms, EMISSION_PRIOR times that of the emissions'. The likelihood alone may
 * fall by as much as the priors' share rises, and then no further step is taken.
 * Cost: O(steps * length * states^2), 8 * length * states bytes.
 *
 * @param symbols [length], whole numbers in [0, symbolCount), ordered by what they mean
 * @throws RangeError for an empty sequence, symbols out of range, fewer than one state or symbol, or steps below 0
 */
export function fitHiddenMarkov(
  symbols: Uint16Array,
  symbolCount: number,
  states: number,
  maxSteps = 40,
): HiddenMarkovFit {
  checkCounts(symbolCount, states, maxSteps);
  checkSequence(symbols, symbolCount);
  let model = startingModel(states, symbolCount);
  let logLikelihood = Number.NEGATIVE_INFINITY;
  for (let step = 0; step < maxSteps; step++) {
    const counts = expectedCounts(model, symbols);
    if (counts.logLikelihood - logLikelihood < SMALLEST_GAIN) break;
    logLikelihood = counts.logLikelihood;
    model = {
      ...model,
      transitions: normalisedRows(counts.transitions, states, TRANSITION_PRIOR),
      emissions: normalisedRows(counts.emissions, symbolCount, EMISSION_PRIOR),
    };
  }
  return { model, logLikelihood: sequenceLogLikelihood(model, symbols) };
}

/**
 * Mean log-likelihood a symbol, in nats, of a sequence that starts in any state alike; -Infinity for an impossible one.
 *
 * @throws RangeError for an empty sequence, or symbols out of range
 */
export function sequenceLogLikelihood(model: HiddenMarkovModel, symbols: Uint16Array): number {
  checkSequence(symbols, model.symbols);
  const belief = new Float64Array(model.states).fill(1 / model.states);
  const buffer = new Float64Array(model.states);
  let total = 0;
  for (let at = 0; at < symbols.length; at++) {
    if (at > 0) predict(model, belief, buffer);
    total += Math.log(observe(model, belief, symbols[at]));
  }
  return total / symbols.length;
}

/**
 * Moves a belief [states] one step on, in place. O(states^2).
 *
 * @param buffer [states], overwritten; who predicts often passes the same one each time, so that nothing is allocated
 */
export function predict(
  { states, transitions }: HiddenMarkovModel,
  belief: Float64Array,
  buffer = new Float64Array(states),
): void {
  buffer.fill(0);
  for (let from = 0; from < states; from++) {
    const weight = belief[from];
    for (let to = 0; to < states; to++) buffer[to] += weight * transitions[from * states + to];
  }
  belief.set(buffer);
}

/**
 * Weighs a belief [states] with what was seen, in place; returns the probability that it had. What no state could have
 * shown says nothing about the state: the belief stays as it was, and 0 is returned. O(states).
 *
 * @throws RangeError for a symbol that the model does not have
 */
export function observe(
  { states, symbols, emissions }: HiddenMarkovModel,
  belief: Float64Array,
  symbol: number,
): number {
  if (!(symbol >= 0 && symbol < symbols)) throw new RangeError(`symbol: expected less than ${symbols}, got ${symbol}`);
  let sum = 0;
  for (let state = 0; state < states; state++) sum += belief[state] * emissions[state * symbols + symbol];
  if (sum === 0) return 0;
  for (let state = 0; state < states; state++) {
    belief[state] = (belief[state] * emissions[state * symbols + symbol]) / sum;
  }
  return sum;
}

/**
 * Where the state is after so long that the start does not matter; from any state alike where it does. The chain is
 * squared until it has run 2^60 steps: states may last for millions of steps, and turns (1, 2, 1, 2 ...) are evened
 * out by letting every second step stay. O(states^3).
 */
export function stationaryBelief({ states, transitions }: HiddenMarkovModel): Float64Array {
  let chain: Float64Array = transitions.map((value, at) => (value + (at % (states + 1) === 0 ? 1 : 0)) / 2);
  // Rows are made to add up to one again, or rounding would double with every squaring.
  for (let time = 0; time < SQUARINGS; time++) chain = normalisedRows(square(chain, states), states, 0);
  const belief = new Float64Array(states);
  for (let at = 0; at < chain.length; at++) belief[at % states] += chain[at] / states;
  return belief;
}

function square(chain: Float64Array, states: number): Float64Array {
  const squared = new Float64Array(chain.length);
  for (let from = 0; from < states; from++) {
    for (let via = 0; via < states; via++) {
      const weight = chain[from * states + via];
      for (let to = 0; to < states; to++) squared[from * states + to] += weight * chain[via * states + to];
    }
  }
  return squared;
}

function startingModel(states: number, symbols: number): HiddenMarkovModel {
  const transitions = new Float64Array(states * states).fill((1 - START_STAY) / states);
  const emissions = new Float64Array(states * symbols);
  for (let state = 0; state < states; state++) {
    transitions[state * states + state] += START_STAY;
    for (let symbol = 0; symbol < symbols; symbol++) {
      const distance = (symbol + 0.5) / symbols - (state + 0.5) / states;
      emissions[state * symbols + symbol] = Math.exp(-0.5 * (distance / START_BAND) ** 2) + 1e-3;
    }
  }
  return { states, symbols, transitions, emissions: normalisedRows(emissions, symbols, 0) };
}

interface ExpectedCounts {
  logLikelihood: number;
  transitions: Float64Array;
  emissions: Float64Array;
}

/** How often each transition and each symbol of a state is expected to have happened: forwards, then backwards. */
function expectedCounts(model: HiddenMarkovModel, symbols: Uint16Array): ExpectedCounts {
  const { states, symbols: symbolCount, transitions, emissions } = model;
  const length = symbols.length;
  const { forward, scale, logLikelihood } = forwardBeliefs(model, symbols);
  const counts = {
    logLikelihood,
    transitions: new Float64Array(states * states),
    emissions: new Float64Array(states * symbolCount),
  };
  const backward = new Float64Array(states).fill(1);
  const weighted = new Float64Array(states);
  for (let at = length - 1; at >= 0; at--) {
    for (let state = 0; state < states; state++) {
      counts.emissions[state * symbolCount + symbols[at]] += forward[at * states + state] * backward[state];
    }
    if (at === 0) break;
    for (let to = 0; to < states; to++) {
      weighted[to] = (emissions[to * symbolCount + symbols[at]] * backward[to]) / scale[at];
    }
    for (let from = 0; from < states; from++) {
      const before = forward[(at - 1) * states + from];
      let sum = 0;
      for (let to = 0; to < states; to++) {
        const flow = transitions[from * states + to] * weighted[to];
        sum += flow;
        counts.transitions[from * states + to] += before * flow;
      }
      backward[from] = sum;
    }
  }
  return counts;
}

/** The belief after each symbol, [length, states], and the probability that each symbol had. */
function forwardBeliefs(model: HiddenMarkovModel, symbols: Uint16Array) {
  const { states } = model;
  const forward = new Float64Array(symbols.length * states);
  const scale = new Float64Array(symbols.length);
  const belief = new Float64Array(states).fill(1 / states);
  const buffer = new Float64Array(states);
  let total = 0;
  for (let at = 0; at < symbols.length; at++) {
    if (at > 0) predict(model, belief, buffer);
    scale[at] = observe(model, belief, symbols[at]);
    total += Math.log(scale[at]);
    forward.set(belief, at * states);
  }
  return { forward, scale, logLikelihood: total / symbols.length };
}

/** Rows divided by their sums, each number raised by the prior before. */
export function normalisedRows(counts: Float64Array, columns: number, prior = 0): Float64Array {
  const normalised = new Float64Array(counts.length);
  for (let start = 0; start < counts.length; start += columns) {
    let sum = 0;
    for (let at = start; at < start + columns; at++) sum += counts[at] + prior;
    for (let at = start; at < start + columns; at++) normalised[at] = (counts[at] + prior) / sum;
  }
  return normalised;
}

function checkSequence(symbols: Uint16Array, symbolCount: number): void {
  if (symbols.length === 0) throw new RangeError("symbols: expected at least one, got none");
  const at = symbols.findIndex((symbol) => symbol >= symbolCount);
  if (at >= 0) throw new RangeError(`symbols: expected less than ${symbolCount} at ${at}, got ${symbols[at]}`);
}

function checkCounts(symbolCount: number, states: number, maxSteps: number): void {
  for (const [name, value, least] of [
    ["symbolCount", symbolCount, 1],
    ["states", states, 1],
    ["maxSteps", maxSteps, 0],
  ] as const) {
    if (!(Number.isInteger(value) && value >= least)) {
      throw new RangeError(`${name}: expected a whole number, at least ${least}, got ${value}`);
    }
  }
}
