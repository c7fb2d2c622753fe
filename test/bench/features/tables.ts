// What a row of features costs and is worth, beside what pictures are at the same price.

import { mean, points } from "../calibration/statistics.ts";
import { percent } from "../measure.ts";
import { difference, type Sent } from "./answers.ts";
import { RTCOINFER } from "./published.ts";

/** Bytes of the raw bitmap and of the same images as files. */
export interface FileBytes {
  bitmap: number;
  files: Record<string, number>;
}

export interface FeatureRow extends Sent {
  /** The codes alone, packed. */
  rawBytes: number;
}

export function settingTable(rows: readonly FeatureRow[], { bitmap, files }: FileBytes): string[][] {
  const uncompressed = rows[rows.length - 1];
  return rows.map((row) => {
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
}

/** The most accurate of those that take at most so many bytes: it is chosen on the images that are judged. */
export function bestWithin<Kind extends Sent>(sent: readonly Kind[], bytes: number): Kind | null {
  const affordable = sent.filter((one) => one.bytes <= bytes);
  return affordable.reduce<Kind | null>(
    (best, one) => (best === null || mean(one.fused) > mean(best.fused) ? one : best),
    null,
  );
}

/** A row of features against the best picture of at most as many bytes; null where no picture is as small. */
export interface Duel {
  setting: string;
  bytes: number;
  fused: number;
  rival: { name: string; bytes: number; fused: number; ahead: number; standardError: number } | null;
}

export function duelsOf(rows: readonly Sent[], pictures: readonly Sent[]): Duel[] {
  return rows
    .toSorted((a, b) => a.bytes - b.bytes)
    .map(({ name, bytes, fused }) => {
      const rival = bestWithin(pictures, bytes);
      const ahead = rival && difference(fused, rival.fused);
      return {
        setting: name,
        bytes,
        fused: mean(fused),
        rival: rival &&
          ahead && {
            name: rival.name,
            bytes: rival.bytes,
            fused: mean(rival.fused),
            ahead: ahead.mean,
            standardError: ahead.standardError,
          },
      };
    });
}

/** At each residual rate that RTCoInfer published: what our best setting within it loses. */
export function lossesAtPublishedRates(rows: readonly Sent[], bitmap: number) {
  const uncompressed = rows[rows.length - 1];
  return RTCOINFER.map(({ x: rate, y: theirs }) => {
    const affordable = rows.filter(({ bytes }) => bytes <= rate * bitmap);
    if (affordable.length === 0) return { rate, theirs, ours: null };
    const best = affordable.reduce((a, b) => (mean(b.alone) > mean(a.alone) ? b : a));
    const lost = difference(uncompressed.alone, best.alone);
    return { rate, theirs, ours: { setting: best.name, loss: lost.mean, standardError: lost.standardError } };
  });
}
