// Thresholds as a person reads them, and what is said when there are none.

import { certifiableRows } from "@spillway/shared/offload/risk-control";
import { OFFLOAD_NOTHING, OFFLOAD_UNDECIDED } from "@spillway/shared/offload/system-outcomes";
import { standardError } from "../evaluation/accuracy.ts";
import type { Evaluation } from "../evaluation/evaluation-file.ts";
import { rowsOfPart } from "../evaluation/load-evaluation.ts";
import { type OutputFlags, reportResult } from "../result-output.ts";
import { percent, textTable } from "../text-table.ts";
import type { Demand } from "./demand.ts";
import type { ThresholdResult } from "./threshold-result.ts";

/** Several lines, ended. */
export function describeThresholds(result: ThresholdResult): string {
  const { exits, offload, offloadOn, expected, expectedOn, baselines } = result;
  const lines = [
    `exits    ${exits.map((threshold) => (threshold > 1 ? `${threshold} (closed)` : threshold)).join(", ")}`,
    `offload  ${offload} (${meaningOf(offload, offloadOn)})`,
    ...guaranteeLines(result),
    textTable(
      ["", "accuracy", "offloaded", "mean latency, ms"],
      Object.entries({
        "edge only": baselines.edgeOnly,
        "everything offloaded": baselines.everythingOffloaded,
        "these thresholds": expected,
      }).map(([name, { accuracy, offloadRate, meanLatencyMs }]) => [
        name,
        `${percent(accuracy)} ± ${(100 * standardError({ top1: accuracy, n: expectedOn.rows })).toFixed(1)}`,
        percent(offloadRate),
        meanLatencyMs.toFixed(1),
      ]),
    ).trimEnd(),
    `on ${expectedOn.rows} rows: ${expectedOn.how}; while the bucket has tokens and the cloud answers in time`,
    ...remarks(result),
  ];
  return `${lines.join("\n")}\n`;
}

function meaningOf(offload: number, offloadOn: ThresholdResult["offloadOn"]): string {
  if (offloadOn === "confidence") return offload > 1 ? "everything" : "confidence below this";
  if (offload <= OFFLOAD_UNDECIDED) return "whatever no exit answers";
  return offload >= OFFLOAD_NOTHING ? "nothing" : "expected gain from this on";
}

function guaranteeLines({ guarantee }: ThresholdResult): string[] {
  if (guarantee === null) return [];
  const { maxAccuracyLoss, confidenceLevel, method } = guarantee;
  const points = Number((maxAccuracyLoss * 100).toPrecision(3));
  return [
    `guarantee at most ${points} points of accuracy below offloading everything, level ${confidenceLevel} (${method})`,
  ];
}

/** What a reader must not overlook. */
function remarks({ missed, expected, expectedOn, baselines }: ThresholdResult): string[] {
  const found: string[] = [];
  if (missed.length > 0) found.push(`missed   ${missed.join(", ")}: met by the rows that chose, not by the others`);
  if (expected.accuracy < baselines.edgeOnly.accuracy) {
    found.push(`warning  less accurate than the edge alone: ${expectedOn.rows} rows may be too few to choose on`);
  }
  return found;
}

/** How many rows decide whether a demand can be had. */
export function judgedRows(evaluation: Evaluation, { limit }: Demand): number {
  return rowsOfPart(evaluation, limit === null ? "calibration" : "certification").rows;
}

/** Says in every way asked for that a demand cannot be had. @throws Error that says so in one line */
export async function refuseDemand(demand: Demand, rows: number, output: OutputFlags): Promise<never> {
  const reason = notAttainable(demand, rows);
  await reportResult({ attainable: false, reason, guarantee: null }, output, "");
  throw new Error(reason);
}

/** Why a demand cannot be had, with what would help where that is known. */
function notAttainable({ wishes, limit }: Demand, rows: number): string {
  if (limit === null) return "not attainable: no thresholds fulfil all wishes on these rows; loosen one";
  const { maxAccuracyLoss, confidenceLevel, method } = limit;
  const guarantee = `at most ${maxAccuracyLoss} of accuracy at level ${confidenceLevel} (${method})`;
  const needed = certifiableRows(limit);
  if (rows >= needed && Object.keys(wishes).length > 0) {
    return `not attainable: thresholds that lose ${guarantee} on ${rows} rows do not fulfil the other wishes; loosen one`;
  }
  const help = Number.isFinite(needed) ? `; it takes at least ${needed}, and more where edge and cloud differ` : "";
  return `not attainable: ${rows} rows cannot certify that thresholds lose ${guarantee}${help}`;
}
