// Classifiers whose truth is known: they are right as often as they say, and their tables lie in a temporary folder.
import { mulberry32 } from "@spillway/shared/random/mulberry32";
import type { Evaluation } from "../../../models/src/evaluation/evaluation-file.ts";
import { openModelFolder } from "../../../models/src/model-folder.ts";
import { temporaryFolder } from "../arrays/folder.ts";

/** Probabilities [rows, classes] of a classifier that says a confidence and is right that often. */
export interface Table {
  probabilities: Float64Array;
  correct: Uint8Array;
}

export function madeUpLabels(rows: number, classes: number, seed: number): Int32Array {
  const random = mulberry32(seed);
  return Int32Array.from({ length: rows }, () => Math.floor(random() * classes));
}

/**
 * @param confidence of a row's largest probability, from a number in [0, 1)
 * @param overconfidence power that its probabilities are raised to: 1 is calibrated
 */
export function madeUpTable(
  labels: Int32Array,
  classes: number,
  confidence: (number: number) => number,
  seed: number,
  overconfidence = 1,
): Table {
  const random = mulberry32(seed);
  const probabilities = new Float64Array(labels.length * classes);
  const correct = new Uint8Array(labels.length);
  labels.forEach((label, row) => {
    const largest = confidence(random());
    correct[row] = random() < largest ? 1 : 0;
    const answer = correct[row] === 1 ? label : (label + 1 + Math.floor(random() * (classes - 1))) % classes;
    const powers = Array.from({ length: classes }, (_, k) =>
      k === answer ? largest ** overconfidence : ((1 - largest) / (classes - 1)) ** overconfidence,
    );
    const sum = powers.reduce((total, power) => total + power, 0);
    for (let k = 0; k < classes; k++) probabilities[row * classes + k] = powers[k] / sum;
  });
  return { probabilities, correct };
}

/** A pair in files: an edge between 0.4 and 1, and a cloud of 0.95, of four classes. */
export function pairInFiles(rows = 400, classes = 4) {
  const { folder, write, writeArray } = temporaryFolder();
  const labels = madeUpLabels(rows, classes, 1);
  const edge = madeUpTable(labels, classes, (u) => 0.4 + 0.6 * u, 2);
  const cloud = madeUpTable(labels, classes, () => 0.95, 3);
  const files = {
    edge: writeArray("edge.npy", { shape: [rows, classes], data: edge.probabilities }),
    cloud: writeArray("cloud.npy", { shape: [rows, classes], data: cloud.probabilities }),
    labels: writeArray("labels.npy", { shape: [rows], data: BigInt64Array.from(labels, BigInt) }),
  };
  const flags = Object.entries(files).flatMap(([name, file]) => [`--${name}`, file]);
  return { folder, write, writeArray, labels, edge, cloud, files, flags };
}

/** What the shipped model's exits and large model might have said; the deeper, the surer. */
export async function madeUpEvaluation(rows: number): Promise<Evaluation> {
  const { manifest, hash } = await openModelFolder("models/cifar100");
  const classes = manifest.labels.length;
  const labels = madeUpLabels(rows, classes, 4);
  const logitsOf = (lowest: number, seed: number) =>
    Float32Array.from(
      madeUpTable(labels, classes, (u) => lowest + (0.99 - lowest) * u, seed).probabilities,
      (p) => 2 * Math.log(p),
    );
  return {
    rows,
    classes,
    exits: manifest.edge.stages.map((_, exit) => logitsOf(0.2 + 0.2 * exit, 5 + exit)),
    large: logitsOf(0.9, 9),
    tail: [],
    labels,
    modelHash: hash,
    dataset: "made up",
  };
}
