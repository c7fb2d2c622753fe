// What a certified threshold is worth: how often it loses more accuracy than it promised, and how much more it
// offloads than one who knows the labels would.
import { certifiedPairThresholds } from "@spillway/shared/offload/pair-threshold";
import { RISK_METHODS } from "@spillway/shared/offload/risk-control";
import { OFFLOAD_ALL, rowAt } from "@spillway/shared/offload/sweep";
import { markdownTable, percent } from "../measure.ts";
import type { EdgeBoostPair } from "./edgeboost-pair.ts";
import { drawSplits, judge, leastOffloading, lossOf, type Outcome, SPLITS, type Split } from "./loss-on-splits.ts";
import { mean, shareError } from "./statistics.ts";

const CONFIDENCE_LEVEL = 0.95;
const LIMITS = [0.005, 0.01, 0.02];
/** Those of EdgeBoost's own evaluation. */
const FIXED_THRESHOLDS = [0.04, 0.087, 0.298, 0.59, 0.72, 0.83, 0.93];

/** Chooses a threshold on the calibration half. */
type Way = (split: Split, limit: number) => number;

const CERTIFIED = RISK_METHODS.map((method): [string, Way] => [
  method,
  ({ calibration: { confidence, edgeCorrect, cloudCorrect } }, maxAccuracyLoss) => {
    const limit = { maxAccuracyLoss, confidenceLevel: CONFIDENCE_LEVEL, method };
    return certifiedPairThresholds(confidence, edgeCorrect, cloudCorrect, limit).at(-1) ?? OFFLOAD_ALL;
  },
]);
const UNCERTIFIED: [string, Way] = [
  "no margin for chance",
  ({ calibrationCurve }, limit) => leastOffloading(calibrationCurve, limit).threshold,
];

/** Shares of the splits, and means over them. */
interface Summary {
  broken: number;
  brokenOnAll: number;
  offloadRate: number;
}

interface Chosen extends Summary {
  limit: number;
  way: string;
  /** Offload rate of the best threshold of the test half. */
  oracle: number;
  /** Share of the splits on which nothing short of offloading all was certified. */
  everything: number;
}

/** On all rows; `broken` on the test halves, one for each limit. */
interface Fixed {
  threshold: number;
  loss: number;
  offloadRate: number;
  broken: number[];
}

export function benchGuarantee(pair: EdgeBoostPair) {
  const splits = drawSplits(pair);
  const chosen = LIMITS.flatMap((limit) => {
    const oracle = mean(splits.map(({ testCurve }) => leastOffloading(testCurve, limit).offloadRate));
    return [...CERTIFIED, UNCERTIFIED].map(([way, choose]): Chosen => {
      const thresholds = splits.map((split) => choose(split, limit));
      const everything = thresholds.filter((threshold) => threshold === OFFLOAD_ALL).length / SPLITS;
      const outcomes = splits.map((split, index) => judge(thresholds[index], split, limit));
      return { limit, way, oracle, everything, ...summaryOf(outcomes) };
    });
  });
  const [{ wholeCurve }] = splits;
  const fixed = FIXED_THRESHOLDS.map(
    (threshold): Fixed => ({
      threshold,
      loss: lossOf(wholeCurve, rowAt(wholeCurve, threshold)),
      offloadRate: rowAt(wholeCurve, threshold).offloadRate,
      broken: LIMITS.map((limit) => summaryOf(splits.map((split) => judge(threshold, split, limit))).broken),
    }),
  );
  const results = { splits: SPLITS, confidenceLevel: CONFIDENCE_LEVEL, chosen, fixed };
  const intro = `Chosen on ${pair.rows / 2} rows for a level of 95 %, judged on the other ${pair.rows / 2}; ${SPLITS} splits`;
  return { results, table: `${intro}\n\n${chosenTable(chosen)}\n\n${fixedTable(fixed)}` };
}

function summaryOf(outcomes: readonly Outcome[]): Summary {
  const share = (holds: (outcome: Outcome) => boolean) => outcomes.filter(holds).length / outcomes.length;
  return {
    broken: share(({ isBroken }) => isBroken),
    brokenOnAll: share(({ isBrokenOnAll }) => isBrokenOnAll),
    offloadRate: mean(outcomes.map(({ offloadRate }) => offloadRate)),
  };
}

function chosenTable(chosen: readonly Chosen[]): string {
  return markdownTable(
    ["limit, chosen by", "broken on the test half", "offloaded", "oracle offloads", "ratio"],
    chosen.map(({ limit, way, broken, offloadRate, oracle }) => [
      `${percent(limit)}, ${way}`,
      brokenShare(broken),
      percent(offloadRate),
      percent(oracle),
      `${(offloadRate / oracle).toFixed(2)} x`,
    ]),
  );
}

function fixedTable(fixed: readonly Fixed[]): string {
  return markdownTable(
    ["EdgeBoost's threshold", "offloaded", "loss on all rows", ...LIMITS.map((limit) => `${percent(limit)} broken`)],
    fixed.map(({ threshold, offloadRate, loss, broken }) => [
      String(threshold),
      percent(offloadRate),
      percent(loss, 2),
      ...broken.map(brokenShare),
    ]),
  );
}

function brokenShare(share: number): string {
  return `${percent(share)} ± ${(100 * shareError(share, SPLITS)).toFixed(1)}`;
}
