// Runs every graph of a model over images with onnxruntime-node: what the Worker and the backend
// together would compute, offline, for all exits and all settings of the tail. Each of a few threads
// runs the graphs on one core while the next images are decoded and resized.
import { availableParallelism } from "node:os";
import type { Manifest } from "@spillway/shared/schema/manifest";
import { settingName } from "@spillway/shared/split/setting";
import type { BrokenImageError, LabelledImages } from "../images/labelled-images.ts";
import type { ModelFolder } from "../model-folder.ts";
import { batchSize, type ModelBatch, modelBatches } from "./model-batch.ts";
import { type BatchLogits, ModelThread, type ThreadOptions } from "./model-thread.ts";

export interface ModelLogits {
  rows: number;
  classes: number;
  /** For each exit, row-major [rows, classes]. */
  exits: Float32Array[];
  /** Row-major [rows, classes]. */
  large: Float32Array;
  /** For each of the manifest's settings, in their order; empty where the tail was not run. */
  tail: TailLogits[];
}

/** What the tail says of features that were sent at one setting. */
export interface TailLogits {
  /** As {@link settingName} says it. */
  setting: string;
  /** Row-major [rows, classes]. */
  logits: Float32Array;
  /** Length of each image's frame, [rows]; null where whoever ran the tail made no frames. */
  frameBytes: Int32Array | null;
}

export interface ModelRun extends ModelLogits {
  /** Which image each row is: the chosen indices without those of broken images. */
  indices: number[];
}

export interface RunOptions {
  /** Also runs the tail, where the model has one, at each of its settings; by default it is left out. */
  withTail?: boolean | undefined;
  /** Called with the images done so far, broken ones included. */
  progress?: ((images: number) => void) | undefined;
  /** Called for an image that the Worker would refuse, which is then left out; without it such an image ends the run. */
  onBroken?: ((error: BrokenImageError) => void) | undefined;
}

/** Each thread holds the whole model. */
const MAX_THREADS = 8;

/**
 * Logits of all exits, of the large model and, if asked for, of the tail for the chosen images, in their order.
 * @throws Error with one clear line for a graph that cannot be run
 * @throws BrokenImageError for the first image that cannot be used
 */
export async function runModels(
  folder: ModelFolder,
  images: LabelledImages,
  indices: readonly number[],
  { withTail = false, progress = () => {}, onBroken }: RunOptions = {},
): Promise<ModelRun> {
  const logits = emptyLogits(folder.manifest, indices.length, withTail);
  const kept: number[] = [];
  const threads = startThreads({ folder, withTail }, Math.ceil(indices.length / batchSize(folder.manifest)));
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

function emptyLogits({ edge, cloud, labels }: Manifest, rows: number, withTail: boolean): ModelLogits {
  const member = () => new Float32Array(rows * labels.length);
  const settings = withTail ? (cloud.tail?.settings ?? []) : [];
  return {
    rows,
    classes: labels.length,
    exits: edge.stages.map(member),
    large: member(),
    tail: settings.map((setting) => ({
      setting: settingName(setting),
      logits: member(),
      frameBytes: new Int32Array(rows),
    })),
  };
}

function startThreads(options: Omit<ThreadOptions, "cores">, batches: number): ModelThread[] {
  const cores = availableParallelism();
  const length = Math.min(cores, MAX_THREADS, batches);
  return Array.from({ length }, () => new ModelThread({ ...options, cores: Math.floor(cores / length) }));
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
  const { classes } = logits;
  const parts = membersOf(results);
  for (const [index, member] of membersOf(logits).entries()) {
    rows.forEach((row, at) => {
      member.set(parts[index].subarray(at * classes, (at + 1) * classes), row * classes);
    });
  }
  for (const [index, { frameBytes }] of logits.tail.entries()) {
    rows.forEach((row, at) => {
      if (frameBytes !== null) frameBytes[row] = results.tail[index].frameBytes[at];
    });
  }
}

function membersOf({
  exits,
  large,
  tail,
}: Pick<ModelLogits, "exits" | "large"> & { tail: { logits: Float32Array }[] }) {
  return [...exits, large, ...tail.map(({ logits }) => logits)];
}

/** Moves the rows together, in place. */
function onlyRows(logits: ModelLogits, rows: readonly number[]): ModelLogits {
  const { classes, exits, large, tail } = logits;
  const together = <Values extends Float32Array | Int32Array>(values: Values, columns: number) => {
    rows.forEach((row, to) => {
      values.copyWithin(to * columns, row * columns, (row + 1) * columns);
    });
    return values.subarray(0, rows.length * columns) as Values;
  };
  return {
    rows: rows.length,
    classes,
    exits: exits.map((member) => together(member, classes)),
    large: together(large, classes),
    tail: tail.map(({ setting, logits: member, frameBytes }) => ({
      setting,
      logits: together(member, classes),
      frameBytes: frameBytes && together(frameBytes, 1),
    })),
  };
}
