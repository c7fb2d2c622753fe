// What an offloaded image costs on the wire and how well it is then answered: as features for the tail at each of its
// settings, against the same image as a picture for the large model. Calibrators, vote and fusions are fitted on the
// calibration half, one for each setting and for each form of picture, as `spillway calibrate` does it; the report
// half is judged, and chooses nothing.
import { writeFile } from "node:fs/promises";
import path from "node:path";
import { rowOf } from "@spillway/shared/calibration/row-major";
import { argmax } from "@spillway/shared/calibration/softmax";
import type { Calibration, TailCalibration } from "@spillway/shared/schema/calibration";
import { writeChart } from "../../models/src/charts/render.ts";
import { type Evaluation, evaluationDigest } from "../../models/src/evaluation/evaluation-file.ts";
import { fitCalibration } from "../../models/src/evaluation/fit-calibration.ts";
import { rowsOfPart } from "../../models/src/evaluation/load-evaluation.ts";
import { runModels } from "../../models/src/evaluation/run-models.ts";
import type { LabelledImages } from "../../models/src/images/labelled-images.ts";
import { readMosaic } from "../../models/src/images/mosaic.ts";
import { splitInHalves } from "../../models/src/images/split.ts";
import { type ModelFolder, openModelFolder } from "../../models/src/model-folder.ts";
import { MOSAIC } from "./accuracy.bench.ts";
import { mean } from "./calibration/statistics.ts";
import { answersOf, type Sent, type SentPicture, votesOf } from "./features/answers.ts";
import { featureChart } from "./features/chart.ts";
import { duelsOf, duelTable, verdict } from "./features/duels.ts";
import {
  LOSSLESS,
  meanFileBytes,
  pictureForms,
  pictureName,
  type SeenPictures,
  seePictures,
} from "./features/pictures.ts";
import {
  type FeatureRow,
  type FileBytes,
  featureTable,
  lossesAtPublishedRates,
  pictureTable,
  publishedTable,
} from "./features/tables.ts";
import { percent } from "./measure.ts";

const MODEL = "models/cifar100";
const RESULTS = path.join(import.meta.dirname, "results");
const CHART = path.join(RESULTS, "features.svg");
/** All pictures; the README shows what they come to. */
const DETAILS = path.join(RESULTS, "features.md");
/** Whose files features are measured against: the quality that sharp uses unless told. */
const USUAL_QUALITY = 80;

export async function benchFeatures() {
  const folder = await openModelFolder(MODEL);
  const { preprocessing } = folder.manifest.edge;
  const images = await readMosaic(MOSAIC, preprocessing, folder.manifest.labels.length);
  const seen = await seeAllPictures(folder, images);
  const { report, chosenOn, calibration } = await fitted(folder, images, seen);
  const rows = featureRows(folder, { report, chosenOn }, calibration);
  const lossless = await losslessBytes(images);
  const pictures = pictureRows(seen, report, calibration, lossless);
  const usual = ["WebP", "JPEG"].map((name) => `${name} ${USUAL_QUALITY}`);
  const files: FileBytes = {
    bitmap: preprocessing.width * preprocessing.height * 3,
    files: { ...lossless, ...Object.fromEntries(usual.map((name) => [name, bytesOf(pictures, name)])) },
  };
  const edge = mean(votesOf(report, calibration).map((vote, row) => Number(argmax(vote) === report.labels[row])));
  const duels = duelsOf(rows, pictures);
  const published = lossesAtPublishedRates(rows, files.bitmap);
  await writeChart(CHART, featureChart({ rows, pictures, edge, bitmap: files.bitmap, images: report.rows }));
  await writeFile(DETAILS, `${pictureTable(pictures, files.bitmap, report.rows)}\n`);
  const inShort = ({ name, bytes, alone, fused }: Sent) => ({ name, bytes, alone: mean(alone), fused: mean(fused) });
  return {
    results: {
      n: report.rows,
      edge,
      files,
      settings: rows.map((row) => ({ ...inShort(row), rawBytes: row.rawBytes })),
      pictures: pictures.map(inShort),
      duels,
      published,
    },
    tables: {
      features: `n = ${report.rows}; the edge alone: ${percent(edge)}\n\n${featureTable(rows, files)}`,
      "features-published": publishedTable(published),
      "features-pictures": [
        `Features against files: ${verdict(duels, "file")}.`,
        `Against JPEG without tables: ${verdict(duels, "tableless")}.`,
        duelTable(duels),
      ].join("\n\n"),
    },
  };
}

