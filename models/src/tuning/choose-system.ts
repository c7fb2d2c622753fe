// The thresholds of a whole model, with what they do on the report half, which chose nothing.
import type { RiskLimit } from "@spillway/shared/offload/risk-control";
import {
  performanceOf,
  type SystemCosts,
  type SystemOutcomes,
  type Thresholds,
} from "@spillway/shared/offload/system-outcomes";
import { certifiedThresholds, chooseThresholds, fulfils, type Wishes } from "@spillway/shared/offload/threshold-choice";
import type { Calibration, ConfidenceRule } from "@spillway/shared/schema/calibration";
import type { Evaluation } from "../evaluation/evaluation-file.ts";
import { type Part, rowsOfPart } from "../evaluation/load-evaluation.ts";
import { systemOutcomes } from "../evaluation/system.ts";
import type { Demand } from "./demand.ts";
import type { ThresholdResult } from "./threshold-result.ts";

export interface SystemChoice extends ThresholdResult {
  /** Share of the report half that leaves at each exit. */
  exitShares: number[];
}

/**
 * Without a guarantee, thresholds are chosen on the calibration half. With one, they are proposed by one part of
 * it and certified on the other, which must not have shaped the calibration either.
 *
 * @returns null where the demand is not attainable
 * @throws Error with one line for a guarantee on rows that the calibration was fitted on
 */
export function chooseSystem(
  evaluation: Evaluation,
  calibration: Calibration,
  rule: ConfidenceRule,
  costs: SystemCosts,
  demand: Demand,
): SystemChoice | null {
  if (demand.limit !== null) expectUnseenRows(calibration);
  const outcomesOf = (part: Part) => {
    const rows = rowsOfPart(evaluation, part);
    return systemOutcomes(rows, rows.labels, calibration, rule);
  };
  const thresholds =
    demand.limit === null
      ? (chooseThresholds(outcomesOf("calibration"), costs, demand.wishes)?.thresholds ?? null)
      : certified(outcomesOf, costs, { ...demand, limit: demand.limit });
  if (thresholds === null) return null;
  const report = outcomesOf("report");
  const { exitShares, ...expected } = performanceOf(report, costs, thresholds);
  return {
    exits: thresholds.exits,
    offload: thresholds.offload,
    offloadOn: "metric",
    guarantee: demand.limit,
    expected,
    expectedOn: { rows: report.rows, how: "the report half, which chose nothing" },
    exitShares,
  };
}

/** @throws Error with one line when the calibration was fitted on the rows that are to certify */
export function expectUnseenRows({ fittedOn }: Calibration): void {
  if (fittedOn.part === "fit") return;
  throw new Error(
    "a guarantee needs rows that the calibration has not seen: fit it with `spillway calibrate --part fit` first",
  );
}

function certified(
  outcomesOf: (part: Part) => SystemOutcomes,
  costs: SystemCosts,
  { wishes, limit }: { wishes: Wishes; limit: RiskLimit },
): Thresholds | null {
  const certification = outcomesOf("certification");
  const all = certifiedThresholds(outcomesOf("fit"), certification, costs, limit);
  return all.findLast((thresholds) => fulfils(performanceOf(certification, costs, thresholds), wishes)) ?? null;
}
