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
  /** Mean log-likelihood a symbol, in nats, of the sequence under the model before the last step. */
  logLikelihood: number;
}

/** What every transition and symbol counts before anything is seen: nothing stays impossible. */
const TRANSITION_PRIOR = 1e-3;
const EMISSION_PRIOR = 1e-2;
/** The start of a fit: states last ten symbols, and each prefers a band of the symbols. */
const START_STAY = 0.9;
const START_BAND = 0.06;
/** Mean log-likelihood that a step must gain for another to follow. */
const SMALLEST_GAIN = 1e-5;

/**
 * Expectation-maximisation from states that split the (ordered) symbols into overlapping bands.
 * The likelihood with its priors never falls. Cost: O(steps * length * states^2), 8 * length * states bytes.
 *
 * @param symbols [length], whole numbers in [0, symbolCount), ordered by what they mean
 * @throws RangeError for an empty sequence, symbols out of range, or fewer than one state
 */
export function fitHiddenMarkov(
  symbols: Uint16Array,
  symbolCount: number,
  states: number,
  maxSteps = 40,
): HiddenMarkovFit {
  checkSequence(symbols, symbolCount, states);
  let model = startingModel(states, symbolCount);
  let logLikelihood = Number.NEGATIVE_INFINITY;
  for (let step = 0; step < maxSteps; step++) {
    const counts = expectedCounts(model, symbols);
    const gained = counts.logLikelihood - logLikelihood;
    logLikelihood = counts.logLikelihood;
    if (gained < SMALLEST_GAIN) break;
    model = {
      ...model,
      transitions: normalisedRows(counts.transitions, states, TRANSITION_PRIOR),
      emissions: normalisedRows(counts.emissions, symbolCount, EMISSION_PRIOR),
    };
  }
  return { model, logLikelihood };
}

/** Mean log-likelihood a symbol, in nats, of a sequence that starts in any state alike. */
export function sequenceLogLikelihood(model: HiddenMarkovModel, symbols: Uint16Array): number {
  const belief = new Float64Array(model.states).fill(1 / model.states);
  let total = 0;
  for (let at = 0; at < symbols.length; at++) {
    if (at > 0) predict(model, belief);
    total += Math.log(observe(model, belief, symbols[at]));
  }
  return total / symbols.length;
}

const scratch = new Float64Array(1024);

/** Moves a belief [states] one step on, in place. O(states^2). */
export function predict({ states, transitions }: HiddenMarkovModel, belief: Float64Array): void {
  const next = states <= scratch.length ? scratch : new Float64Array(states);
  next.fill(0, 0, states);
  for (let from = 0; from < states; from++) {
    const weight = belief[from];
    for (let to = 0; to < states; to++) next[to] += weight * transitions[from * states + to];
  }
  for (let state = 0; state < states; state++) belief[state] = next[state];
}

/** Weighs a belief [states] with what was seen, in place; returns the probability that it had. O(states). */
export function observe({ states, symbols, emissions }: HiddenMarkovModel, belief: Float64Array, symbol: number): number {
  let sum = 0;
  for (let state = 0; state < states; state++) {
    belief[state] *= emissions[state * symbols + symbol];
    sum += belief[state];
  }
  for (let state = 0; state < states; state++) belief[state] /= sum;
  return sum;
}

/** Where the state is after so long that the start does not matter. */
export function stationaryBelief(model: HiddenMarkovModel): Float64Array {
  const belief = new Float64Array(model.states).fill(1 / model.states);
  for (let step = 0; step < 10_000; step++) {
    const before = Float64Array.from(belief);
    predict(model, belief);
    if (belief.every((value, state) => Math.abs(value - before[state]) < 1e-12)) break;
  }
  return belief;
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
  let total = 0;
  for (let at = 0; at < symbols.length; at++) {
    if (at > 0) predict(model, belief);
    scale[at] = observe(model, belief, symbols[at]);
    total += Math.log(scale[at]);
    forward.set(belief, at * states);
  }
  return { forward, scale, logLikelihood: total / symbols.length };
}

function normalisedRows(counts: Float64Array, columns: number, prior: number): Float64Array {
  const normalised = new Float64Array(counts.length);
  for (let start = 0; start < counts.length; start += columns) {
    let sum = 0;
    for (let at = start; at < start + columns; at++) sum += counts[at] + prior;
    for (let at = start; at < start + columns; at++) normalised[at] = (counts[at] + prior) / sum;
  }
  return normalised;
}

function checkSequence(symbols: Uint16Array, symbolCount: number, states: number): void {
  if (symbols.length === 0) throw new RangeError("symbols: expected at least one, got none");
  if (!Number.isInteger(states) || states < 1) throw new RangeError(`states: expected at least 1, got ${states}`);
  const at = symbols.findIndex((symbol) => symbol >= symbolCount);
  if (at >= 0) throw new RangeError(`symbols: expected less than ${symbolCount} at ${at}, got ${symbols[at]}`);
}
