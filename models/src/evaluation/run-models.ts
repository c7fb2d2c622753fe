// Runs every graph of a model over images with onnxruntime-node: what the Worker and the backend
// together would compute, offline and for all exits. Each of a few threads runs the graphs on one
// core while the next images are decoded and resized.
import { availableParallelism } from "node:os";
import type { BrokenImageError, LabelledImages } from "../images/labelled-images.ts";
import type { ModelFolder } from "../model-folder.ts";
import { batchSize, type ModelBatch, modelBatches } from "./model-batch.ts";
import { type BatchLogits, ModelThread } from "./model-thread.ts";

export interface ModelLogits {
  rows: number;
  classes: number;
  /** For each exit, row-major [rows, classes]. */
  exits: Float32Array[];
  /** Row-major [rows, classes]. */
  large: Float32Array;
}

export interface ModelRun extends ModelLogits {
  /** Which image each row is: the chosen indices without those of broken images. */
  indices: number[];
}

export interface RunOptions {
  /** Called with the images done so far, broken ones included. */
  progress?: ((images: number) => void) | undefined;
  /** Called for an image that the Worker would refuse, which is then left out; without it such an image ends the run. */
  onBroken?: ((error: BrokenImageError) => void) | undefined;
}

/** Each thread holds the whole model. */
const MAX_THREADS = 8;

/**
 * Logits of all exits and of the large model for the chosen images, in their order.
 * @throws Error with one clear line for a graph that cannot be run
 * @throws BrokenImageError for the first image that cannot be used
 */
export async function runModels(
  folder: ModelFolder,
  images: LabelledImages,
  indices: readonly number[],
  { progress = () => {}, onBroken }: RunOptions = {},
): Promise<ModelRun> {
  const { edge, labels } = folder.manifest;
  const member = () => new Float32Array(indices.length * labels.length);
  const logits = { rows: indices.length, classes: labels.length, exits: edge.stages.map(member), large: member() };
  const kept: number[] = [];
  const threads = startThreads(folder, Math.ceil(indices.length / batchSize(folder.manifest)));
  let done = 0;
  const countDone = (count: number) => {
    done += count;
    progress(done);
  };
  const skip = (error: BrokenImageError) => {
    onBroken?.(error);
    countDone(1);
  };
  const batches = modelBatches(images, indices, folder.manifest, { onBroken: onBroken && skip });
  const take = (batch: ModelBatch, results: BatchLogits) => {
    store(logits, batch.rows, results);
    kept.push(...batch.rows);
    countDone(batch.rows.length);
  };
  try {
    await Promise.all(threads.map((thread) => runBatches(thread, batches, take)));
  } finally {
    await Promise.all(threads.map((thread) => thread.stop()));
  }
  kept.sort((a, b) => a - b);
  return { ...onlyRows(logits, kept), indices: kept.map((row) => indices[row]) };
}

function startThreads(folder: ModelFolder, batches: number): ModelThread[] {
  const cores = availableParallelism();
  const length = Math.min(cores, MAX_THREADS, batches);
  return Array.from({ length }, () => new ModelThread({ folder, cores: Math.floor(cores / length) }));
}

/** Takes batches until there are none; the next is prepared while one is run. */
async function runBatches(
  thread: ModelThread,
  batches: AsyncGenerator<ModelBatch, undefined>,
  take: (batch: ModelBatch, results: BatchLogits) => void,
): Promise<void> {
  let { value: batch } = await batches.next();
  while (batch !== undefined) {
    const results: Promise<BatchLogits | null> = batch.rows.length > 0 ? thread.run(batch) : Promise.resolve(null);
    const [logits, upcoming] = await Promise.all([results, batches.next()]);
    if (logits !== null) take(batch, logits);
    batch = upcoming.value;
  }
}

function store(logits: ModelLogits, rows: readonly number[], results: BatchLogits): void {
  const members = [...logits.exits, logits.large];
  for (const [member, values] of [...results.exits, results.large].entries()) {
    rows.forEach((row, at) => {
      const from = at * logits.classes;
      members[member].set(values.subarray(from, from + logits.classes), row * logits.classes);
    });
  }
}

/** Moves the rows together, in place. */
function onlyRows({ classes, exits, large }: ModelLogits, rows: readonly number[]): ModelLogits {
  for (const member of [...exits, large]) {
    rows.forEach((row, to) => {
      member.copyWithin(to * classes, row * classes, (row + 1) * classes);
    });
  }
  const cut = (member: Float32Array) => member.subarray(0, rows.length * classes);
  return { rows: rows.length, classes, exits: exits.map(cut), large: cut(large) };
}
