// How well each way of saying what to offload orders images that it was not fitted on: the area under the curve of
// accuracy against offload rate.
import { rowOf } from "@spillway/shared/calibration/row-major";
import { compareGainModels, compareTables } from "@spillway/shared/offload/fit-metric";
import { predictGain } from "@spillway/shared/offload/gain-model";
import { applyMetric } from "@spillway/shared/offload/metric";
import { mulberry32, shuffledIndices } from "@spillway/shared/random/mulberry32";
import { gainOf } from "../../../models/src/evaluation/pair.ts";
import { markdownTable } from "../measure.ts";
import { confidenceBy, type EdgeBoostPair } from "./edgeboost-pair.ts";
import { areaByOrder } from "./resampled-area.ts";
import { deviation, mean, points, resample } from "./statistics.ts";

const HALVES = 20;
const RESAMPLES = 1000;
const SEED = 20_263;
const BASELINE = "margin";

/** Area of each way on one held-out half, and the bootstrap's standard error of its difference to the baseline. */
type HalfAreas = Record<string, { area: number; error: number }>;

export function benchMetricArea(pair: EdgeBoostPair) {
  const random = mulberry32(SEED);
  const halves = Array.from({ length: HALVES }, () => {
    const order = shuffledIndices(pair.rows, random);
    const [fitted, judged] = [order.slice(0, pair.rows / 2), order.slice(pair.rows / 2)];
    return areasOf(reluctances(pair, fitted, judged), pair, judged, random);
  });
  const results = Object.keys(halves[0]).map((way) => {
    const differences = halves.map((half) => half[way].area - half[BASELINE].area);
    return {
      way,
      area: mean(halves.map((half) => half[way].area)),
      difference: mean(differences),
      standardError: mean(halves.map((half) => half[way].error)),
      betterHalves: differences.filter((difference) => difference > 0).length,
    };
  });
  const table = markdownTable(
    ["offloads first", "area", "over the margin, points", "better halves"],
    results.map(({ way, area, difference, standardError, betterHalves }) => [
      way,
      area.toFixed(4),
      way === BASELINE ? "" : points(difference, standardError),
      way === BASELINE ? "" : `${betterHalves} of ${HALVES}`,
    ]),
  );
  return { results, table: `${HALVES} random halves of ${pair.rows} rows\n\n${table}` };
}

/** How reluctant each way is to offload each judged row; what it needs to know it learns on the fitted rows. */
function reluctances(pair: EdgeBoostPair, fitted: Uint32Array, judged: Uint32Array): Record<string, Float64Array> {
  const probabilities = (row: number) => rowOf(pair.edge, row, pair.classes);
  const confidence = confidenceBy(pair, "margin");
  const gain = gainOf(pair);
  const fittedGain = Float64Array.from(fitted, (row) => gain[row]);
  const [best] = compareTables(
    Float64Array.from(fitted, (row) => confidence[row]),
    fittedGain,
  );
  const rows = Array.from(fitted.keys());
  const table = best.fit(rows);
  const model = compareGainModels(Array.from(fitted, probabilities), fittedGain)[0].fit(rows);
  const [maxProbability, entropy] = [confidenceBy(pair, "max-probability"), confidenceBy(pair, "entropy")];
  const ofJudged = (reluctance: (row: number) => number) => Float64Array.from(judged, reluctance);
  return {
    [BASELINE]: ofJudged((row) => confidence[row]),
    "max-probability": ofJudged((row) => maxProbability[row]),
    entropy: ofJudged((row) => entropy[row]),
    "table of the margin": ofJudged((row) => -applyMetric(table, confidence[row])),
    "class-aware": ofJudged((row) => -predictGain(model, probabilities(row))),
    random: ofJudged(() => 0),
    oracle: ofJudged((row) => -gain[row]),
  };
}

/** All ways see the same resamples, so that their differences are paired. */
function areasOf(
  ways: Record<string, Float64Array>,
  pair: EdgeBoostPair,
  judged: Uint32Array,
  random: () => number,
): HalfAreas {
  const edgeCorrect = Uint8Array.from(judged, (row) => pair.edgeCorrect[row]);
  const cloudCorrect = Uint8Array.from(judged, (row) => pair.cloudCorrect[row]);
  const areas = Object.entries(ways).map(([way, reluctance]) => ({
    way,
    area: areaByOrder(reluctance, edgeCorrect, cloudCorrect),
  }));
  const samples = Array.from({ length: RESAMPLES }, () => {
    const counts = resample(judged.length, random);
    return areas.map(({ area }) => area(counts));
  });
  const baseline = areas.findIndex(({ way }) => way === BASELINE);
  const once = new Uint16Array(judged.length).fill(1);
  return Object.fromEntries(
    areas.map(({ way, area }, index) => {
      const error = deviation(samples.map((sample) => sample[index] - sample[baseline]));
      return [way, { area: area(once), error }];
    }),
  );
}
