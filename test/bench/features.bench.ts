// What an offloaded image costs on the wire and how well it is then answered: as features for the tail at each of its
// settings, against the same image as a picture for the large model. On the report half, which chose nothing.
import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { type Calibration, calibrationSchema, type TailCalibration } from "@spillway/shared/schema/calibration";
import { parseDocument } from "@spillway/shared/schema/document";
import { settingName } from "@spillway/shared/split/setting";
import { writeChart } from "../../models/src/charts/render.ts";
import { type ModelRun, runModels } from "../../models/src/evaluation/run-models.ts";
import type { LabelledImages } from "../../models/src/images/labelled-images.ts";
import { readMosaic } from "../../models/src/images/mosaic.ts";
import { splitInHalves } from "../../models/src/images/split.ts";
import { type ModelFolder, openModelFolder } from "../../models/src/model-folder.ts";
import { MOSAIC } from "./accuracy.bench.ts";
import { mean, points } from "./calibration/statistics.ts";
import { type Answers, answersOf, type Sent, votesOf } from "./features/answers.ts";
import { featureChart } from "./features/chart.ts";
import { type Family, fileBytes, LOSSLESS, pictureForms, pictureName, sentAs } from "./features/pictures.ts";
import {
  type Duel,
  duelsOf,
  type FeatureRow,
  type FileBytes,
  lossesAtPublishedRates,
  settingTable,
} from "./features/tables.ts";
import { markdownTable, percent } from "./measure.ts";

const MODEL = "models/cifar100";
const RESULTS = path.join(import.meta.dirname, "results");
const CHART = path.join(RESULTS, "features.svg");
/** All pictures; the README shows what they come to. */
const DETAILS = path.join(RESULTS, "features.md");
/** Whose files features are measured against: the quality that sharp uses unless told. */
const USUAL_QUALITY = 80;

/** The images that are sent, and all that is known of them without sending them. */
interface Subject {
  folder: ModelFolder;
  calibration: Calibration;
  images: LabelledImages;
  report: number[];
  labels: number[];
  votes: Float64Array[];
}

interface SentPicture extends Sent {
  family: Family | "lossless";
}

export async function benchFeatures() {
  const folder = await openModelFolder(MODEL);
  const file = path.join(MODEL, "calibration.json");
  const calibration = parseDocument(calibrationSchema, await readFile(file, "utf8"), file);
  if (calibration.tail === null) throw new Error(`${file}: does not describe a tail; run spillway calibrate`);
  const { preprocessing } = folder.manifest.edge;
  const images = await readMosaic(MOSAIC, preprocessing, folder.manifest.labels.length);
  const { report } = splitInHalves(images.count);
  const labels = report.map((index) => images.labels[index]);
  const run = await runModels(folder, images, report, { withTail: true });
  const votes = votesOf(run, calibration);
  const subject = { folder, calibration, images, report, labels, votes };
  const rows = featureRows(subject, run, calibration.tail);
  const lossless = await losslessFiles(subject);
  const pictures = await sentPictures(subject, answersOfLarge(subject, run), lossless);
  const usual = ["WebP", "JPEG"].map((name) => `${name} ${USUAL_QUALITY}`);
  const files: FileBytes = {
    bitmap: preprocessing.width * preprocessing.height * 3,
    files: { ...lossless, ...Object.fromEntries(usual.map((name) => [name, bytesOf(pictures, name)])) },
  };
  const edge = mean(votes.map((vote, row) => Number(vote.indexOf(Math.max(...vote)) === labels[row])));
  const duels = duelsOf(rows, pictures);
  const published = lossesAtPublishedRates(rows, files.bitmap);
  await writeChart(CHART, featureChart({ rows, pictures, edge, bitmap: files.bitmap, images: report.length }));
  await writeFile(DETAILS, `${details(pictures, files.bitmap, report.length)}\n`);
  const inShort = ({ name, bytes, alone, fused }: Sent) => ({ name, bytes, alone: mean(alone), fused: mean(fused) });
  return {
    results: {
      n: report.length,
      edge,
      files,
      settings: rows.map((row) => ({ ...inShort(row), rawBytes: row.rawBytes })),
      pictures: pictures.map(inShort),
      duels,
      published,
    },
    tables: {
      features: `n = ${report.length}; the edge alone: ${percent(edge)}\n\n${featureTable(rows, files)}`,
      "features-published": publishedTable(published),
      "features-pictures": `${verdict(duels)}\n\n${duelTable(duels)}`,
    },
  };
}

function featureRows({ folder, votes, labels }: Subject, { tail }: ModelRun, fits: readonly TailCalibration[]) {
  const settings = folder.manifest.cloud.tail?.settings ?? [];
  return tail.map(({ setting, logits, frameBytes }, index): FeatureRow => {
    const { rawBytes } = settings[index];
    return {
      name: settingName(settings[index]),
      rawBytes,
      bytes: mean(frameBytes ?? []),
      ...answersOf(logits, votes, labels, fits.find((fit) => fit.setting === setting) as TailCalibration),
    };
  });
}

