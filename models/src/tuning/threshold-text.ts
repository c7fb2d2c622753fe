// Thresholds as a person reads them, and what is said when there are none.
import { certifiableRows } from "@spillway/shared/offload/risk-control";
import type { Evaluation } from "../evaluation/evaluation-file.ts";
import { rowsOfPart } from "../evaluation/load-evaluation.ts";
import { type OutputFlags, reportResult } from "../result-output.ts";
import { percent } from "../text-table.ts";
import type { Demand } from "./demand.ts";
import type { ThresholdResult } from "./threshold-result.ts";

/** Several lines, ended. */
export function describeThresholds({
  exits,
  offload,
  offloadOn,
  guarantee,
  expected,
  expectedOn,
}: ThresholdResult): string {
  const lines = [
    `exits    ${exits.map((threshold) => threshold.toFixed(4)).join(", ")}`,
    `offload  ${offload.toFixed(4)} (${offloadOn === "confidence" ? "confidence below this" : "expected gain from this on"})`,
    `expected ${percent(expected.accuracy)} accuracy, ${percent(expected.offloadRate)} offloaded, ` +
      `${expected.meanLatencyMs.toFixed(1)} ms on average (${expectedOn.rows} rows: ${expectedOn.how})`,
  ];
  if (guarantee !== null) {
    const { maxAccuracyLoss, confidenceLevel, method } = guarantee;
    const points = Number((maxAccuracyLoss * 100).toPrecision(3));
    lines.push(
      `guarantee at most ${points} points of accuracy below offloading everything, level ${confidenceLevel} (${method})`,
    );
  }
  return `${lines.join("\n")}\n`;
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
function notAttainable({ limit }: Demand, rows: number): string {
  if (limit === null) return "not attainable: no thresholds fulfil all wishes on these rows; loosen one";
  const needed = certifiableRows(limit);
  const help =
    rows < needed ? `; at least ${needed} rows to certify on are needed, and more where edge and cloud differ` : "";
  const { maxAccuracyLoss, confidenceLevel } = limit;
  return `not attainable: no thresholds lose at most ${maxAccuracyLoss} of accuracy at level ${confidenceLevel} (${limit.method}) and fulfil all wishes on ${rows} rows${help}`;
}
