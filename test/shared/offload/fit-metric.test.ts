import {
  type Contender,
  chosenInEachFold,
  compareGainModels,
  compareTables,
  type Predictions,
  predictsBetter,
} from "@spillway/shared/offload/fit-metric";
import { predictGain } from "@spillway/shared/offload/gain-model";
import { applyMetric } from "@spillway/shared/offload/metric";
import { foldsOf } from "@spillway/shared/random/folds";
import { mulberry32 } from "@spillway/shared/random/mulberry32";
import { describe, expect, it } from "vitest";

const ROWS = 400;

/** Rows of three probabilities; asking gains half of the time where the first class is named, and else nothing. */
function drawn(seed: number) {
  const random = mulberry32(seed);
  const probabilities = Array.from({ length: ROWS }, () => {
    const odds = [random(), random(), random()].map((u) => Math.exp(4 * u));
    const sum = odds.reduce((a, b) => a + b);
    return odds.map((value) => value / sum);
  });
  const isFirst = probabilities.map((row) => row[0] === Math.max(...row));
  const gain = Float64Array.from(isFirst, (first) => (first && random() < 0.7 ? 1 : 0));
  return { probabilities, gain, confidence: Float64Array.from(probabilities, (row) => Math.max(...row)) };
}

const { probabilities, gain, confidence } = drawn(1);
const tables = compareTables(confidence, gain);
const models = compareGainModels(probabilities, gain);

it("compares every way, the smallest error first", () => {
  expect(tables.map(({ name }) => name).sort()).toEqual(
    ["isotonic", ...[0.01, 0.02, 0.05, 0.1, 0.2].map((h) => `kernel ${h}`)].sort(),
  );
  expect(models.map(({ name }) => name).sort()).toEqual([10, 30, 100, 300].map((r) => `class-aware ${r}`).sort());
  for (const list of [tables, models]) {
    const errors = list.map(({ error }) => error);
    expect(errors).toEqual(errors.toSorted((a, b) => a - b));
  }
});

it("predicts every row by a fit on the other folds, and sums up the errors", () => {
  for (const { fitted, judged } of foldsOf(ROWS)) {
    for (const { fit: fitOn, predictions } of tables) {
      const table = fitOn(fitted);
      for (const row of judged) expect(predictions[row]).toBe(applyMetric(table, confidence[row]));
    }
    for (const { fit: fitOn, predictions } of models) {
      const model = fitOn(fitted);
      for (const row of judged) expect(predictions[row]).toBe(predictGain(model, probabilities[row]));
    }
  }
  for (const { error, predictions } of [...tables, ...models]) {
    expect(error).toBeCloseTo(gain.reduce((sum, g, row) => sum + (g - predictions[row]) ** 2, 0) / ROWS, 12);
  }
});

it("keeps a row's own gain out of its prediction", () => {
  const changed = gain.with(11, 1 - gain[11]);
  const fold = foldsOf(ROWS).find(({ judged }) => judged.includes(11))?.judged ?? [];
  const check = (before: Contender<unknown>[], after: Contender<unknown>[]) => {
    for (const { name, predictions } of before) {
      const other = after.find((contender) => contender.name === name)?.predictions ?? new Float64Array();
      for (const row of fold) expect(other[row]).toBe(predictions[row]);
      expect(other).not.toEqual(predictions);
    }
  };
  check(tables, compareTables(confidence, changed));
  check(models, compareGainModels(probabilities, changed));
});

it("refuses fewer rows than folds", () => {
  const message = "folds: expected 2 to 4 (one row each), got 5";
  expect(() => compareTables(confidence.slice(0, 4), gain.slice(0, 4))).toThrow(new RangeError(message));
  expect(() => compareTables(confidence.slice(0, 5), gain.slice(0, 5))).not.toThrow();
});

describe("chosenInEachFold", () => {
  const chosen = chosenInEachFold(tables, gain);

  it("predicts each fold by the one that did best within the others", () => {
    const names = foldsOf(ROWS).map(({ fitted, judged }) => {
      const [confidenceOfFitted, gainOfFitted] = [confidence, gain].map((values) =>
        Float64Array.from(fitted, (row) => values[row]),
      );
      const best = tables
        .map((way) => {
          const error = foldsOf(fitted.length, 3).reduce((sum, inner) => {
            const table = way.fit(inner.fitted.map((index) => fitted[index]));
            return inner.judged.reduce(
              (total, index) => total + (gainOfFitted[index] - applyMetric(table, confidenceOfFitted[index])) ** 2,
              sum,
            );
          }, 0);
          return { way, error };
        })
        .reduce((least, other) => (other.error < least.error ? other : least)).way;
      const table = best.fit(fitted);
      for (const row of judged) expect(chosen.predictions[row]).toBe(applyMetric(table, confidence[row]));
      return best.name;
    });
    expect(new Set(names).size).toBeGreaterThan(1);
    expect(chosen.error).toBeCloseTo(
      gain.reduce((sum, g, row) => sum + (g - chosen.predictions[row]) ** 2, 0) / ROWS,
      12,
    );
  });

  it("does not report the luck of the choice", () => {
    // Nothing to find: of ten ways one always looks better than it is.
    const errors = Array.from({ length: 8 }, (_, seed) => {
      const noise = drawn(50 + seed);
      const random = mulberry32(seed);
      const chance = Float64Array.from(noise.gain, () => Math.floor(3 * random()) - 1);
      const ways = [...compareTables(noise.confidence, chance), ...compareGainModels(noise.probabilities, chance)];
      return chosenInEachFold(ways, chance).error - Math.min(...ways.map(({ error }) => error));
    });
    expect(errors.reduce((sum, error) => sum + error, 0)).toBeGreaterThan(0.001 * errors.length);
  });
});

describe("predictsBetter", () => {
  const contender = (predictions: number[]): Predictions => ({ error: 0, predictions: Float64Array.from(predictions) });

  it("prefers the model that knows the class where the class matters, and not the other way round", () => {
    expect(predictsBetter(models[0], tables[0], gain)).toBe(true);
    expect(predictsBetter(tables[0], models[0], gain)).toBe(false);
  });

  it("prefers nothing to itself, nor where only chance separates the two", () => {
    expect(predictsBetter(tables[0], tables[0], gain)).toBe(false);
    expect(predictsBetter(models[0], models[1], gain) && predictsBetter(models[1], models[0], gain)).toBe(false);
  });

  it("asks for more than two standard errors", () => {
    // The squared errors differ by 1 in `ones` of the rows, and by 0 in the others.
    const separated = (ones: number, rows: number) =>
      predictsBetter(
        contender(new Array<number>(rows).fill(0)),
        contender(Array.from({ length: rows }, (_, row) => (row < ones ? 1 : 0))),
        new Float64Array(rows),
      );
    // A mean of m exceeds 2 sqrt(m (1 - m) / n) where m > 4 / (n + 4): for three ones, up to n = 11.
    expect(separated(3, 11)).toBe(true);
    expect(separated(3, 13)).toBe(false);
    expect(separated(1, 1)).toBe(true);
  });
});
