// Two ways of choosing the exits' thresholds on the calibration half, each over its whole range of costs: EdgeKE's
// quantiles, every exit letting the same share leave, and thresholds chosen together.
import { jointThresholds, quantileThresholds } from "@spillway/shared/offload/joint-thresholds";
import {
  CLOSED,
  cumulative,
  isCorrect,
  OFFLOAD_NOTHING,
  type SystemCosts,
  type SystemOutcomes,
  type Thresholds,
  whoAnswers,
} from "@spillway/shared/offload/system-outcomes";

const SHARES = Array.from({ length: 41 }, (_, step) => step / 40);
/** Of the whole edge network, in accuracy: from less than one image in 2,500 to more than any stage gains. */
const PRICES = Array.from({ length: 200 }, (_, step) => 1e-4 * 3e4 ** (step / 199));
/** More than any answer is worth, so that nothing is offloaded. */
const PROHIBITIVE = 1e6;

/** What one set of thresholds does with each row, [rows]. */
export interface CurvePoint {
  thresholds: Thresholds;
  /** Share of the whole edge network that was computed. */
  cost: Float64Array;
  correct: Uint8Array;
}

export function quantileCandidates(fitted: SystemOutcomes): Thresholds[] {
  const exits = SHARES.map((share) =>
    quantileThresholds(
      fitted,
      fitted.exits.map(() => share),
    ),
  );
  return exits.map((thresholds) => ({ exits: thresholds, offload: OFFLOAD_NOTHING }));
}

/** Those of all prices, each once, and every exit closed, at which a choice of thresholds may always stop. */
export function jointCandidates(fitted: SystemOutcomes, costs: SystemCosts): Thresholds[] {
  const wholeMs = wholeOf(costs);
  const closed = { exits: fitted.exits.map(() => CLOSED), offload: OFFLOAD_NOTHING };
  const priced = PRICES.map((price) =>
    jointThresholds(fitted, costs, { perMs: price / wholeMs, perOffload: PROHIBITIVE }),
  );
  const byText = new Map([closed, ...priced].map((thresholds) => [JSON.stringify(thresholds), thresholds]));
  return [...byText.values()];
}

export function pointsOf(
  outcomes: SystemOutcomes,
  costs: SystemCosts,
  candidates: readonly Thresholds[],
): CurvePoint[] {
  const shares = cumulative(costs.stageMs).map((ms) => ms / wholeOf(costs));
  return candidates.map((thresholds) => {
    const cost = new Float64Array(outcomes.rows);
    const correct = new Uint8Array(outcomes.rows);
    for (let row = 0; row < outcomes.rows; row++) {
      const who = whoAnswers(outcomes, thresholds, row);
      cost[row] = who >= 0 ? shares[who] : 1;
      correct[row] = isCorrect(outcomes, thresholds, row);
    }
    return { thresholds, cost, correct };
  });
}

function wholeOf({ stageMs }: SystemCosts): number {
  return stageMs.reduce((sum, ms) => sum + ms, 0);
}