async function seeAllPictures(folder: ModelFolder, images: LabelledImages): Promise<SeenPictures[]> {
  const seen: SeenPictures[] = [];
  const forms = pictureForms();
  for (const form of forms) {
    seen.push(await seePictures(folder, images, form));
    process.stderr.write(`features: ${seen.length} of ${forms.length} pictures\n`);
  }
  return seen;
}

/** The report half, the other half, and what that one taught; all of the tail's settings and, after them, of all pictures. */
async function fitted(folder: ModelFolder, images: LabelledImages, seen: readonly SeenPictures[]) {
  const all = Array.from({ length: images.count }, (_, index) => index);
  const run = await runModels(folder, images, all, { withTail: true });
  if (run.tail.length === 0) throw new Error(`${MODEL}: has no tail`);
  const evaluation: Evaluation = {
    ...run,
    tail: [
      ...run.tail,
      ...seen.map(({ form, logits, sent: [{ family, bytes }] }) => {
        return { setting: pictureName(family, form), logits, frameBytes: bytes };
      }),
    ],
    labels: images.labels,
    modelHash: folder.hash,
    dataset: images.name,
  };
  const rows = rowsOfPart(evaluation, "calibration");
  const fittedOn = { dataset: rows.dataset, n: rows.rows, part: "calibration" as const };
  const identity = { model: folder.hash, fittedOn: { ...fittedOn, evaluation: evaluationDigest(evaluation) } };
  const { calibration } = fitCalibration(rows, rows.labels, identity);
  return { report: rowsOfPart(evaluation, "report"), chosenOn: rows, calibration };
}

interface Halves {
  report: Evaluation;
  /** Whatever is chosen is chosen on it. */
  chosenOn: Evaluation;
}

function featureRows({ manifest }: ModelFolder, { report, chosenOn }: Halves, calibration: Calibration): FeatureRow[] {
  const settings = manifest.cloud.tail?.settings ?? [];
  const votes = votesOf(report, calibration);
  return settings.map(({ rawBytes }, index) => {
    const { setting, logits, frameBytes } = report.tail[index];
    const fit = fitOf(calibration, setting);
    const answers = answersOf(logits, votes, report.labels, fit);
    const calibrationTop1 = top1(chosenOn.tail[index].logits, chosenOn);
    const { gainShare } = fit;
    return { name: setting, rawBytes, gainShare, calibrationTop1, bytes: mean(frameBytes ?? []), ...answers };
  });
}

function top1(logits: Float32Array, { labels, rows, classes }: Evaluation): number {
  return mean(Array.from({ length: rows }, (_, row) => Number(argmax(rowOf(logits, row, classes)) === labels[row])));
}

/** Every form of picture, then the lossless files, whose answers are those to the image itself. */
function pictureRows(
  seen: readonly SeenPictures[],
  report: Evaluation,
  calibration: Calibration,
  lossless: Record<string, number>,
): SentPicture[] {
  const votes = votesOf(report, calibration);
  const pictures = seen.flatMap(({ form, sent }) => {
    const name = pictureName(sent[0].family, form);
    const { logits } = report.tail.find(({ setting }) => setting === name) as Evaluation["tail"][0];
    const answers = answersOf(logits, votes, report.labels, fitOf(calibration, name));
    return sent.map(({ family, bytes }): SentPicture => {
      const meanBytes = mean(splitInHalves(bytes.length).report.map((index) => bytes[index]));
      return { name: pictureName(family, form), family, bytes: meanBytes, ...answers };
    });
  });
  const { cloud: calibrator, fusion } = calibration;
  const toOriginals = answersOf(report.large, votes, report.labels, { calibrator, fusion });
  const files = Object.entries(lossless).map(([name, bytes]): SentPicture => {
    return { name, family: "lossless", bytes, ...toOriginals };
  });
  return [...pictures, ...files];
}

/** Mean length of each lossless file. */
async function losslessBytes(images: LabelledImages): Promise<Record<string, number>> {
  const { report } = splitInHalves(images.count);
  const means: Record<string, number> = {};
  for (const [name, encode] of Object.entries(LOSSLESS)) means[name] = await meanFileBytes(images, report, encode);
  return means;
}

function fitOf({ tail }: Calibration, name: string): TailCalibration {
  return tail?.find(({ setting }) => setting === name) as TailCalibration;
}

function bytesOf(sent: readonly Sent[], name: string): number {
  const found = sent.find((one) => one.name === name);
  if (found === undefined) throw new RangeError(`expected a picture "${name}"`);
  return found.bytes;
}