function answersOfLarge({ calibration, votes, labels }: Subject, { large }: ModelRun): Answers {
  return answersOf(large, votes, labels, { calibrator: calibration.cloud, fusion: calibration.fusion });
}

/** Mean length of each lossless file. */
async function losslessFiles({ images, report }: Subject): Promise<Record<string, number>> {
  const means: Record<string, number> = {};
  for (const [name, encode] of Object.entries(LOSSLESS)) means[name] = mean(await fileBytes(images, report, encode));
  return means;
}

/** Every form of picture, then the lossless files, whose answers are those to the image itself. */
async function sentPictures(
  subject: Subject,
  toOriginals: Answers,
  lossless: Record<string, number>,
): Promise<SentPicture[]> {
  const pictures: SentPicture[] = [];
  const forms = pictureForms();
  for (const [index, form] of forms.entries()) {
    const { received, bytes } = sentAs(subject.images, form);
    const answers = answersOfLarge(subject, await runModels(subject.folder, received, subject.report));
    for (const [family, lengths] of bytes) {
      pictures.push({ name: pictureName(family, form), family, bytes: mean(lengths), ...answers });
    }
    process.stderr.write(`features: ${index + 1} of ${forms.length} pictures\n`);
  }
  const files = Object.entries(lossless).map(([name, bytes]): SentPicture => {
    return { name, family: "lossless", bytes, ...toOriginals };
  });
  return [...pictures, ...files];
}

function bytesOf(sent: readonly Sent[], name: string): number {
  const found = sent.find((one) => one.name === name);
  if (found === undefined) throw new RangeError(`expected a picture "${name}"`);
  return found.bytes;
}

function featureTable(rows: readonly FeatureRow[], files: FileBytes): string {
  const shares = ["of the bitmap", ...Object.keys(files.files).map((name) => `of ${name}`)];
  return markdownTable(
    ["channels x bits", "packed, bytes", "frame, bytes", ...shares, "tail", "fused", "tail loses, points"],
    settingTable(rows, files),
  );
}

function publishedTable(published: ReturnType<typeof lossesAtPublishedRates>): string {
  return markdownTable(
    ["residual rate", "RTCoInfer loses, points", "ours loses, points", "at"],
    published.map(({ rate, theirs, ours }) => [
      String(rate),
      theirs.toFixed(1),
      ours === null ? "no setting is as small" : points(ours.loss, ours.standardError),
      ours?.setting ?? "",
    ]),
  );
}

function duelTable(duels: readonly Duel[]): string {
  return markdownTable(
    ["features", "bytes", "fused", "best picture of at most as many", "bytes", "fused", "features ahead, points"],
    duels.map(({ setting, bytes, fused, rival }) => [
      setting,
      bytes.toFixed(1),
      percent(fused),
      rival?.name ?? "none is as small",
      rival?.bytes.toFixed(1) ?? "",
      rival === null ? "" : percent(rival.fused),
      rival === null ? "" : points(rival.ahead, rival.standardError),
    ]),
  );
}

/** In words, by settings that are worth their bytes: those less accurate than a leaner one say nothing of features. */
function verdict(duels: readonly Duel[]): string {
  const front = duels.filter(({ fused }, index) => duels.slice(0, index).every((leaner) => leaner.fused < fused));
  const isAhead = ({ rival }: Duel) => rival === null || rival.ahead > 2 * rival.standardError;
  const isBehind = ({ rival }: Duel) => rival !== null && rival.ahead < -2 * rival.standardError;
  const describe = (found: readonly Duel[]) =>
    found.length === 0
      ? "none"
      : found.map(({ setting, bytes }) => `${setting} (${bytes.toFixed(0)} bytes)`).join(", ");
  return [
    `By more than two standard errors ahead of every picture of at most as many bytes: ${describe(front.filter(isAhead))}.`,
    `Behind one by as much: ${describe(front.filter(isBehind))}.`,
    `Within them: ${describe(front.filter((duel) => !isAhead(duel) && !isBehind(duel)))}.`,
  ].join(" ");
}

function details(pictures: readonly SentPicture[], bitmap: number, images: number): string {
  const table = markdownTable(
    ["picture", "bytes", "of the bitmap", "large", "fused"],
    pictures
      .toSorted((a, b) => a.bytes - b.bytes)
      .map(({ name, bytes, alone, fused }) => [
        name,
        bytes.toFixed(1),
        percent(bytes / bitmap),
        percent(mean(alone)),
        percent(mean(fused)),
      ]),
  );
  return `# Pictures sent to the large model\n\nn = ${images}; by bytes\n\n${table}`;
}
