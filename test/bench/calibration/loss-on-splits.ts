// Random halves of EdgeBoost's rows: one chooses a threshold, the other judges what it loses against asking the cloud
// about everything.
import { type AccuracyCurve, pointOf, rowAt, type SweepRow, sweepThresholds } from "@spillway/shared/offload/sweep";
import { mulberry32, shuffledIndices } from "@spillway/shared/random/mulberry32";
import { confidenceBy, type EdgeBoostPair, type JudgedRows, takeJudged } from "./edgeboost-pair.ts";

export const SPLITS = 1000;
const SEED = 20_262;
/** Shares of whole rows are compared: a loss of just the limit is within it. */
const ROUNDING = 1e-9;

export interface Split {
  calibration: JudgedRows;
  calibrationCurve: AccuracyCurve;
  testCurve: AccuracyCurve;
  /** Of both halves. */
  wholeCurve: AccuracyCurve;
}

export interface Outcome {
  isBroken: boolean;
  isBrokenOnAll: boolean;
  /** Of the test half. */
  offloadRate: number;
}

export function drawSplits(pair: EdgeBoostPair): Split[] {
  const { edgeCorrect, cloudCorrect } = pair;
  const rows = { confidence: confidenceBy(pair, "margin"), edgeCorrect, cloudCorrect };
  const wholeCurve = curveOf(rows);
  const random = mulberry32(SEED);
  return Array.from({ length: SPLITS }, () => {
    const order = shuffledIndices(pair.rows, random);
    const calibration = takeJudged(rows, order.subarray(0, pair.rows / 2));
    const testCurve = curveOf(takeJudged(rows, order.subarray(pair.rows / 2)));
    return { calibration, calibrationCurve: curveOf(calibration), testCurve, wholeCurve };
  });
}

/** What a threshold does on the test half and on all rows. */
export function judge(threshold: number, { testCurve, wholeCurve }: Split, limit: number): Outcome {
  const { offloadRate } = rowAt(testCurve, threshold);
  return {
    isBroken: !isWithin(testCurve, rowAt(testCurve, threshold), limit),
    isBrokenOnAll: !isWithin(wholeCurve, rowAt(wholeCurve, threshold), limit),
    offloadRate,
  };
}

/** The smallest threshold whose loss is within the limit on the curve's own rows; offloading all loses nothing. */
export function leastOffloading(curve: AccuracyCurve, limit: number): SweepRow {
  let point = 0;
  while (!isWithin(curve, pointOf(curve, point), limit)) point++;
  return pointOf(curve, point);
}

/** Accuracy lost against asking the cloud about everything. */
export function lossOf(curve: AccuracyCurve, { accuracy }: SweepRow): number {
  return pointOf(curve, curve.thresholds.length - 1).accuracy - accuracy;
}

function isWithin(curve: AccuracyCurve, row: SweepRow, limit: number): boolean {
  return lossOf(curve, row) <= limit + ROUNDING;
}

function curveOf({ confidence, edgeCorrect, cloudCorrect }: JudgedRows): AccuracyCurve {
  return sweepThresholds(confidence, edgeCorrect, cloudCorrect);
}
