// Which way of predicting the gain of asking the cloud serves best, by cross-validation: a falling table of
// one confidence (isotonic or kernel regression), or the class-aware linear model.
import { foldsOf } from "../random/folds.ts";
import type { GainModel, MetricTable } from "../schema/calibration.ts";
import { fitGainModel, predictGain } from "./gain-model.ts";
import { fitKernelMetric } from "./kernel-metric.ts";
import { applyMetric, fitMetric } from "./metric.ts";

/** Bandwidths of the kernel that are tried, in units of confidence. */
const BANDWIDTHS = [0.01, 0.02, 0.05, 0.1, 0.2];
/** Ridges of the class-aware model that are tried, in rows. */
const RIDGES = [10, 30, 100, 300];

/** A way of predicting, and the mean squared error of its predictions on rows it was not fitted on. */
export interface Contender<Model> {
  name: string;
  error: number;
  /** Each row's prediction by a fit without it. */
  predictions: Float64Array;
  fit(rows: readonly number[]): Model;
}

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
 * Whether one way predicts better than another by more than chance: the mean difference of the squared errors
 * is more than twice its standard error.
 */
export function predictsBetter(better: Contender<unknown>, other: Contender<unknown>, gain: Float64Array): boolean {
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
  const predictions = new Float64Array(gain.length);
  for (const { fitted, judged } of foldsOf(gain.length)) {
    const model = fit(fitted);
    for (const row of judged) predictions[row] = predict(model, row);
  }
  const error = predictions.reduce((sum, p, row) => sum + (gain[row] - p) ** 2, 0) / gain.length;
  return { name, error, predictions, fit };
}

function take(values: Float64Array, rows: readonly number[]): Float64Array {
  return Float64Array.from(rows, (row) => values[row]);
}

function byError(a: Contender<unknown>, b: Contender<unknown>): number {
  return a.error - b.error;
}
