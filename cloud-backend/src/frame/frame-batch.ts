// Frames of compressed features become the tail's three tensors, exactly as the edge would send them to
// a server that knows no frames.
import { elementCount, type Tensor } from "@spillway/shared/protocol/tensor";
import type { TailModel } from "@spillway/shared/schema/manifest";
import type { FeatureShape } from "@spillway/shared/split/setting";
import { type TailRow, tailTensors } from "@spillway/shared/split/tail-input";
import { failure, type Outcome, protocolOutcome, success } from "../errors.ts";
import type { FrameThreads } from "./frame-threads.ts";

/** How a frame becomes the inputs of a graph. */
export interface FrameRecipe {
  tail: TailModel;
  /** Of the features that the tail reads. */
  shape: FeatureShape;
}

/**
 * One row for each frame; their settings may differ. Decodes one after the other, so that a large batch does
 * not keep others from decoding.
 */
export async function frameBatch(
  frames: readonly Uint8Array[],
  { tail, shape }: FrameRecipe,
  threads: FrameThreads,
  signal: AbortSignal,
): Promise<Outcome<Tensor[]>> {
  const count = protocolOutcome(() => elementCount([frames.length, ...shape]));
  if (!count.ok) return count;
  const rows: TailRow[] = [];
  for (const [index, frame] of frames.entries()) {
    const decoded = await threads.decode(frame, signal);
    if (!decoded.ok) return decoded;
    if (!decoded.value.ok) {
      return failure("bad-frame", `frame ${index}: ${decoded.value.reason}: ${decoded.value.detail}`);
    }
    rows.push(decoded.value);
  }
  return success(tailTensors(tail, rows));
}
