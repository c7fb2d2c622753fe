// From what a request brings to what its graph takes: the graph's own inputs as they are, or what stands in for
// them, decoded.
import { availableParallelism } from "node:os";
import { readByteElements, type Tensor } from "@spillway/shared/protocol/tensor";
import { type Outcome, type StartupStep, success } from "../errors.ts";
import { type FrameRecipe, frameBatch } from "../frame/frame-batch.ts";
import { FrameThreads } from "../frame/frame-threads.ts";
import { settingProblem } from "../frame/setting-problem.ts";
import { type ImageRecipe, imageBatch } from "../image/image-batch.ts";
import { MAX_FRAME_THREADS } from "../limits.ts";
import type { Decoding } from "./decoding.ts";
import type { EncodedInput } from "./encoded-input.ts";

export interface InputDecoder {
  /** @returns the graph's own inputs, in any order */
  decode(given: Tensor[], signal: AbortSignal): Promise<Outcome<Tensor[]>>;
  stop(): Promise<void>;
}

export interface InputDecoderOptions {
  decoding: Decoding;
  /** Told when a thread that decodes has died; another takes its place when it is needed. */
  onThreadLost: (error: string) => void;
}

/** Resolves once it can decode. No graph that is served takes BYTES itself. */
export async function startInputDecoder(
  encoded: EncodedInput | null,
  { decoding, onThreadLost }: InputDecoderOptions,
): Promise<StartupStep<InputDecoder>> {
  switch (encoded?.kind) {
    case "image":
      return success(imageDecoder(encoded.recipe, decoding));
    case "frame":
      return startFrameDecoder(encoded.recipe, onThreadLost);
    default:
      return success({ decode: async (given) => success(given), stop: async () => undefined });
  }
}

function imageDecoder(recipe: ImageRecipe, decoding: Decoding): InputDecoder {
  return {
    async decode(given, signal) {
      if (given[0].datatype !== "BYTES") return success(given);
      const batch = await imageBatch(readByteElements(given[0]), recipe, decoding, signal);
      return batch.ok ? success([batch.value]) : batch;
    },
    stop: async () => undefined,
  };
}

async function startFrameDecoder(
  recipe: FrameRecipe,
  onLost: (error: string) => void,
): Promise<StartupStep<InputDecoder>> {
  const { tail, shape } = recipe;
  const settings = tail.settings.map(({ channels, bits }) => ({ channels, bits }));
  // One core is left to the thread that answers HTTP.
  const maxThreads = Math.max(1, Math.min(MAX_FRAME_THREADS, availableParallelism() - 1));
  const threads = await FrameThreads.start({ expected: { shape, settings }, maxThreads, onLost });
  if (!threads.ok) return threads;
  return success({
    async decode(given, signal) {
      if (given[0].datatype !== "BYTES") return settingProblem(given, tail) ?? success(given);
      return frameBatch(readByteElements(given[0]), recipe, threads.value, signal);
    },
    stop: () => threads.value.stop(),
  });
}
