// What edge and cloud answer together when everything is offloaded, against the cloud alone.
import { rowOf } from "@spillway/shared/calibration/row-major";
import { argmax } from "@spillway/shared/calibration/softmax";
import { compareFusions, FUSION_METHODS } from "@spillway/shared/offload/fit-fusion";
import { markdownTable, percent } from "../measure.ts";
import type { EdgeBoostPair } from "./edgeboost-pair.ts";
import { deviation, mean, points } from "./statistics.ts";

export function benchFusion({ edge, cloud, labels, classes, rows, cloudCorrect }: EdgeBoostPair) {
  const comparisons = compareFusions(edge, cloud, labels, classes).sort(
    (a, b) => FUSION_METHODS.indexOf(a.method) - FUSION_METHODS.indexOf(b.method),
  );
  const results = comparisons.map(({ method, nll, probabilities }) => {
    const correct = Array.from(labels, (label, row) => Number(argmax(rowOf(probabilities, row, classes)) === label));
    const differences = correct.map((right, row) => right - cloudCorrect[row]);
    return {
      method,
      nll,
      accuracy: mean(correct),
      difference: mean(differences),
      standardError: deviation(differences) / Math.sqrt(rows),
    };
  });
  const table = markdownTable(
    ["answer", "NLL", "accuracy", "over the cloud alone, points"],
    results.map(({ method, nll, accuracy, difference, standardError }) => [
      method === "none" ? "cloud alone" : `${method} pool`,
      nll.toFixed(4),
      percent(accuracy, 2),
      method === "none" ? "" : points(difference, standardError),
    ]),
  );
  return { results, table: `n = ${rows}\n\n${table}` };
}
