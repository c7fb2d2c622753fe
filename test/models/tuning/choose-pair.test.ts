// The threshold of a pair whose truth is known: the edge is right as often as it says, the cloud nine times in ten.
import { sweepThresholds } from "@spillway/shared/offload/sweep";
import { mulberry32 } from "@spillway/shared/random/mulberry32";
import { describe, expect, it } from "vitest";
import { choosePair, type PairRows } from "../../../models/src/tuning/choose-pair.ts";

const COSTS = { edgeMs: 3, cloudMs: 50 };
const CLOUD = 0.9;

/** Confidences are uniform in [0, 1); `edge` says how often the edge is right at each. */
function drawPair(rows: number, seed: number, edge = (confidence: number) => confidence, cloud = CLOUD): PairRows {
  const random = mulberry32(seed);
  const pair = {
    confidence: new Float64Array(rows),
    edgeCorrect: new Uint8Array(rows),
    cloudCorrect: new Uint8Array(rows),
  };
  for (let row = 0; row < rows; row++) {
    pair.confidence[row] = random();
    pair.edgeCorrect[row] = random() < edge(pair.confidence[row]) ? 1 : 0;
    pair.cloudCorrect[row] = random() < cloud ? 1 : 0;
  }
  return pair;
}

/** What keeping all rows from a threshold on costs against offloading everything: the integral of 0.9 - c from there. */
function trueLoss(threshold: number): number {
  return CLOUD * (1 - threshold) - (1 - threshold ** 2) / 2;
}

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

describe("a guarantee", () => {
  const seeds = Array.from({ length: 80 }, (_, seed) => seed + 1);

  it.each(["paired-exact", "binomial", "hoeffding-bentkus"] as const)("holds as often as promised: %s", (method) => {
    const limit = { maxAccuracyLoss: 0.02, confidenceLevel: 0.9, method };
    const thresholds = seeds.map(
      (seed) => choosePair(drawPair(2000, seed), COSTS, { wishes: {}, limit })?.offload ?? 2,
    );
    const broken = thresholds.filter((threshold) => threshold < 2 && trueLoss(threshold) > 0.02).length;
    // Of 80 draws 8 may break it; 17 or more would have a chance of one in a thousand.
    expect(broken).toBeLessThan(17);
    // Offloading everything would hold as well: it must be of some use.
    expect(mean(thresholds)).toBeLessThan(method === "paired-exact" ? 0.85 : 1);
  });

  it("is null where the rows cannot carry it, or a wish is beyond it", () => {
    const limit = { maxAccuracyLoss: 0.02, confidenceLevel: 0.9, method: "binomial" } as const;
    // (1 - 0.02)^n is at most 0.1 from 114 rows on.
    const agreeing = (rows: number) => ({ ...drawPair(rows, 1, () => 1, 1) });
    expect(choosePair(agreeing(113), COSTS, { wishes: {}, limit })).toBeNull();
    expect(choosePair(agreeing(114), COSTS, { wishes: {}, limit })?.offload).toBe(0);
    const pair = drawPair(2000, 1);
    const certified = choosePair(pair, COSTS, { wishes: {}, limit });
    const rate = pair.confidence.filter((confidence) => confidence < (certified?.offload ?? 0)).length / 2000;
    expect(choosePair(pair, COSTS, { wishes: { maxOffload: rate }, limit })?.offload).toBe(certified?.offload);
    expect(choosePair(pair, COSTS, { wishes: { maxOffload: rate - 1 / 2000 }, limit })).toBeNull();
  });
});

describe("what is expected", () => {
  it("is of the threshold that the wishes chose among the certified ones", () => {
    const pair = drawPair(4000, 3);
    const limit = { maxAccuracyLoss: 0.05, confidenceLevel: 0.9, method: "paired-exact" } as const;
    const fastest = choosePair(pair, COSTS, { wishes: {}, limit });
    const surer = choosePair(pair, COSTS, { wishes: { minAccuracy: 0.885 }, limit });
    expect(surer?.offload).toBeGreaterThan(fastest?.offload ?? 2);
    expect(surer?.expected.offloadRate).toBeGreaterThan((fastest?.expected.offloadRate ?? 1) + 0.05);
    expect(surer?.expected.accuracy).toBeGreaterThan(fastest?.expected.accuracy ?? 1);
  });

  it("says which wishes the other rows do not meet, and what it was judged on", () => {
    const pair = drawPair(4000, 3);
    const chosen = choosePair(pair, COSTS, { wishes: { minAccuracy: 0.88 }, limit: null });
    expect(chosen?.missed).toEqual((chosen?.expected.accuracy ?? 0) < 0.88 ? ["min-accuracy"] : []);
    const few = choosePair(drawPair(9, 3), COSTS, { wishes: { maxOffload: 0.5 }, limit: null });
    expect(few?.expectedOn.how).toBe("the rows that chose, too few to leave some out");
    const enough = choosePair(drawPair(10, 3), COSTS, { wishes: { maxOffload: 0.5 }, limit: null });
    expect(enough?.expectedOn.how).toBe("cross-validated on the rows that chose");
  });

  it("is not what chance made of the rows that chose", () => {
    // Confidence says nothing, and both are right every second time: no threshold is worth more.
    const draws = Array.from({ length: 40 }, (_, seed) => {
      const pair = drawPair(60, seed + 100, () => 0.5, 0.5);
      const { correct } = sweepThresholds(pair.confidence, pair.edgeCorrect, pair.cloudCorrect);
      const chosen = choosePair(pair, COSTS, { wishes: { maxOffload: 1 }, limit: null });
      return { inSample: Math.max(...correct) / 60, expected: chosen?.expected.accuracy ?? Number.NaN };
    });
    expect(mean(draws.map(({ inSample }) => inSample))).toBeGreaterThan(0.54);
    expect(Math.abs(mean(draws.map(({ expected }) => expected)) - 0.5)).toBeLessThan(0.03);
  });

  it("comes true on other rows", () => {
    const chosen = choosePair(drawPair(4000, 7), COSTS, { wishes: { maxOffload: 0.3 }, limit: null });
    const fresh = drawPair(100_000, 8);
    const offloaded = fresh.confidence.filter((confidence) => confidence < (chosen?.offload ?? 0)).length / 100_000;
    expect(Math.abs((chosen?.expected.offloadRate ?? 0) - offloaded)).toBeLessThan(0.02);
    const right = fresh.confidence.reduce((sum, confidence, row) => {
      const answer = confidence < (chosen?.offload ?? 0) ? fresh.cloudCorrect : fresh.edgeCorrect;
      return sum + answer[row];
    }, 0);
    expect(Math.abs((chosen?.expected.accuracy ?? 0) - right / 100_000)).toBeLessThan(0.02);
  });

  it("is of the rows themselves where there are fewer than ten", () => {
    const pair = drawPair(9, 3);
    const chosen = choosePair(pair, COSTS, { wishes: { maxOffload: 1 }, limit: null });
    const { correct } = sweepThresholds(pair.confidence, pair.edgeCorrect, pair.cloudCorrect);
    expect(chosen?.expected.accuracy).toBe(Math.max(...correct) / 9);
  });
});
