// The belief about the traffic against Bayes' rule written out over the joint states.
import type { HiddenMarkovModel } from "@spillway/shared/policy/hidden-markov";
import { bandOf, believe, initialBelief, type TrafficModel } from "@spillway/shared/policy/traffic-model";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { expectClose } from "../close.ts";

const weight = fc.integer({ min: 1, max: 9 });
const rows = (count: number, columns: number) =>
  fc
    .array(fc.array(weight, { minLength: columns, maxLength: columns }), { minLength: count, maxLength: count })
    .map((matrix) =>
      Float64Array.from(matrix.flatMap((row) => row.map((value) => value / row.reduce((a, b) => a + b, 0)))),
    );
const chain = (states: number, symbols: number): fc.Arbitrary<HiddenMarkovModel> =>
  fc.record({
    states: fc.constant(states),
    symbols: fc.constant(symbols),
    transitions: rows(states, states),
    emissions: rows(states, symbols),
  });
const traffic: fc.Arbitrary<TrafficModel> = fc
  .tuple(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 3 }))
  .chain(([states, paces]) => fc.record({ difficulty: chain(states, 3), pace: chain(paces, 2) }))
  .map((chains) => ({
    ...chains,
    bandEdges: Float64Array.of(0.25, 0.5),
    bandGains: Float64Array.of(0, 0.25, 0.5),
    paceEdges: Float64Array.of(2),
    paceSeconds: Float64Array.of(1, 3),
    gain: { metrics: Float64Array.of(0, 1), gains: Float64Array.of(0, 1) },
  }));
const images = fc.array(
  fc.record({ metric: fc.double({ min: -1, max: 1, noNaN: true }), seconds: fc.constantFrom(0, 1, 2, 3, 1e9) }),
  { minLength: 1, maxLength: 12 },
);

/** One step of Bayes' rule for one chain: every path from each state before to each state now. */
function stepOf(model: HiddenMarkovModel, before: readonly number[], symbol: number, moves: boolean): number[] {
  const { states, symbols, transitions, emissions } = model;
  const joint = Array.from({ length: states }, (_, to) => {
    const reached = moves
      ? before.reduce((sum, belief, from) => sum + belief * transitions[from * states + to], 0)
      : before[to];
    return reached * emissions[to * symbols + symbol];
  });
  const total = joint.reduce((sum, value) => sum + value, 0);
  return joint.map((value) => value / total);
}

const metricBand = (metric: number) => (metric < 0.25 ? 0 : metric < 0.5 ? 1 : 2);
const secondsBand = (seconds: number) => (seconds < 2 ? 0 : 1);

describe("believe", () => {
  it("is Bayes' rule: difficulty by metric, pace by the interval, both moved on between images", () => {
    fc.assert(
      fc.property(traffic, images, (model, seen) => {
        let belief = initialBelief(model);
        let [difficulty, pace] = [Array.from(belief.difficulty), Array.from(belief.pace)];
        seen.forEach(({ metric, seconds }, at) => {
          belief = believe(model, belief, metric, at === 0 ? null : seconds);
          difficulty = stepOf(model.difficulty, difficulty, metricBand(metric), at > 0);
          if (at > 0) pace = stepOf(model.pace, pace, secondsBand(seconds), true);
          expectClose(belief.difficulty, difficulty, 1e-12);
          expectClose(belief.pace, pace, 1e-12);
        });
      }),
      { seed: 51, numRuns: 200 },
    );
  });

  it("leaves the belief before as it was", () => {
    fc.assert(
      fc.property(traffic, images, (model, seen) => {
        const before = initialBelief(model);
        const copy = structuredClone(before);
        for (const { metric, seconds } of seen) believe(model, before, metric, seconds);
        expect(before).toEqual(copy);
      }),
      { seed: 52, numRuns: 20 },
    );
  });

  it("learns nothing of the pace from the first image, and nothing at all from what no state shows", () => {
    const model: TrafficModel = {
      difficulty: chainOf([0.5, 0.5, 0.5, 0.5], [1, 0, 1, 0]),
      bandEdges: Float64Array.of(0.5),
      bandGains: Float64Array.of(0, 1),
      pace: chainOf([0.9, 0.1, 0.1, 0.9], [0.9, 0.1, 0.1, 0.9]),
      paceEdges: Float64Array.of(2),
      paceSeconds: Float64Array.of(1, 3),
      gain: { metrics: Float64Array.of(0), gains: Float64Array.of(0) },
    };
    const before = { difficulty: Float64Array.of(0.25, 0.75), pace: Float64Array.of(0.5, 0.5) };
    expect(believe(model, before, 0.75, null)).toEqual(before);
    const after = believe(model, before, 0.25, 1);
    expectClose(after.difficulty, [0.5, 0.5], 1e-12);
    expectClose(after.pace, [0.9, 0.1], 1e-12);
  });
});

describe("bandOf", () => {
  it("counts the edges at or below the value", () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.integer({ min: -9, max: 9 }), { maxLength: 12 }),
        fc.integer({ min: -20, max: 20 }).map((halves) => halves / 2),
        (edges, value) => {
          const sorted = Float64Array.from(edges).sort();
          expect(bandOf(sorted, value)).toBe(edges.filter((edge) => edge <= value).length);
        },
      ),
      { seed: 53, numRuns: 300 },
    );
  });

  it.each([
    [Number.NEGATIVE_INFINITY, 0],
    [Number.POSITIVE_INFINITY, 2],
  ])("puts %d beyond all edges", (value, band) => {
    expect(bandOf(Float64Array.of(-1, 1), value)).toBe(band);
  });
});

function chainOf(transitions: number[], emissions: number[]): HiddenMarkovModel {
  return {
    states: 2,
    symbols: 2,
    transitions: Float64Array.from(transitions),
    emissions: Float64Array.from(emissions),
  };
}
