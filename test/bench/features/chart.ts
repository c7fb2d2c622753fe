// Accuracy against bytes for features and pictures, and what features lose beside what others published.
import type { TopLevelSpec } from "vega-lite";
import type { Line, Point } from "../../../models/src/charts/lines.ts";
import { panels } from "../../../models/src/charts/panels.ts";
import { mean } from "../calibration/statistics.ts";
import { difference, type Sent, type SentPicture, uncompressedOf } from "./answers.ts";
import { FAMILIES } from "./pictures.ts";
import { CLIO, RTCOINFER } from "./published.ts";

interface Comparison {
  rows: readonly Sent[];
  pictures: readonly SentPicture[];
  /** Accuracy of the edge alone. */
  edge: number;
  /** Bytes of the raw bitmap. */
  bitmap: number;
  images: number;
}

const OURS = "features to the tail, ours";

export function featureChart({ rows, pictures, edge, bitmap, images }: Comparison): TopLevelSpec {
  const all = [...rows, ...pictures].map(({ bytes }) => bytes);
  const ends = [Math.min(...all), Math.max(...all)];
  const lines: Line[] = [
    { name: OURS, points: front(rows) },
    ...FAMILIES.map((family): Line => {
      const ofFamily = pictures.filter((picture) => picture.family === family);
      return { name: `${family} to the large model`, points: front(ofFamily) };
    }),
    { name: "edge alone", points: ends.map((x) => ({ x, y: edge })), style: "dashed" },
  ];
  return panels(
    `What is sent and what is answered: ${images} images that chose nothing`,
    [
      {
        title: "answered, fused with the edge",
        subtitle: "of settings and qualities those that no other of their kind beats with fewer bytes",
        x: { title: "bytes an image", scale: "log" },
        y: { title: "top-1", format: ".0%" },
        lines,
      },
      {
        title: "lost against features uncompressed",
        subtitle: "others on Stanford Cars, as published",
        x: { title: "residual rate: bytes sent over bytes of the bitmap", scale: "log", format: "~g" },
        y: { title: "points of top-1", domain: [-1, 20] },
        lines: [
          { name: OURS, points: losses(rows, bitmap) },
          { name: "RTCoInfer", points: RTCOINFER },
          { name: "CLIO", points: CLIO },
        ],
      },
    ],
    2,
  );
}

/** By bytes, without those that a leaner one equals. */
function front(sent: readonly Sent[]): Point[] {
  const points: Point[] = [];
  for (const { bytes, fused } of sent.toSorted((a, b) => a.bytes - b.bytes)) {
    const y = mean(fused);
    if (points.every((leaner) => leaner.y < y)) points.push({ x: bytes, y });
  }
  return points;
}

/** Ever smaller loss for ever more bytes. */
function losses(rows: readonly Sent[], bitmap: number): Point[] {
  const uncompressed = uncompressedOf(rows);
  const points: Point[] = [];
  for (const { bytes, alone } of rows.toSorted((a, b) => a.bytes - b.bytes)) {
    const y = 100 * difference(uncompressed.alone, alone).mean;
    if (points.every((leaner) => leaner.y > y)) points.push({ x: bytes / bitmap, y });
  }
  return points;
}
