import {
  EMISSION_PRIOR,
  fitHiddenMarkov,
  type HiddenMarkovModel,
  observe,
  predict,
  sequenceLogLikelihood,
  stationaryBelief,
  TRANSITION_PRIOR,
} from "@spillway/shared/policy/hidden-markov";
import { mulberry32 } from "@spillway/shared/random/mulberry32";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { expectClose } from "../close.ts";

/** A model from rows of weights. */
function modelOf(transitions: number[][], emissions: number[][]): HiddenMarkovModel {
  const normalised = (rows: number[][]) =>
    Float64Array.from(
      rows.flatMap((row) => {
        const sum = row.reduce((total, value) => total + value, 0);
        return row.map((value) => value / sum);
      }),
    );
  return {
    states: transitions.length,
    symbols: emissions[0].length,
    transitions: normalised(transitions),
    emissions: normalised(emissions),
  };
}

/** Every path of hidden states, with its probability together with the symbols. */
function allPaths({ states, symbols, transitions, emissions }: HiddenMarkovModel, seen: ArrayLike<number>) {
  let paths = Array.from({ length: states }, (_, state) => ({
    path: [state],
    probability: emissions[state * symbols + seen[0]] / states,
  }));
  for (let at = 1; at < seen.length; at++) {
    paths = paths.flatMap(({ path, probability }) =>
      Array.from({ length: states }, (_, state) => ({
        path: [...path, state],
        probability: probability * transitions[path[at - 1] * states + state] * emissions[state * symbols + seen[at]],
      })),
    );
  }
  return paths;
}

const sumOf = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0);
const weight = fc.double({ min: 0.01, max: 1, noNaN: true });
const matrix = (rows: number, columns: number) =>
  fc.array(fc.array(weight, { minLength: columns, maxLength: columns }), { minLength: rows, maxLength: rows });
const tiny = fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 3 })).chain(([states, symbols]) =>
  fc.record({
    model: fc.tuple(matrix(states, states), matrix(states, symbols)).map(([a, b]) => modelOf(a, b)),
    seen: fc.array(fc.nat(symbols - 1), { minLength: 1, maxLength: 6 }).map((values) => Uint16Array.from(values)),
  }),
);

/** Symbols drawn from a model, from state 0 on. */
function sample({ states, symbols, transitions, emissions }: HiddenMarkovModel, length: number, seed: number) {
  const random = mulberry32(seed);
  const draw = (weights: Float64Array, start: number, count: number) => {
    let left = random();
    for (let index = 0; index < count - 1; index++) {
      left -= weights[start + index];
      if (left < 0) return index;
    }
    return count - 1;
  };
  let state = 0;
  return Uint16Array.from({ length }, () => {
    const symbol = draw(emissions, state * symbols, symbols);
    state = draw(transitions, state * states, states);
    return symbol;
  });
}

describe("the filter", () => {
  it("gives the likelihood and the beliefs that all paths of states add up to", () => {
    fc.assert(
      fc.property(tiny, ({ model, seen }) => {
        const paths = allPaths(model, seen);
        const total = sumOf(paths.map(({ probability }) => probability));
        expect(sequenceLogLikelihood(model, seen)).toBeCloseTo(Math.log(total) / seen.length, 10);
        const belief = new Float64Array(model.states).fill(1 / model.states);
        seen.forEach((symbol, at) => {
          if (at > 0) predict(model, belief);
          observe(model, belief, symbol);
        });
        const last = Array.from(belief, (_, state) =>
          sumOf(paths.filter(({ path }) => path.at(-1) === state).map(({ probability }) => probability / total)),
        );
        expectClose(belief, last, 1e-12);
      }),
      { seed: 21, numRuns: 200 },
    );
  });

  it("predicts alike with and without a buffer, whatever is in it", () => {
    const model = modelOf(
      [
        [3, 1],
        [1, 4],
      ],
      [[1], [1]],
    );
    const [without, withBuffer] = [Float64Array.of(0.25, 0.75), Float64Array.of(0.25, 0.75)];
    predict(model, without);
    predict(model, withBuffer, Float64Array.of(Number.NaN, 7));
    expectClose(without, [0.25 * 0.75 + 0.75 * 0.2, 0.25 * 0.25 + 0.75 * 0.8], 1e-15);
    expect(withBuffer).toEqual(without);
  });

  it.each([1e-12, 1e-300, Number.MIN_VALUE, 0])(
    "stays normalised where all symbols had a probability of %d",
    (least) => {
      const model: HiddenMarkovModel = {
        states: 2,
        symbols: 3,
        transitions: Float64Array.of(1 - least, least, least, 1 - least),
        emissions: Float64Array.of(1 - least, least, least, 1 - least, least, least),
      };
      const belief = Float64Array.of(0.5, 0.5);
      const random = mulberry32(5);
      for (let step = 0; step < 500; step++) {
        predict(model, belief);
        const probability = observe(model, belief, Math.floor(3 * random()));
        expect(probability).toBeGreaterThanOrEqual(0);
        expect(probability).toBeLessThanOrEqual(1 + 1e-12);
        expect(Math.abs(belief[0] + belief[1] - 1)).toBeLessThan(1e-12);
        expect(Math.min(...belief)).toBeGreaterThanOrEqual(0);
      }
    },
  );

  it("learns nothing from an impossible symbol", () => {
    const model = modelOf(
      [
        [1, 1],
        [1, 1],
      ],
      [
        [1, 0],
        [1, 0],
      ],
    );
    const belief = Float64Array.of(0.3, 0.7);
    expect(observe(model, belief, 1)).toBe(0);
    expect(belief).toEqual(Float64Array.of(0.3, 0.7));
    expect(sequenceLogLikelihood(model, Uint16Array.of(0, 1, 0))).toBe(Number.NEGATIVE_INFINITY);
  });

  it.each([-1, 2, Number.NaN])("refuses the symbol %d of two", (symbol) => {
    const model = modelOf([[1]], [[1, 1]]);
    expect(() => observe(model, Float64Array.of(1), symbol)).toThrow(
      new RangeError(`symbol: expected less than 2, got ${symbol}`),
    );
    expect(observe(model, Float64Array.of(1), 1)).toBe(0.5);
  });
});

