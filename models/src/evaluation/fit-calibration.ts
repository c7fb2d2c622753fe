// Fits all that calibration.json holds, on images that will not be reported on.
import { confidenceOf } from "@spillway/shared/calibration/confidence";
import { fitPoolWeights, poolProbabilities } from "@spillway/shared/calibration/opinion-pool";
import { argmax, softmax } from "@spillway/shared/calibration/softmax";
import { fitTemperature } from "@spillway/shared/calibration/temperature";
import { fitMetric } from "@spillway/shared/offload/metric";
import { type Calibration, confidenceRuleSchema, type MetricTable } from "@spillway/shared/schema/calibration";
import type { ModelLogits } from "./run-models.ts";

/** Below this share of the edge, fusing changes nothing worth its code path. */
const SMALLEST_FUSION_WEIGHT = 0.01;

/**
 * Temperatures by likelihood; the vote's and the fusion's weights by likelihood; the metric for each
 * rule as the isotonic regression of (edge error - cloud error) on the vote's confidence, where the
 * cloud's answer is the one that would be given, fused or not.
 *
 * @param labels [rows]
 */
export function fitCalibration(
  logits: ModelLogits,
  labels: ArrayLike<number>,
  identity: Pick<Calibration, "model" | "fittedOn">,
): Calibration {
  const { rows, classes } = logits;
  const temperatures = [...logits.exits, logits.large].map((member) => fitTemperature(member, labels, classes));
  const cloudTemperature = temperatures.pop() as number;
  const rowsOf = (member: Float32Array, temperature: number) =>
    Array.from({ length: rows }, (_, row) => softmax(member.subarray(row * classes, (row + 1) * classes), temperature));
  const exits = logits.exits.map((member, index) => rowsOf(member, temperatures[index]));
  const cloud = rowsOf(logits.large, cloudTemperature);

  const vote = rounded(fitPoolWeights(exits.map((exit) => ofTruth(exit, labels))));
  const edge = Array.from({ length: rows }, (_, row) =>
    poolProbabilities(
      exits.map((exit) => exit[row]),
      vote,
    ),
  );
  const [edgeWeight] = rounded(fitPoolWeights([ofTruth(edge, labels), ofTruth(cloud, labels)]));
  const fusion = edgeWeight >= SMALLEST_FUSION_WEIGHT ? { edgeWeight } : null;
  const answers = cloud.map((row, index) =>
    fusion === null ? row : poolProbabilities([edge[index], row], [edgeWeight, 1 - edgeWeight]),
  );
  const gain = edge.map((row, index) => errorOf(row, labels[index]) - errorOf(answers[index], labels[index]));
  const metric = Object.fromEntries(
    confidenceRuleSchema.options.map((rule) => [
      rule,
      fitMetric(
        edge.map((row) => confidenceOf(row, rule)),
        gain,
      ),
    ]),
  ) as Record<(typeof confidenceRuleSchema.options)[number], MetricTable>;

  return {
    calibrationVersion: 1,
    ...identity,
    exits: temperatures.map((temperature) => ({ temperature })),
    cloud: { temperature: cloudTemperature },
    vote,
    metric,
    fusion,
  };
}

function ofTruth(probabilities: readonly Float64Array[], labels: ArrayLike<number>): number[] {
  return probabilities.map((row, index) => row[labels[index]]);
}

function errorOf(probabilities: Float64Array, label: number): number {
  return argmax(probabilities) === label ? 0 : 1;
}

/** Three digits are all that a few thousand images can tell; the largest takes up the rest. */
function rounded(weights: number[]): number[] {
  const short = weights.map((weight) => Math.round(weight * 1000) / 1000);
  const largest = argmax(short);
  const others = short.reduce((sum, weight, index) => (index === largest ? sum : sum + weight), 0);
  short[largest] = Math.round((1 - others) * 1000) / 1000;
  return short;
}
