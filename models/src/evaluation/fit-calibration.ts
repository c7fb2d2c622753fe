// Fits all that calibration.json holds, on images that will not be reported on.
//
// Whatever is fitted on top of calibrated probabilities sees those of fits without the row at hand, so that
// a calibrator that adapts closely to its rows does not make the edge look surer than it will be.
import { confidenceOf } from "@spillway/shared/calibration/confidence";
import {
  type CalibrationMethod,
  crossValidateCalibrator,
  fitCalibrator,
} from "@spillway/shared/calibration/fit-calibrator";
import { fitPoolWeights, poolProbabilities } from "@spillway/shared/calibration/opinion-pool";
import { rowOf } from "@spillway/shared/calibration/row-major";
import { argmax, softmax } from "@spillway/shared/calibration/softmax";
import { compareFusions, type FusionMethod, fitFusion } from "@spillway/shared/offload/fit-fusion";
import { type Contender, compareGainModels, compareTables, predictsBetter } from "@spillway/shared/offload/fit-metric";
import {
  type Calibration,
  type Calibrator,
  type ConfidenceRule,
  confidenceRuleSchema,
  type MetricTable,
} from "@spillway/shared/schema/calibration";
import { chosenMethod, type MethodChoice } from "./calibration-method.ts";
import { type CalibrationQuality, calibrationQuality } from "./calibration-report.ts";
import type { ModelLogits } from "./run-models.ts";

export interface CalibrationFit {
  calibration: Calibration;
  /** Of each exit and of the large model; `after` is cross-validated. */
  members: { name: string; method: CalibrationMethod; before: CalibrationQuality; after: CalibrationQuality }[];
  /** Cross-validated squared error of each way of predicting the gain, for the rule of the default configuration. */
  metric: { name: string; error: number }[];
  /** Cross-validated NLL of each way of fusing. */
  fusion: { method: FusionMethod; nll: number }[];
}

interface Member {
  name: string;
  method: CalibrationMethod;
  calibrator: Calibrator;
  /** Cross-validated, row-major [rows, classes]. */
  probabilities: Float64Array;
}

/** @param labels [rows] */
export function fitCalibration(
  logits: ModelLogits,
  labels: ArrayLike<number>,
  identity: Pick<Calibration, "model" | "fittedOn">,
  choice: MethodChoice = "temperature",
): CalibrationFit {
  const { classes } = logits;
  const exits = logits.exits.map((values, index) => fitMember(`exit ${index + 1}`, values, labels, classes, choice));
  const large = fitMember("large", logits.large, labels, classes, choice);
  const vote = rounded(fitPoolWeights(exits.map(({ probabilities }) => ofTruth(probabilities, labels, classes))));
  const answers = { edge: poolRows(exits, vote, classes), cloud: large.probabilities };
  const fusions = compareFusions(answers.edge, answers.cloud, labels, classes);
  const fused = fusions[0];
  const gain = Float64Array.from({ length: logits.rows }, (_, row) => {
    const isRight = (values: Float64Array) => (argmax(rowOf(values, row, classes)) === labels[row] ? 1 : 0);
    return isRight(fused.probabilities) - isRight(answers.edge);
  });
  const { tables, gainModel, contenders } = fitMetrics(answers.edge, gain, classes);
  const before = (values: Float32Array) => calibrationQuality(softmaxRows(values, classes), labels, classes);
  return {
    calibration: {
      calibrationVersion: 1,
      ...identity,
      exits: exits.map(({ calibrator }) => calibrator),
      cloud: large.calibrator,
      vote,
      metric: tables,
      gainModel,
      fusion: fitFusion(fused.method, answers.edge, answers.cloud, labels, classes),
    },
    members: [...exits, large].map(({ name, method, probabilities }, index) => ({
      name,
      method,
      before: before([...logits.exits, logits.large][index]),
      after: calibrationQuality(probabilities, labels, classes),
    })),
    metric: contenders.map(({ name, error }) => ({ name, error })),
    fusion: fusions.map(({ method, nll }) => ({ method, nll })),
  };
}

function fitMember(
  name: string,
  logits: Float32Array,
  labels: ArrayLike<number>,
  classes: number,
  choice: MethodChoice,
): Member {
  const { method } = chosenMethod(choice, logits, labels, classes);
  return {
    name,
    method,
    calibrator: fitCalibrator(method, logits, labels, classes),
    probabilities: crossValidateCalibrator(method, logits, labels, classes).probabilities,
  };
}

/** The best table of each rule, and the class-aware model where it predicts better than the default rule's table. */
function fitMetrics(edge: Float64Array, gain: Float64Array, classes: number) {
  const all = Array.from(gain.keys());
  const rows = all.map((row) => rowOf(edge, row, classes));
  const byRule = new Map<ConfidenceRule, Contender<MetricTable>[]>();
  for (const rule of confidenceRuleSchema.options) {
    const confidence = Float64Array.from(rows, (probabilities) => confidenceOf(probabilities, rule));
    byRule.set(rule, compareTables(confidence, gain));
  }
  const tables = Object.fromEntries([...byRule].map(([rule, ways]) => [rule, ways[0].fit(all)])) as Record<
    ConfidenceRule,
    MetricTable
  >;
  const defaultWays = byRule.get("max-probability") as Contender<MetricTable>[];
  const models = compareGainModels(rows, gain);
  const gainModel = predictsBetter(models[0], defaultWays[0], gain) ? models[0].fit(all) : null;
  const contenders = [...defaultWays, ...models].sort((a, b) => a.error - b.error);
  return { tables, gainModel, contenders };
}

function poolRows(members: readonly Member[], weights: readonly number[], classes: number): Float64Array {
  const pooled = new Float64Array(members[0].probabilities.length);
  for (let row = 0; row * classes < pooled.length; row++) {
    const opinions = members.map(({ probabilities }) => rowOf(probabilities, row, classes));
    pooled.set(poolProbabilities(opinions, weights), row * classes);
  }
  return pooled;
}

function softmaxRows(logits: Float32Array, classes: number): Float64Array {
  const probabilities = new Float64Array(logits.length);
  for (let row = 0; row * classes < logits.length; row++) {
    probabilities.set(softmax(rowOf(logits, row, classes)), row * classes);
  }
  return probabilities;
}

function ofTruth(probabilities: Float64Array, labels: ArrayLike<number>, classes: number): Float64Array {
  return Float64Array.from({ length: labels.length }, (_, row) => probabilities[row * classes + labels[row]]);
}

/** Three digits are all that a few thousand images can tell; the largest takes up the rest. */
function rounded(weights: number[]): number[] {
  const short = weights.map((weight) => Math.round(weight * 1000) / 1000);
  const largest = argmax(short);
  const others = short.reduce((sum, weight, index) => (index === largest ? sum : sum + weight), 0);
  short[largest] = Math.round((1 - others) * 1000) / 1000;
  return short;
}