describe("fitHiddenMarkov", () => {
  const logOf = (values: Float64Array) => sumOf(Array.from(values, Math.log));
  const sequence = fc.integer({ min: 1, max: 4 }).chain((symbols) =>
    fc.record({
      symbols: fc.constant(symbols),
      states: fc.integer({ min: 1, max: 3 }),
      seen: fc.array(fc.nat(symbols - 1), { minLength: 1, maxLength: 40 }).map((values) => Uint16Array.from(values)),
    }),
  );

  it("takes no step that lowers the likelihood and the priors' share of it", () => {
    fc.assert(
      fc.property(sequence, ({ symbols, states, seen }) => {
        let before = Number.NEGATIVE_INFINITY;
        for (let steps = 0; steps <= 12; steps++) {
          const { model } = fitHiddenMarkov(seen, symbols, states, steps);
          const priors = TRANSITION_PRIOR * logOf(model.transitions) + EMISSION_PRIOR * logOf(model.emissions);
          const objective = seen.length * sequenceLogLikelihood(model, seen) + priors;
          expect(objective).toBeGreaterThanOrEqual(before - 1e-9);
          before = objective;
        }
      }),
      { seed: 22, numRuns: 100 },
    );
  });

  it("takes the step that counting all paths would take", () => {
    fc.assert(
      fc.property(sequence, ({ symbols, states, seen: long }) => {
        const seen = long.slice(0, 6);
        const { model } = fitHiddenMarkov(seen, symbols, states, 0);
        const transitions = Array.from({ length: states }, () => new Array(states).fill(TRANSITION_PRIOR));
        const emissions = Array.from({ length: states }, () => new Array(symbols).fill(EMISSION_PRIOR));
        const paths = allPaths(model, seen);
        const total = sumOf(paths.map(({ probability }) => probability));
        for (const { path, probability } of paths) {
          path.forEach((state, at) => {
            emissions[state][seen[at]] += probability / total;
            if (at > 0) transitions[path[at - 1]][state] += probability / total;
          });
        }
        const expected = modelOf(transitions, emissions);
        const after = fitHiddenMarkov(seen, symbols, states, 1).model;
        expectClose(after.transitions, expected.transitions, 1e-9);
        expectClose(after.emissions, expected.emissions, 1e-9);
      }),
      { seed: 23, numRuns: 150 },
    );
  });

  it("recovers two states that last from 20,000 symbols", () => {
    const truth = modelOf(
      [
        [0.98, 0.02],
        [0.05, 0.95],
      ],
      [
        [0.5, 0.3, 0.15, 0.05],
        [0.05, 0.15, 0.2, 0.6],
      ],
    );
    const seen = sample(truth, 20_000, 31);
    const { model, logLikelihood } = fitHiddenMarkov(seen, 4, 2);
    expectClose(model.transitions, truth.transitions, 0.01);
    // More than four standard errors: of the 20,000 some 6000 show what the rarer state does.
    expectClose(model.emissions, truth.emissions, 0.03);
    expect(logLikelihood).toBeGreaterThanOrEqual(sequenceLogLikelihood(truth, seen) - 1e-4);
  });

  it("says the likelihood of the model that it returns, stopped early or not", () => {
    const seen = sample(
      modelOf(
        [
          [9, 1],
          [1, 9],
        ],
        [
          [3, 1],
          [1, 3],
        ],
      ),
      500,
      32,
    );
    for (const steps of [0, 1, 5, 400]) {
      const { model, logLikelihood } = fitHiddenMarkov(seen, 2, 2, steps);
      expect(logLikelihood).toBe(sequenceLogLikelihood(model, seen));
    }
  });

  it("counts shares where there is one state", () => {
    const { model } = fitHiddenMarkov(Uint16Array.of(0, 2, 2, 2), 3, 1);
    expect(model.transitions).toEqual(Float64Array.of(1));
    expectClose(model.emissions, [1.01 / 4.03, 0.01 / 4.03, 3.01 / 4.03], 1e-12);
  });

  it.each([
    ["one symbol", Uint16Array.of(0, 0, 0), 1, 2],
    ["a sequence of one", Uint16Array.of(1), 3, 2],
    ["more states than symbols", Uint16Array.of(0, 1, 1, 0), 2, 5],
  ])("fits %s to rows that add up to one", (_, seen, symbols, states) => {
    const { model, logLikelihood } = fitHiddenMarkov(seen, symbols, states);
    for (let state = 0; state < states; state++) {
      const row = (values: Float64Array, columns: number) => [...values.slice(state * columns, (state + 1) * columns)];
      expect(sumOf(row(model.transitions, states))).toBeCloseTo(1, 12);
      expect(sumOf(row(model.emissions, symbols))).toBeCloseTo(1, 12);
      expect(Math.min(...row(model.transitions, states), ...row(model.emissions, symbols))).toBeGreaterThan(0);
    }
    expect(logLikelihood).toBeLessThanOrEqual(0);
    expect(Number.isFinite(logLikelihood)).toBe(true);
  });

  it.each([
    [[], 2, 1, 1, "symbols: expected at least one, got none"],
    [[0, 2], 2, 1, 1, "symbols: expected less than 2 at 1, got 2"],
    [[0], 0, 1, 1, "symbolCount: expected a whole number, at least 1, got 0"],
    [[0], Number.NaN, 1, 1, "symbolCount: expected a whole number, at least 1, got NaN"],
    [[0], 1, 0, 1, "states: expected a whole number, at least 1, got 0"],
    [[0], 1, 1.5, 1, "states: expected a whole number, at least 1, got 1.5"],
    [[0], 1, 1, -1, "maxSteps: expected a whole number, at least 0, got -1"],
  ])("refuses %o of %d symbols, %d states, %d steps", (seen, symbols, states, steps, message) => {
    expect(() => fitHiddenMarkov(Uint16Array.from(seen), symbols, states, steps)).toThrow(new RangeError(message));
  });

  it("refuses to weigh a sequence that is empty or not of the model", () => {
    const model = modelOf([[1]], [[1, 1]]);
    expect(() => sequenceLogLikelihood(model, new Uint16Array())).toThrow(RangeError);
    expect(() => sequenceLogLikelihood(model, Uint16Array.of(2))).toThrow(RangeError);
  });
});

