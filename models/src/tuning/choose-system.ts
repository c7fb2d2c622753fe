// The thresholds of a whole model, with what they do on the report half, which chose nothing. They are those of the
// large model: whichever route an image takes then, it is offloaded for what the large model would gain.
import type { RiskLimit } from "@spillway/shared/offload/risk-control";
import {
  CLOSED,
  OFFLOAD_NOTHING,
  OFFLOAD_UNDECIDED,
  performanceOf,
  type SystemCosts,
  type SystemOutcomes,
  type Thresholds,
} from "@spillway/shared/offload/system-outcomes";
import { certifiedThresholds, chooseThresholds, fulfils, type Wishes } from "@spillway/shared/offload/threshold-choice";
import type { Calibration, ConfidenceRule } from "@spillway/shared/schema/calibration";
import { type Evaluation, evaluationDigest } from "../evaluation/evaluation-file.ts";
import { type Part, rowsOfPart } from "../evaluation/load-evaluation.ts";
import { systemOutcomes } from "../evaluation/system.ts";
import { type Demand, missedWishes } from "./demand.ts";
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
 * @throws Error with one line for a guarantee on rows that the calibration may have been fitted on
 */
export function chooseSystem(
  evaluation: Evaluation,
  calibration: Calibration,
  rule: ConfidenceRule,
  costs: SystemCosts,
  demand: Demand,
): SystemChoice | null {
  if (demand.limit !== null) expectUnseenRows(calibration, evaluation);
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
  const allStages = report.exits.map(() => CLOSED);
  return {
    exits: thresholds.exits,
    offload: thresholds.offload,
    offloadOn: "metric",
    guarantee: demand.limit,
    expected,
    baselines: {
      edgeOnly: performanceOf(report, costs, { exits: allStages, offload: OFFLOAD_NOTHING }),
      everythingOffloaded: performanceOf(report, costs, { exits: allStages, offload: OFFLOAD_UNDECIDED }),
    },
    missed: missedWishes(expected, demand.wishes),
    expectedOn: {
      rows: report.rows,
      how: "the report half, which chose nothing; what is offloaded goes to the large model",
    },
    exitShares,
  };
}

/** @throws Error with one line when the calibration was fitted on a part that leaves no rows to certify */
export function expectUnseenPart({ fittedOn }: Calibration): void {
  if (fittedOn.part === "fit") return;
  throw new Error(
    "a guarantee needs rows that the calibration has not seen: `spillway calibrate --part fit --out FILE`, then --calibration FILE",
  );
}

/** Another evaluation splits otherwise, and may certify on what has been fitted. */
function expectUnseenRows(calibration: Calibration, evaluation: Evaluation): void {
  expectUnseenPart(calibration);
  if (calibration.fittedOn.evaluation === evaluationDigest(evaluation)) return;
  throw new Error(
    "a guarantee needs a calibration of the same evaluation: give `calibrate --part fit` and `thresholds` one --evaluation",
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
