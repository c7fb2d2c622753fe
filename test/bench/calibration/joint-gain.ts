// What choosing the exits' thresholds together gains over choosing each by itself, at equal mean cost, on images that
// chose nothing.
import { readFile } from "node:fs/promises";
import path from "node:path";
import { type SystemCosts, type SystemOutcomes, selectRows } from "@spillway/shared/offload/system-outcomes";
import { mulberry32, shuffledIndices } from "@spillway/shared/random/mulberry32";
import { calibrationSchema } from "@spillway/shared/schema/calibration";
import { parseDocument } from "@spillway/shared/schema/document";
import { lineChart } from "../../../models/src/charts/lines.ts";
import { writeChart } from "../../../models/src/charts/render.ts";
import { loadEvaluation, type Part, rowsOfPart } from "../../../models/src/evaluation/load-evaluation.ts";
import { systemCosts, systemOutcomes } from "../../../models/src/evaluation/system.ts";
import { openModelFolder } from "../../../models/src/model-folder.ts";
import { markdownTable, percent } from "../measure.ts";
import { accuracyAt, type MeanPoint, meanPoints } from "./curve-at-cost.ts";
import { type CurvePoint, jointCandidates, pointsOf, quantileCandidates } from "./joint-curves.ts";
import { deviation, mean, points, resample } from "./statistics.ts";

const MODEL = "models/cifar100";
const CALIBRATION = `${MODEL}/calibration.json`;
const CHART = path.join(import.meta.dirname, "../results/joint-thresholds.svg");
const COSTS = [1 / 3, 1 / 2, 2 / 3, 0.8];
const RESAMPLES = 1000;
const HALVES = 20;
const SEED = 20_264;

interface Curves<Point> {
  quantile: Point[];
  joint: Point[];
}

export async function benchJoint(mosaic: string) {
  const folder = await openModelFolder(MODEL);
  const calibration = parseDocument(calibrationSchema, await readFile(CALIBRATION, "utf8"), CALIBRATION);
  const evaluation = await loadEvaluation(folder, { images: mosaic });
  const costs = systemCosts(folder.manifest, undefined, 0);
  const outcomesOf = (part: Part) => {
    const rows = rowsOfPart(evaluation, part);
    return systemOutcomes(rows, rows.labels, calibration, "max-probability");
  };
  const [fitted, report] = [outcomesOf("calibration"), outcomesOf("report")];
  const candidates = { quantile: quantileCandidates(fitted), joint: jointCandidates(fitted, costs) };
  const curvesOn = (outcomes: typeof report): Curves<CurvePoint> => ({
    quantile: pointsOf(outcomes, costs, candidates.quantile),
    joint: pointsOf(outcomes, costs, candidates.joint),
  });
  const curves = curvesOn(report);
  const onFitted = averaged(curvesOn(fitted), once(fitted.rows));
  const onReport = averaged(curves, once(report.rows));
  const errors = differenceErrors(curves, report.rows);
  const halves = gainsOnHalves(systemOutcomes(evaluation, evaluation.labels, calibration, "max-probability"), costs);
  const results = COSTS.map((cost, index) => ({
    cost,
    quantile: accuracyAt(onReport.quantile, cost),
    joint: accuracyAt(onReport.joint, cost),
    difference: differenceAt(onReport, cost),
    standardError: errors[index],
    differenceOnFitted: differenceAt(onFitted, cost),
    differenceOnHalves: mean(halves.map((gains) => gains[index])),
    standardErrorOnHalves: halvesError(halves.map((gains) => gains[index])),
    betterHalves: halves.filter((gains) => gains[index] > 0).length,
  }));
  await drawCurves(onReport, report.rows);
  const table = markdownTable(
    [
      "mean cost of the whole",
      "quantiles",
      "jointly",
      "gain, points",
      `mean gain of ${HALVES} halves`,
      "better halves",
    ],
    results.map((row) => [
      percent(row.cost, 0),
      percent(row.quantile),
      percent(row.joint),
      points(row.difference, row.standardError),
      points(row.differenceOnHalves, row.standardErrorOnHalves),
      `${row.betterHalves} of ${HALVES}`,
    ]),
  );
  return { results: { rows: results, curves: onReport }, table: `n = ${report.rows}\n\n${table}` };
}

/**
 * Of the mean over halves that share their images: their variance counts as often as it is new, once for the halves
 * judged and once in HALVES for the splits. Nadeau & Bengio, "Inference for the Generalization Error", 2003.
 */
function halvesError(gains: readonly number[]): number {
  return deviation(gains) * Math.sqrt((1 / HALVES + 1) * (HALVES / (HALVES - 1)));
}

/** At each cost, for random halves of all images: chosen on one half, judged on the other. */
function gainsOnHalves(outcomes: SystemOutcomes, costs: SystemCosts): number[][] {
  const random = mulberry32(SEED + 1);
  return Array.from({ length: HALVES }, () => {
    const order = Array.from(shuffledIndices(outcomes.rows, random));
    const middle = Math.floor(outcomes.rows / 2);
    const [fitted, judged] = [order.slice(0, middle), order.slice(middle)].map((rows) => selectRows(outcomes, rows));
    const curves = averaged(
      {
        quantile: pointsOf(judged, costs, quantileCandidates(fitted)),
        joint: pointsOf(judged, costs, jointCandidates(fitted, costs)),
      },
      once(judged.rows),
    );
    return COSTS.map((cost) => differenceAt(curves, cost));
  });
}

function once(rows: number): Uint16Array {
  return new Uint16Array(rows).fill(1);
}

function averaged({ quantile, joint }: Curves<CurvePoint>, counts: Uint16Array): Curves<MeanPoint> {
  return { quantile: meanPoints(quantile, counts), joint: meanPoints(joint, counts) };
}

function differenceAt({ quantile, joint }: Curves<MeanPoint>, cost: number): number {
  return accuracyAt(joint, cost) - accuracyAt(quantile, cost);
}

/** Both curves, their costs included, are drawn anew from the same rows of each resample. */
function differenceErrors(curves: Curves<CurvePoint>, rows: number): number[] {
  const random = mulberry32(SEED);
  const samples = Array.from({ length: RESAMPLES }, () => {
    const sample = averaged(curves, resample(rows, random));
    return COSTS.map((cost) => differenceAt(sample, cost));
  });
  return COSTS.map((_, index) => deviation(samples.map((sample) => sample[index])));
}

async function drawCurves({ quantile, joint }: Curves<MeanPoint>, rows: number): Promise<void> {
  const pointsOn = (curve: MeanPoint[]) => curve.map(({ cost, accuracy }) => ({ x: cost, y: accuracy }));
  const chart = lineChart({
    title: "Thresholds of the exits chosen together, or each by its quantile",
    subtitle: `shipped model, nothing offloaded; chosen on one half, shown on ${rows} images of the other`,
    x: { title: "mean cost, as a share of the whole edge network's multiply-adds", format: ".0%" },
    y: { title: "accuracy", format: ".0%" },
    lines: [
      { name: "chosen together", points: pointsOn(joint) },
      { name: "equal quantiles (EdgeKE)", points: pointsOn(quantile), style: "dashed" },
    ],
  });
  await writeChart(CHART, chart);
}
