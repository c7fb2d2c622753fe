// Which way of predicting the gain of asking the cloud serves best, by cross-validation: a falling table of
// one confidence (isotonic or kernel regression), or the class-aware linear model.
import { type Fold, foldsOf } from "../random/folds.ts";
import type { GainModel, MetricTable } from "../schema/calibration.ts";
import { fitGainModel, predictGain } from "./gain-model.ts";
import { fitKernelMetric } from "./kernel-metric.ts";
import { applyMetric, fitMetric } from "./metric.ts";

/** Bandwidths of the kernel that are tried, in units of confidence. */
const BANDWIDTHS = [0.01, 0.02, 0.05, 0.1, 0.2];
/** Ridges of the class-aware model that are tried, in rows. */
const RIDGES = [10, 30, 100, 300];

/** Folds within a fold. */
const INNER_FOLDS = 3;

/** A way of predicting, and the mean squared error of its predictions on rows it was not fitted on. */
export interface Contender<Model> {
  name: string;
  error: number;
  /** Each row's prediction by a fit without it. */
  predictions: Float64Array;
  fit(rows: readonly number[]): Model;
  predict(model: Model, row: number): number;
}

/** What is left of a contender where fits differ from fold to fold. */
export type Predictions = Pick<Contender<unknown>, "error" | "predictions">;

/** The tables for one confidence rule, the best first. */
export function compareTables(confidence: Float64Array, gain: Float64Array): Contender<MetricTable>[] {
  const ways: [string, (confidence: Float64Array, gain: Float64Array) => MetricTable][] = [
    ["isotonic", fitMetric],
    ...BANDWIDTHS.map((bandwidth): (typeof ways)[number] => [
      `kernel ${bandwidth}`,
      (c, g) => fitKernelMetric(c, g, bandwidth),
    ]),
  ];
  return ways
    .map(([name, fitTable]) => {
      const fit = (rows: readonly number[]) => fitTable(take(confidence, rows), take(gain, rows));
      return contender(name, gain, fit, (table, row) => applyMetric(table, confidence[row]));
    })
    .sort(byError);
}

/** The class-aware model at several ridges, the best first. @param probabilities [rows] of [classes] */
export function compareGainModels(
  probabilities: readonly ArrayLike<number>[],
  gain: Float64Array,
): Contender<GainModel>[] {
  return RIDGES.map((ridge) => {
    const fit = (rows: readonly number[]) =>
      fitGainModel(
        rows.map((row) => probabilities[row]),
        take(gain, rows),
        ridge,
      );
    return contender(`class-aware ${ridge}`, gain, fit, (model, row) => predictGain(model, probabilities[row]));
  }).sort(byError);
}

/**
 * What choosing the contender of the smallest error is worth: chosen in each fold again, among its own rows only, as
 * the folds that chose the best of many flatter it. Three fits of every contender and one more in each fold.
 */
export function chosenInEachFold(contenders: readonly Contender<unknown>[], gain: Float64Array): Predictions {
  return crossValidate(gain, foldsOf(gain.length), (fitted) => {
    const inner = foldsOf(fitted.length, INNER_FOLDS).map((fold) => ({
      fitted: fold.fitted.map((index) => fitted[index]),
      judged: fold.judged.map((index) => fitted[index]),
    }));
    const errors = contenders.map((way) => crossValidate(gain, inner, predictorOf(way)).error);
    return predictorOf(contenders[errors.indexOf(Math.min(...errors))])(fitted);
  });
}

/**
 * Whether one way predicts better than another by more than chance: the mean difference of the squared errors
 * is more than twice its standard error.
 */
export function predictsBetter(better: Predictions, other: Predictions, gain: Float64Array): boolean {
  const differences = gain.map((g, row) => (g - other.predictions[row]) ** 2 - (g - better.predictions[row]) ** 2);
  const mean = differences.reduce((sum, d) => sum + d, 0) / differences.length;
  const variance = differences.reduce((sum, d) => sum + (d - mean) ** 2, 0) / differences.length;
  return mean > 2 * Math.sqrt(variance / differences.length);
}

function contender<Model>(
  name: string,
  gain: Float64Array,
  fit: (rows: readonly number[]) => Model,
  predict: (model: Model, row: number) => number,
): Contender<Model> {
  const way = { name, fit, predict };
  return { ...way, ...crossValidate(gain, foldsOf(gain.length), predictorOf(way)) };
}

/** What a fit on some rows predicts of another. */
type Predictor = (fitted: readonly number[]) => (row: number) => number;

function predictorOf<Model>(way: Pick<Contender<Model>, "fit" | "predict">): Predictor {
  return (fitted) => {
    const model = way.fit(fitted);
    return (row) => way.predict(model, row);
  };
}

/** Predictions of the rows that are judged, and the mean of their squared errors. */
function crossValidate(gain: Float64Array, folds: readonly Fold[], fit: Predictor): Predictions {
  const predictions = new Float64Array(gain.length);
  let sum = 0;
  let rows = 0;
  for (const { fitted, judged } of folds) {
    const predict = fit(fitted);
    for (const row of judged) {
      predictions[row] = predict(row);
      sum += (gain[row] - predictions[row]) ** 2;
    }
    rows += judged.length;
  }
  return { error: sum / rows, predictions };
}

function take(values: Float64Array, rows: readonly number[]): Float64Array {
  return Float64Array.from(rows, (row) => values[row]);
}

function byError(a: Contender<unknown>, b: Contender<unknown>): number {
  return a.error - b.error;
}
