// Frames of compressed features become the tail's three tensors, exactly as the edge would send them to
// a server that knows no frames.
import type { Steps } from "@spillway/shared/preprocess/steps";
import { elementCount, type Tensor } from "@spillway/shared/protocol/tensor";
import type { TailModel } from "@spillway/shared/schema/manifest";
import { decodeFrame } from "@spillway/shared/split/frame";
import type { FeatureShape } from "@spillway/shared/split/setting";
import { type TailRow, tailTensors } from "@spillway/shared/split/tail-input";
import { failure, type Outcome, protocolOutcome, success } from "../errors.ts";
import { abandonment } from "../inference/abandonment.ts";
import type { RunInSlices } from "../slices.ts";

/** How a frame becomes the inputs of a graph. */
export interface FrameRecipe {
  tail: TailModel;
  /** Of the features that the tail reads. */
  shape: FeatureShape;
}

/**
 * One row for each frame; their settings may differ. They are decoded on this thread, a few at a time:
 * to send one to another thread and its codes back takes longer than to decode it, the inference threads
 * are to infer, and a damaged frame is refused before it can join anybody's batch.
 */
export async function frameBatch(
  frames: readonly Uint8Array[],
  recipe: FrameRecipe,
  inSlices: RunInSlices,
  signal: AbortSignal,
): Promise<Outcome<Tensor[]>> {
  const count = protocolOutcome(() => elementCount([frames.length, ...recipe.shape]));
  return count.ok ? inSlices(decodeInSteps(frames, recipe, signal)) : count;
}

/** A step for each frame, and one for what they make together. */
function* decodeInSteps(
  frames: readonly Uint8Array[],
  { tail, shape }: FrameRecipe,
  signal: AbortSignal,
): Steps<Outcome<Tensor[]>> {
  const rows: TailRow[] = [];
  for (const [index, frame] of frames.entries()) {
    if (signal.aborted) return abandonment(signal);
    const decoded = decodeFrame(frame, { shape, settings: tail.settings });
    if (!decoded.ok) return failure("bad-frame", `frame ${index}: ${decoded.reason}: ${decoded.detail}`);
    rows.push(decoded);
    yield;
  }
  return success(tailTensors(tail, rows));
}
