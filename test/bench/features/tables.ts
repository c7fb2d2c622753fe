// What features cost and are worth, and what others published; and all pictures.

import { mean, points } from "../calibration/statistics.ts";
import { markdownTable, percent } from "../measure.ts";
import { difference, type Sent, type SentPicture, uncompressedOf } from "./answers.ts";
import { RTCOINFER } from "./published.ts";

/** Bytes of the raw bitmap and of the same images as files. */
export interface FileBytes {
  bitmap: number;
  files: Record<string, number>;
}

export interface FeatureRow extends Sent {
  /** The codes alone, packed. */
  rawBytes: number;
  /** How good the calibration half found it: fused, see shared/src/offload/gain-share.ts, */
  gainShare: number;
  /** and the tail's own answers, top-1. */
  calibrationTop1: number;
}

export function featureTable(rows: readonly FeatureRow[], { bitmap, files }: FileBytes): string {
  const shares = ["of the bitmap", ...Object.keys(files).map((name) => `of ${name}`)];
  const uncompressed = uncompressedOf(rows);
  const cells = rows.map((row) => {
    const lost = difference(uncompressed.alone, row.alone);
    return [
      row.name,
      String(row.rawBytes),
      row.bytes.toFixed(1),
      percent(row.bytes / bitmap),
      ...Object.values(files).map((bytes) => percent(row.bytes / bytes, 0)),
      percent(mean(row.alone)),
      percent(mean(row.fused)),
      row === uncompressed ? "" : points(lost.mean, lost.standardError),
    ];
  });
  return markdownTable(
    ["channels x bits", "packed, bytes", "frame, bytes", ...shares, "tail", "fused", "tail loses, points"],
    cells,
  );
}

/**
 * At each residual rate that RTCoInfer published: what our best setting within it loses. The calibration half says which
 * that is; the best on the images that are judged would flatter itself.
 */
export function lossesAtPublishedRates(rows: readonly FeatureRow[], bitmap: number) {
  const uncompressed = uncompressedOf(rows);
  return RTCOINFER.map(({ x: rate, y: theirs }) => {
    const affordable = rows.filter(({ bytes }) => bytes <= rate * bitmap);
    if (affordable.length === 0) return { rate, theirs, ours: null };
    const best = affordable.reduce((a, b) => (b.calibrationTop1 > a.calibrationTop1 ? b : a));
    const lost = difference(uncompressed.alone, best.alone);
    return { rate, theirs, ours: { setting: best.name, loss: lost.mean, standardError: lost.standardError } };
  });
}

export function publishedTable(published: ReturnType<typeof lossesAtPublishedRates>): string {
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

/** For those who want to see all of them: by bytes. */
export function pictureTable(pictures: readonly SentPicture[], bitmap: number, images: number): string {
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
