// Whether the cloud was right about each image, and what was answered: fused with the vote of the exits, as the
// Worker does it.
import { applyCalibrator } from "@spillway/shared/calibration/calibrator";
import { poolProbabilities } from "@spillway/shared/calibration/opinion-pool";
import { rowOf } from "@spillway/shared/calibration/row-major";
import { argmax } from "@spillway/shared/calibration/softmax";
import { fuse } from "@spillway/shared/offload/fusion";
import type { Calibration, Calibrator, Fusion } from "@spillway/shared/schema/calibration";
import type { ModelLogits } from "../../../models/src/evaluation/run-models.ts";
import { deviation, mean } from "../calibration/statistics.ts";
import type { Family } from "./pictures.ts";

/** 1 where it was right, else 0; each [rows]. */
export interface Answers {
  /** The cloud's own answer. */
  alone: Uint8Array;
  /** What the client gets. */
  fused: Uint8Array;
}

export interface Sent extends Answers {
  name: string;
  /** Mean of all images. */
  bytes: number;
}

export interface SentPicture extends Sent {
  family: Family | "lossless";
}

/** What loses least on the way, which is what takes most bytes. */
export function uncompressedOf<Kind extends Sent>(rows: readonly Kind[]): Kind {
  return rows.reduce((most, row) => (row.bytes > most.bytes ? row : most));
}

/** Calibrated votes, [rows] of [classes]. */
export function votesOf({ exits, rows, classes }: ModelLogits, calibration: Calibration): Float64Array[] {
  return Array.from({ length: rows }, (_, row) =>
    poolProbabilities(
      exits.map((member, exit) => applyCalibrator(rowOf(member, row, classes), calibration.exits[exit])),
      calibration.vote,
    ),
  );
}

export function answersOf(
  logits: Float32Array,
  votes: readonly Float64Array[],
  labels: Int32Array,
  { calibrator, fusion }: { calibrator: Calibrator; fusion: Fusion | null },
): Answers {
  const answers = { alone: new Uint8Array(labels.length), fused: new Uint8Array(labels.length) };
  labels.forEach((label, row) => {
    const cloud = applyCalibrator(rowOf(logits, row, votes[row].length), calibrator);
    answers.alone[row] = Number(argmax(cloud) === label);
    answers.fused[row] = Number(argmax(fusion === null ? cloud : fuse(votes[row], cloud, fusion)) === label);
  });
  return answers;
}

/** Mean of a - b over the same images, with the standard error of that mean. */
export function difference(a: Uint8Array, b: Uint8Array): { mean: number; standardError: number } {
  const differences = Array.from(a, (value, row) => value - b[row]);
  return { mean: mean(differences), standardError: deviation(differences) / Math.sqrt(differences.length) };
}
