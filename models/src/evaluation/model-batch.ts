// Images on their way to the networks: decoded, resized and packed, a few at a time.
import { resizeImage, tensorOfImage } from "@spillway/shared/preprocess/image-tensor";
import type { ImageInput, Manifest, Preprocessing } from "@spillway/shared/schema/manifest";
import { BrokenImageError, type LabelledImages } from "../images/labelled-images.ts";

/** Both networks' inputs for the same images. */
export interface ModelBatch {
  /** Places in the list of indices that was asked for, rising. */
  rows: number[];
  edge: Float32Array<ArrayBuffer> | Uint8Array<ArrayBuffer>;
  large: Float32Array<ArrayBuffer> | Uint8Array<ArrayBuffer>;
}

export interface BatchOptions {
  /** Called for an image that the Worker would refuse, which then has no row; without it such an image ends all. */
  onBroken?: ((error: BrokenImageError) => void) | undefined;
}

/** More images at once make a row no cheaper, and the progress coarser. */
const MAX_BATCH = 25;

/** Bytes of input tensors in one batch: what a network keeps while it runs is many times that. */
const MAX_BATCH_BYTES = 8_000_000;

/** Images decoded at the same time: a large one takes 64 MB until it is resized. */
const MAX_CONCURRENT_DECODES = 4;

/** Prepares one batch whenever it is asked for one. Several may ask; they are served in turn. */
export async function* modelBatches(
  images: LabelledImages,
  indices: readonly number[],
  manifest: Manifest,
  { onBroken }: BatchOptions,
): AsyncGenerator<ModelBatch, undefined> {
  const size = batchSize(manifest);
  for (let start = 0; start < indices.length; start += size) {
    const rows = indices.slice(start, start + size).map((_, offset) => start + offset);
    const prepared = await mapBounded(rows, MAX_CONCURRENT_DECODES, async (row) => {
      try {
        return { row, ...(await prepare(images, indices[row], manifest)) };
      } catch (error) {
        if (onBroken === undefined || !(error instanceof BrokenImageError)) throw error;
        onBroken(error);
        return null;
      }
    });
    const good = prepared.filter((image) => image !== null);
    yield {
      rows: good.map(({ row }) => row),
      edge: concatenated(
        good.map(({ edge }) => edge),
        manifest.edge.input,
      ),
      large: concatenated(
        good.map(({ large }) => large),
        manifest.cloud.large.input,
      ),
    };
  }
}

export function batchSize({ edge, cloud }: Manifest): number {
  const bytes = bytesOf(edge.preprocessing, edge.input) + bytesOf(cloud.large.preprocessing, cloud.large.input);
  return Math.max(1, Math.min(MAX_BATCH, Math.floor(MAX_BATCH_BYTES / bytes)));
}

function bytesOf({ width, height }: Preprocessing, { datatype }: ImageInput): number {
  return width * height * 3 * (datatype === "FP32" ? 4 : 1);
}

/** As the Worker does it: resized once where both networks take the same size. */
async function prepare(images: LabelledImages, index: number, { edge, cloud: { large } }: Manifest) {
  const { orientation, ...pixels } = await images.read(index);
  const small = resizeImage(pixels, orientation, edge.preprocessing);
  const { width, height, fit } = large.preprocessing;
  const isSame = width === small.width && height === small.height && fit === edge.preprocessing.fit;
  const forLarge = isSame ? small : resizeImage(pixels, orientation, large.preprocessing);
  return {
    edge: tensorOfImage(small, edge.preprocessing, edge.input),
    large: tensorOfImage(forLarge, large.preprocessing, large.input),
  };
}

/** Maps in order with at most `max` tasks under way; after a failure none is begun. */
async function mapBounded<Item, Value>(
  items: readonly Item[],
  max: number,
  task: (item: Item) => Promise<Value>,
): Promise<Value[]> {
  const values: Value[] = [];
  let next = 0;
  async function work(): Promise<void> {
    while (next < items.length) {
      const at = next++;
      try {
        values[at] = await task(items[at]);
      } catch (error) {
        next = items.length;
        throw error;
      }
    }
  }
  await Promise.all(Array.from({ length: max }, work));
  return values;
}

function concatenated(parts: readonly (Float32Array | Uint8Array)[], { datatype }: ImageInput) {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const all = datatype === "FP32" ? new Float32Array(length) : new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