describe("stationaryBelief", () => {
  const of = (transitions: number[][]) =>
    stationaryBelief(
      modelOf(
        transitions,
        transitions.map(() => [1]),
      ),
    );

  it.each([
    ["quick", 0.3, 0.1],
    ["lasting a thousand steps", 0.001, 0.0005],
    ["lasting ten million steps", 1e-7, 3e-7],
  ])("is the left eigenvector of two states, %s", (_, leave, back) => {
    const belief = of([
      [1 - leave, leave],
      [back, 1 - back],
    ]);
    expectClose(belief, [back / (leave + back), leave / (leave + back)], 1e-8);
  });

  it("is what a step leaves as it is", () => {
    fc.assert(
      fc.property(matrix(4, 4), (rows) => {
        const model = modelOf(
          rows,
          rows.map(() => [1]),
        );
        const belief = stationaryBelief(model);
        const after = Float64Array.from(belief);
        predict(model, after);
        expectClose(after, belief, 1e-12);
        expect(sumOf([...belief])).toBeCloseTo(1, 12);
      }),
      { seed: 24, numRuns: 50 },
    );
  });

  it("settles where states take turns, never change, or are left for good", () => {
    expectClose(
      of([
        [0, 1, 1],
        [1, 0, 0],
        [1, 0, 0],
      ]),
      [0.5, 0.25, 0.25],
      1e-12,
    );
    expectClose(
      of([
        [1, 0],
        [0, 1],
      ]),
      [0.5, 0.5],
      1e-12,
    );
    expectClose(
      of([
        [0.5, 0.5],
        [0, 1],
      ]),
      [0, 1],
      1e-12,
    );
    expectClose(of([[1]]), [1], 0);
  });
});
